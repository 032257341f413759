/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names.c: threads with names that no printer and no parser likes: any bytes but NUL are allowed.
 */
#include "target.h"

static const char *const names[] = {
	"new\nline",     "tab\there",   "quote\"d",        "back\\slash",    "br[ack]et",
	"par) S 1 (en",  "caf\xc3\xa9", "bad\xff\xfeutf8", "esc\x1b[31mred", "semi;colon",
	"two  spaces  ", "cr\rreturn",  "%s%n%x",          "=== 1 x ===",    "comma, a]:",
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

static struct arrival arrivals[NAMES];

static void *run(void *arg)
{
	arrival_set(arg);
	target_rest();
	return NULL;
}

int main(void)
{
	target_begin();
	for (int i = 0; i < NAMES; i++)
		target_thread(names[i], 0, run, &arrivals[i]);
	for (int i = 0; i < NAMES; i++)
		arrival_await_sleep(&arrivals[i]);
	target_ready();
	target_rest();
}
