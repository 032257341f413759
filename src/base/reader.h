/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h: reading foreign little-endian bytes from front to back, never beyond their end. Each
 * function takes what it reads away from the front; false, and nothing taken that matters, if there
 * is not enough.
 */
#ifndef SS_BASE_READER_H
#define SS_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const unsigned char *at, *end;
};

static inline size_t reader_left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static inline bool reader_skip(struct reader *reader, uint64_t n)
{
	if (n > reader_left(reader))
		return false;
	reader->at += n;
	return true;
}

/* A number of at most 8 bytes. */
static inline bool reader_fixed(struct reader *reader, size_t size, uint64_t *ret)
{
	const unsigned char *at = reader->at;

	*ret = 0;
	if (!reader_skip(reader, size))
		return false;
	memcpy(ret, at, size);
	return true;
}

/* ULEB128; of a longer one than fits the low bits. */
static inline bool reader_uleb(struct reader *reader, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; reader->at < reader->end; shift += 7) {
		unsigned char byte = *reader->at++;

		if (shift < 64)
			*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Either LEB128. */
static inline bool reader_skip_leb(struct reader *reader)
{
	uint64_t value;

	return reader_uleb(reader, &value);
}

/* The rest of `all` from an offset on; false if there is nothing. */
static inline bool reader_from(const struct reader *all, uint64_t offset, struct reader *ret)
{
	if (offset >= reader_left(all))
		return false;
	*ret = (struct reader){ all->at + offset, all->end };
	return true;
}

/* Text up to its NUL. */
static inline bool reader_text(struct reader *reader, size_t *ret_len)
{
	const unsigned char *nul = memchr(reader->at, '\0', reader_left(reader));

	if (!nul)
		return false;
	*ret_len = (size_t)(nul - reader->at);
	reader->at = nul + 1;
	return true;
}

#endif
