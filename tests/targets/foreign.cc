/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreign.cc: what C++20 waits with, none of which records an owner. Thread f-NAME blocks in
 * in_NAME. `lookalike` is an atomic int of the value 2 with data behind it that reads like the rest
 * of a glibc mutex: owner (the main thread), one user, kind 0.
 */
#include <atomic>
#include <barrier>
#include <cstdint>
#include <future>
#include <latch>
#include <semaphore>
#include <thread>

#include "target.h"

static struct {
	std::atomic<int> word{ 2 };
	uint32_t count = 1, owner, nusers = 1, kind = 0;
} lookalike;

static std::atomic<int> narrow{ 2 };
static std::atomic<long> wide{ 2 };
static std::atomic<bool> flag{ false };
static std::latch latch{ 2 };
static std::counting_semaphore<8> semaphore{ 0 };
static std::barrier barrier{ 2 };
static std::promise<int> promise;
static std::shared_future<int> future = promise.get_future().share();

#define WAIT(name, what)                 \
	NOINLINE static void in_##name() \
	{                                \
		what;                    \
		KEEP_FRAME();            \
	}

WAIT(lookalike, lookalike.word.wait(2))
WAIT(narrow, narrow.wait(2))
WAIT(wide, wide.wait(2))
WAIT(flag, flag.wait(false))
WAIT(latch, latch.wait())
WAIT(semaphore, semaphore.acquire())
WAIT(barrier, barrier.arrive_and_wait())
WAIT(future, future.wait())

static const struct {
	const char *name;
	void (*wait)();
} waits[] = {
	{ "f-lookalike", in_lookalike }, { "f-narrow", in_narrow }, { "f-wide", in_wide },
	{ "f-flag", in_flag },           { "f-latch", in_latch },   { "f-semaphore", in_semaphore },
	{ "f-barrier", in_barrier },     { "f-future", in_future },
};

enum { WAITS = sizeof(waits) / sizeof(*waits) };

static std::atomic<pid_t> arrived[WAITS];

int main()
{
	target_begin();
	lookalike.owner = (uint32_t)getpid();
	for (int i = 0; i < WAITS; i++) {
		std::thread thread([i] {
			arrived[i] = target_tid();
			waits[i].wait();
		});
		pthread_setname_np(thread.native_handle(), waits[i].name);
		thread.detach();
	}
	for (auto &tid : arrived) {
		while (tid == 0)
			target_nap_ms(1);
		target_await_sleep(tid);
	}
	target_ready();
	target_rest();
}
