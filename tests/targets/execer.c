/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * execer.c: replaces itself by exec every MS milliseconds and counts in its arguments how often.
 * Usage: execer [MS [COUNT [BUSY [WHO]]]]. Two threads block all the while, BUSY more (0) run. If WHO
 * is "other" it is not the main thread that calls exec. "ready" comes after the first exec. It keeps
 * books: a file that stays open grows by a byte at each exec, and has to have COUNT of them; if not,
 * the program ends with status 98.
 */
#include "target.h"

#include <sys/mman.h>

static struct arrival arrivals[2];
static _Atomic uint64_t turns;
static int ms, count, books = -1;
static char **own_args;

static void *blocked(void *arg)
{
	arrival_set(arg);
	target_rest();
	return NULL;
}

static void *busy(void *unused)
{
	for (;;)
		atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed);
	return unused;
}

static void *replace(void *unused)
{
	char ms_text[16], count_text[16], books_text[16];
	char *args[] = { own_args[0], ms_text,    count_text, own_args[3],
			 own_args[4], books_text, NULL };

	target_nap_ms(ms);
	target_check(write(books, "", 1) == 1, "books");
	snprintf(ms_text, sizeof(ms_text), "%d", ms);
	snprintf(count_text, sizeof(count_text), "%d", count + 1);
	snprintf(books_text, sizeof(books_text), "%d", books);
	execv(own_args[0], args);
	target_check(false, "execv");
	return unused;
}

static void check_books(void)
{
	if (books < 0)
		books = memfd_create("books", 0);
	if (lseek(books, 0, SEEK_END) != count)
		_exit(98);
}

int main(int argc, char **argv)
{
	static char none[] = "0", main_thread[] = "main";
	char *args[] = {
		argv[0], NULL, NULL, argc > 3 ? argv[3] : none, argc > 4 ? argv[4] : main_thread,
		NULL
	};

	own_args = args;
	ms = argc > 1 ? atoi(argv[1]) : 20;
	count = argc > 2 ? atoi(argv[2]) : 0;
	books = argc > 5 ? atoi(argv[5]) : -1;
	target_begin();
	check_books();
	for (int i = 0; i < 2; i++)
		target_thread("blocked", 0, blocked, &arrivals[i]);
	for (int i = 0; i < 2; i++)
		arrival_await_sleep(&arrivals[i]);
	for (int i = 0; i < atoi(args[3]); i++)
		target_thread("busy", 64 * 1024, busy, NULL);
	if (count == 1)
		target_ready();
	if (strcmp(args[4], "other") == 0) {
		target_thread("other", 0, replace, NULL);
		target_rest();
	}
	replace(NULL);
}
