/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * execer.c: replaces itself by exec every MS milliseconds and counts in its arguments how often.
 * Usage: execer [MS]. Two threads block all the while. "ready" comes after the first exec.
 */
#include "target.h"

static struct arrival arrivals[2];

static void *blocked(void *arg)
{
	arrival_set(arg);
	target_rest();
	return NULL;
}

int main(int argc, char **argv)
{
	int ms = argc > 1 ? atoi(argv[1]) : 20;
	int count = argc > 2 ? atoi(argv[2]) : 0;
	char ms_text[16], count_text[16];
	char *args[] = { argv[0], ms_text, count_text, NULL };

	target_begin();
	for (int i = 0; i < 2; i++)
		target_thread("blocked", 0, blocked, &arrivals[i]);
	for (int i = 0; i < 2; i++)
		arrival_await_sleep(&arrivals[i]);
	if (count == 1)
		target_ready();
	target_nap_ms(ms);
	snprintf(ms_text, sizeof(ms_text), "%d", ms);
	snprintf(count_text, sizeof(count_text), "%d", count + 1);
	execv(argv[0], args);
	target_check(false, "execv");
}
