/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lockwords.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "target/target.h"

enum { BATCH = 256, PAGE = 4096 }; /* a page is at least that: process_vm_readv reads whole ones */

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

/* A batch from `first` on; how many words it covers. One that cannot be read ends it. */
static size_t read_batch(const struct lockwords *words, size_t first, const struct target *target,
			 struct room *rooms, bool *ret_valid)
{
	struct iovec local[BATCH] = { 0 }, remote[BATCH] = { 0 };
	size_t n = MIN(words->all.n - first, (size_t)BATCH), k = 0;
	ssize_t got;

	for (size_t i = 0; i < n; i++) {
		const struct lockword *word = &words->all.data[first + i];

		local[i] = (struct iovec){ rooms[first + i].bytes, word->len };
		remote[i] = (struct iovec){ (void *)(uintptr_t)word->addr, word->len };
	}
	got = target_readv(target, local, n, remote, n);
	while (k < n && got >= (ssize_t)local[k].iov_len) {
		got -= (ssize_t)local[k].iov_len;
		ret_valid[first + k++] = true;
	}
	return k < n ? k + 1 : k;
}

static void read_all(const struct lockwords *words, const struct target *target, struct room *rooms,
		     bool *ret_valid)
{
	for (size_t i = 0; i < words->all.n;)
		i += read_batch(words, i, target, rooms, ret_valid);
}

int lockwords_read(struct lockwords *words, const struct target *target)
{
	size_t n = words->all.n;
	_cleanup_free_ struct room *rooms = calloc(2 * n + 1, sizeof(*rooms));
	_cleanup_free_ bool *valid = calloc(2 * n + 1, sizeof(*valid));

	if (!rooms || !valid)
		return -ENOMEM;
	read_all(words, target, rooms, valid);
	read_all(words, target, rooms + n, valid + n);
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
