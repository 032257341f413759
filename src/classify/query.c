/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking for memory and descriptors, and timeouts, which are the commonest thing to ask for. All
 * values are the target's: any pointer and any content is possible. It never fails: what is not
 * known stays unknown.
 */
#include "classify/query.h"

#include <string.h>

#include "base/clock.h"

static const struct classify_memory *find_answer(const struct query *query, uint64_t addr,
						 size_t len)
{
	const struct classify_memory *memory = query->input->memory;

	for (unsigned i = 0; i < query->input->nmemory; i++)
		if (memory[i].addr == addr && memory[i].len == len)
			return &memory[i];
	return NULL;
}

const unsigned char *query_memory(struct query *query, uint64_t addr, size_t len)
{
	struct classify_result *ret = query->ret;
	const struct classify_memory *answer = find_answer(query, addr, len);

	if (answer)
		return answer->valid ? answer->bytes : NULL;
	if (addr && len <= CLASSIFY_WANT_MAX && ret->nwants < CLASSIFY_WANTS)
		ret->wants[ret->nwants++] = (struct classify_memory){ .addr = addr, .len = len };
	return NULL;
}

void query_fd(struct query *query, uint64_t fd)
{
	const struct fd_info *known = query->input->fd;
	int number = (int32_t)fd;

	if (number < 0)
		return;
	query->ret->wait.fd = number;
	if (!known)
		query->ret->want_fd = number;
	else if (known->fd == number)
		query->ret->wait.fd_info = known;
}

/* The kernel takes no other values (timespec64_valid), and caps what does not fit in 64 bits. */
static int64_t duration_ns(int64_t seconds, int64_t parts, int64_t parts_per_second)
{
	int64_t ns;

	if (seconds < 0 || parts < 0 || parts >= parts_per_second)
		return WAIT_TIMEOUT_UNKNOWN;
	parts *= (int64_t)NS_PER_SEC / parts_per_second;
	if (__builtin_mul_overflow(seconds, (int64_t)NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, parts, &ns))
		return INT64_MAX;
	return ns;
}

/* struct timespec and struct timeval are two 64-bit numbers on both architectures. */
static int64_t read_duration(struct query *query, uint64_t addr, int64_t parts_per_second)
{
	const unsigned char *bytes = query_memory(query, addr, 2 * sizeof(int64_t));
	int64_t value[2];

	if (!bytes)
		return WAIT_TIMEOUT_UNKNOWN;
	memcpy(value, bytes, sizeof(value));
	return duration_ns(value[0], value[1], parts_per_second);
}

static int64_t read_timeout(struct query *query, enum timeout_form form, uint64_t value)
{
	int32_t ms = (int32_t)value;

	if (form == TIMEOUT_HIDDEN)
		return WAIT_TIMEOUT_UNKNOWN;
	if (form == TIMEOUT_MS)
		return ms < 0 ? WAIT_NO_TIMEOUT : ms * (int64_t)NS_PER_MS;
	if (form == TIMEOUT_NONE || value == 0)
		return WAIT_NO_TIMEOUT;
	if (form == TIMEOUT_TIMESPEC)
		return read_duration(query, value, NS_PER_SEC);
	if (form == TIMEOUT_TIMEVAL)
		return read_duration(query, value, NS_PER_SEC / NS_PER_US);
	return WAIT_TIMEOUT_UNKNOWN;
}

void query_timeout(struct query *query, enum timeout_form form, uint64_t value)
{
	query->ret->wait.timeout_ns = read_timeout(query, form, value);
}
