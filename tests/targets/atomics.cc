/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * atomics.cc: waits of C++20 that are futexes of the C++ library's own, which record no owner.
 * Thread w-NAME waits in in_NAME. Beside each word that is waited for lies what a glibc mutex would
 * have there: its owner, one user, a kind.
 */
#include <atomic>
#include <cstdio>
#include <latch>
#include <semaphore>
#include <thread>

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace
{

struct lookalike {
	std::atomic<int> word{ 2 };
	int count = 0, owner = getpid(), nusers = 1, kind = 0;
} atomic_word;

std::latch latch{ 2 };
std::counting_semaphore<> semaphore{ 0 };

[[gnu::noinline]] int slow_value()
{
	for (;;)
		pause();
}

[[gnu::noinline]] void in_atomic()
{
	atomic_word.word.wait(2);
}

[[gnu::noinline]] void in_latch()
{
	latch.wait();
}

[[gnu::noinline]] void in_semaphore()
{
	semaphore.acquire();
}

[[gnu::noinline]] void in_guard()
{
	static int value = slow_value();
	std::printf("%d\n", value);
}

bool sleeps(pid_t tid)
{
	char path[64], line[512] = "";
	std::snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (std::FILE *file = std::fopen(path, "re")) {
		if (!std::fgets(line, sizeof(line), file))
			line[0] = 0;
		std::fclose(file);
	}
	for (char *c = line; *c; c++)
		if (c[0] == ')' && c[1] == ' ')
			return c[2] == 'S';
	return false;
}

/* The second thread of in_guard waits for the first one, which never ends. */
void start(const char *name, void (*wait)())
{
	std::atomic<pid_t> tid{ 0 };
	std::thread([&tid, name, wait] {
		pthread_setname_np(pthread_self(), name);
		tid = gettid();
		wait();
	}).detach();
	while (!tid || !sleeps(tid))
		usleep(1000);
}

} // namespace

int main()
{
	prctl(PR_SET_PDEATHSIG, 9);
	start("w-atomic", in_atomic);
	start("w-latch", in_latch);
	start("w-semaphore", in_semaphore);
	start("initializer", in_guard);
	start("w-guard", in_guard);
	std::puts("ready");
	std::fflush(stdout);
	for (;;)
		pause();
}
