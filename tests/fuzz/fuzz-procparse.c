/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-procparse.c: every parser of one-thread, socket and lock texts. The first byte of the input
 * (a digit in the corpus) chooses the parser, the rest is the text. What a parser accepts must be sane: a name that ends, a path
 * inside the line.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/procparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_stat(const char *text)
{
	struct proc_stat stat;

	if (procparse_stat(text, &stat) == 0)
		check(memchr(stat.comm, '\0', sizeof(stat.comm)) && stat.pid >= 0);
}

static void fuzz_schedstat(const char *text)
{
	struct look look = { 0 };

	procparse_schedstat(text, &look);
}

static void fuzz_syscall(const char *text)
{
	struct look look = { 0 };

	if (procparse_syscall(text, &look) == 0)
		check(look.call != CALL_NUMBER || look.nr >= 0);
}

static void fuzz_exec_start(const char *text)
{
	uint64_t ns;

	procparse_exec_start(text, &ns);
}

static void fuzz_status(const char *text)
{
	struct proc_status status;
	uint64_t value;

	procparse_status(text, &status);
	procparse_status_number(text, "Tgid", 10, &value);
	procparse_status_number(text, "CapEff", 16, &value);
}

static void fuzz_inet(const char *text)
{
	char small[8], large[160];
	uint64_t inode;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct inet_ends ends;

		procparse_inet_ends(text, ipv6, &inode, &ends);
		if (procparse_inet_line(text, ipv6, &inode, large, sizeof(large)) == 0)
			check(strlen(large) > 0);
		procparse_inet_line(text, ipv6, &inode, small, sizeof(small));
	}
}

static void fuzz_unix(const char *text)
{
	const char *path;
	uint64_t inode;
	bool listens;
	int type;

	if (procparse_unix_type(text, &type, &listens) == 0)
		check(type >= 0);
	if (procparse_unix_line(text, &inode, &path) == 0)
		check(path >= text && path <= text + strlen(text));
}

static void fuzz_steal(const char *text)
{
	uint64_t ticks;

	for (int cpu = -1; cpu < 12; cpu++)
		procparse_cpu_steal(text, cpu, &ticks);
}

static void fuzz_lock(const char *text)
{
	struct proc_lock lock;

	if (procparse_lock(text, &lock) == 0)
		check(lock.wait < strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *) = {
		fuzz_stat, fuzz_schedstat, fuzz_syscall, fuzz_exec_start, fuzz_status,
		fuzz_inet, fuzz_unix,      fuzz_steal,   fuzz_lock,
	};
	char *text;

	if (size == 0)
		return 0;
	/* A copy of the exact size, so that a read behind its NUL is seen. */
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	parsers[data[0] % 16 % (sizeof(parsers) / sizeof(*parsers))](text);
	free(text);
	return 0;
}
