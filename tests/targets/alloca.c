/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alloca.c: threads whose frames have a size known only at run time, so that their callers can be
 * found only through rbp. Each thread's sizes differ: a frame size learned from one of them is
 * wrong for the others.
 */
#include "target.h"

#include <alloca.h>

enum { THREADS = 6 };

static struct arrival arrivals[THREADS];

static NOINLINE void block(int index)
{
	arrival_set(&arrivals[index]);
	target_rest();
}

static NOINLINE void sized_frame(int index, size_t bytes)
{
	char *room = alloca(bytes);

	memset(room, index, bytes);
	__asm__ volatile("" ::"r"(room) : "memory");
	block(index);
	KEEP_FRAME();
}

static NOINLINE void two_sized_frames(int index, size_t bytes)
{
	char *room = alloca(bytes * 3);

	__asm__ volatile("" ::"r"(room) : "memory");
	sized_frame(index, bytes);
	KEEP_FRAME();
}

static void *run(void *arg)
{
	int index = (int)(intptr_t)arg;

	two_sized_frames(index, 100 + 333 * (size_t)index);
	return NULL;
}

int main(void)
{
	target_begin();
	for (intptr_t i = 0; i < THREADS; i++)
		target_thread("alloca", 0, run, (void *)i);
	for (int i = 0; i < THREADS; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
