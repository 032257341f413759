// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inline.cc: C++ names and inlined calls. Thread "chain" blocks at the end of a chain that is
 * outlined as app::Server<int>::run -> app::block_here and holds, inlined in between, handle,
 * parse and step; thread "lambda" blocks in a std::function. Each inlined call has its own line.
 */
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define INLINE_ALWAYS inline __attribute__((always_inline))

namespace app
{

static std::atomic<int> waiting;

struct Gate {
	std::mutex mutex;
	std::condition_variable opened;
	bool open = false;
};

static __attribute__((noinline)) void block_here(Gate &gate)
{
	std::unique_lock<std::mutex> lock(gate.mutex);

	waiting++;
	gate.opened.wait(lock, [&gate] { return gate.open; });
}

namespace
{

INLINE_ALWAYS int step(Gate &gate, int value)
{
	block_here(gate);
	return value + 1;
}

INLINE_ALWAYS int parse(Gate &gate, int value)
{
	int result = step(gate, value * 2);

	return result + 1;
}

} // namespace

template <typename T> class Server
{
      public:
	explicit Server(Gate &g) : gate(g)
	{
	}

	__attribute__((noinline)) T run(T value)
	{
		T result = handle(value);

		return result + static_cast<T>(1);
	}

      private:
	INLINE_ALWAYS T handle(T value)
	{
		return static_cast<T>(parse(gate, static_cast<int>(value)));
	}

	Gate &gate;
};

} // namespace app

static void run_function(const std::function<void(std::vector<int> &)> &function)
{
	std::vector<int> values{ 1, 2, 3 };

	function(values);
	values.push_back(4);
}

int main()
{
	app::Gate gate;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	std::thread first([&gate] {
		volatile int result = app::Server<int>(gate).run(1);
		(void)result;
	});
	std::thread second([&gate] {
		run_function([&gate](std::vector<int> &values) {
			app::block_here(gate);
			values.clear();
		});
	});
	pthread_setname_np(first.native_handle(), "chain");
	pthread_setname_np(second.native_handle(), "lambda");
	/* The lock is held from the count to the wait: having it means that both wait. */
	while (app::waiting < 2)
		usleep(1000);
	gate.mutex.lock();
	gate.mutex.unlock();
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
