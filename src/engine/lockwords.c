/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lockwords.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "target/target.h"

enum { PAGE = 4096 }; /* it is at least that */

void lockwords_init(struct lockwords *words)
{
	*words = (struct lockwords){ 0 };
	map64_init(&words->by_thread);
}

void lockwords_done(struct lockwords *words)
{
	vec_done(&words->all);
	map64_done(&words->by_thread);
}

void lockwords_clear(struct lockwords *words)
{
	words->all.n = 0;
	map64_clear(&words->by_thread);
}

/* What lies in another page than the word may not be there. */
int lockwords_add(struct lockwords *words, size_t thread, uint64_t pcount, uint64_t addr)
{
	uint64_t page = addr & ~(uint64_t)(PAGE - 1);
	uint64_t start = addr < page + LOCKWORD_BEFORE ? page : addr - LOCKWORD_BEFORE;
	uint64_t end = MIN(addr + LOCKWORD_AFTER, page + PAGE);
	struct lockword word = {
		.thread = thread,
		.pcount = pcount,
		.addr = start,
		.len = (size_t)(end - start),
	};

	if (end < start) /* the last page of the address space: nobody's lock */
		return 0;
	if (vec_push(&words->all, word) < 0)
		return -ENOMEM;
	return map64_put(&words->by_thread, thread, words->all.n - 1);
}

/* ---- reading ---- */

struct room {
	unsigned char bytes[LOCKWORD_BEFORE + LOCKWORD_AFTER];
};

/*
 * Which of them are in memory. Mostly a few pages hold them all, so they are asked for together; what
 * is not is not read.
 */
static void find_present(const struct lockwords *words, const struct target *target,
			 struct present_range *ranges, bool *ret_present)
{
	size_t n = words->all.n;

	for (size_t i = 0; i < n; i++) {
		const struct lockword *word = &words->all.data[i];

		ranges[i] = (struct present_range){ .start = word->addr,
						    .want = word->addr,
						    .end = word->addr + word->len,
						    .index = i,
						    .from = word->addr,
						    .to = word->addr + word->len };
	}
	(void)present_find(&target->present, ranges, n);
	for (size_t i = 0; i < n; i++)
		ret_present[ranges[i].index] = ranges[i].from < ranges[i].to;
}

static bool is_same(const struct lockword *a, const struct lockword *b)
{
	return a->addr == b->addr && a->len == b->len;
}

/* Many threads in a row wait for the same word: it is read once. */
static void read_all(const struct lockwords *words, const struct target *target,
		     const bool *present, struct room *rooms, bool *ret_valid)
{
	const struct lockword *all = words->all.data;

	for (size_t i = 0; i < words->all.n; i++) {
		if (i && is_same(&all[i], &all[i - 1])) {
			ret_valid[i] = ret_valid[i - 1];
			rooms[i] = rooms[i - 1];
		} else if (present[i]) {
			ret_valid[i] = target_pread(target, all[i].addr, rooms[i].bytes,
						    all[i].len) == (ssize_t)all[i].len;
		}
	}
}

int lockwords_read(struct lockwords *words, const struct target *target)
{
	size_t n = words->all.n;
	_cleanup_free_ struct room *rooms = calloc(2 * n + 1, sizeof(*rooms));
	_cleanup_free_ bool *valid = calloc(2 * n + 1, sizeof(*valid));
	_cleanup_free_ bool *present = calloc(n + 1, sizeof(*present));
	_cleanup_free_ struct present_range *ranges = calloc(n + 1, sizeof(*ranges));

	if (!rooms || !valid || !present || !ranges)
		return -ENOMEM;
	find_present(words, target, ranges, present);
	read_all(words, target, present, rooms, valid);
	read_all(words, target, present, rooms + n, valid + n);
	for (size_t i = 0; i < n; i++) {
		struct lockword *word = &words->all.data[i];

		word->valid = valid[i];
		word->stable = valid[i] && valid[n + i] &&
			       memcmp(&rooms[i], &rooms[n + i], word->len) == 0;
		memcpy(word->bytes, rooms[i].bytes, word->len);
	}
	return 0;
}

/* ---- asking ---- */

const struct lockword *lockwords_find(const struct lockwords *words, size_t thread)
{
	const uint64_t *index = map64_find(&words->by_thread, thread);

	return index ? &words->all.data[*index] : NULL;
}

const unsigned char *lockword_bytes(const struct lockword *word, uint64_t addr, size_t len)
{
	if (!word->valid || addr < word->addr || addr - word->addr > word->len ||
	    len > word->len - (addr - word->addr))
		return NULL;
	return word->bytes + (addr - word->addr);
}
