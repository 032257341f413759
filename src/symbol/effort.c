/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/effort.h"

#include "base/clock.h"
#include "base/fileio.h"

enum {
	STEPS_A_LOOK = 1024, /* at the clock, which is a system call */
	RANGE_BYTES = 200,   /* of memory, with its DIE, while they are sorted */
	SHORT_PART = 8,      /* of what is short only this part counts */
};

/*
 * The 2063 units of libc take 40 ms, 67000 functions of Rust 60 ms: a second for 100 MB, a quarter of
 * that when packed. A thousand lookups that each walk a unit of ordinary size are nobody's fault.
 */
#define SPENT_FREE (5 * NS_PER_SEC)
#define NS_A_BYTE  250
#define SHORT_NS   (5 * NS_PER_MS)

/* What is packed becomes four times as large. Of libc, all of it used, 13 for a byte, of libjvm 9. */
#define MEMORY_FREE   (UINT64_C(192) << 20)
#define MEMORY_A_BYTE 40

void effort_budget_init(struct effort_budget *budget)
{
	*budget = (struct effort_budget){ 0 };
	map64_init(&budget->files);
}

void effort_budget_done(struct effort_budget *budget)
{
	map64_done(&budget->files);
}

void effort_init(struct effort *effort, struct effort_budget *shared)
{
	*effort = (struct effort){ .budget = shared ? shared : &effort->own };
	effort_budget_init(&effort->own);
}

void effort_done(struct effort *effort)
{
	effort->budget->memory -= effort->memory;
	effort_budget_done(&effort->own);
}

void effort_add_file(struct effort *effort, int fd)
{
	struct effort_budget *budget = effort->budget;
	struct file_stamp file;
	uint64_t key;

	if (file_stamp(fd, &file) < 0)
		return;
	key = map64_hash(map64_hash(file.device) + file.number) + file.size;
	if (key == MAP64_NO_KEY || map64_find(&budget->files, key) ||
	    map64_put(&budget->files, key, 0) < 0)
		return;
	budget->bytes += file_count_data(fd);
}

/* ---- time ---- */

static void look(struct effort *effort)
{
	const struct effort_budget *budget = effort->budget;
	uint64_t now_ns = effort->running ? clock_thread_cpu_ns() - effort->began_ns : 0;

	effort->exhausted |= budget->spent_ns + now_ns > SPENT_FREE + NS_A_BYTE * budget->bytes;
}

void effort_begin(struct effort *effort)
{
	if (effort->running++ == 0)
		effort->began_ns = clock_thread_cpu_ns();
}

void effort_end(struct effort *effort)
{
	uint64_t ns;

	if (--effort->running > 0)
		return;
	ns = clock_thread_cpu_ns() - effort->began_ns;
	effort->budget->spent_ns += ns > SHORT_NS ? ns : ns / SHORT_PART;
}

void effort_add_time(struct effort *effort, uint64_t ns)
{
	effort->budget->spent_ns += ns;
}

bool effort_step(struct effort *effort)
{
	if (++effort->steps % STEPS_A_LOOK == 0)
		look(effort);
	return !effort->exhausted;
}

bool effort_long_step(struct effort *effort)
{
	look(effort);
	return !effort->exhausted;
}

/* ---- memory ---- */

bool effort_has_memory(struct effort *effort, uint64_t bytes)
{
	const struct effort_budget *budget = effort->budget;
	uint64_t most = MEMORY_FREE + MEMORY_A_BYTE * budget->bytes;
	bool has = bytes <= most && budget->memory <= most - bytes;

	effort->refused |= !has;
	return has;
}

bool effort_memory(struct effort *effort, uint64_t bytes)
{
	if (!effort_has_memory(effort, bytes))
		return false;
	effort->memory += bytes;
	effort->budget->memory += bytes;
	return true;
}

bool effort_range(struct effort *effort)
{
	return effort_step(effort) && effort_memory(effort, RANGE_BYTES);
}
