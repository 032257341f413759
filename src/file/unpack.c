/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.c: protobuf-c over foreign bytes. protobuf-c says neither how much it will allocate nor
 * where it failed: the first is bounded by a budget, because each two bytes may ask for a whole
 * message, the second is found by trying part by part. It does not look at what the parts mean.
 */
#include "file/unpack.h"

#include <errno.h>

#include "base/attr.h"
#include "write/profile.pb-c.h"

#define MAX_UNPACKED ((size_t)4 << 30)

enum {
	UNPACKED_RATIO = 40, /* about 10 is usual, 24 for ids that are not packed */
	SMALL = 1 << 20,
};

void budget_done(struct budget *budget)
{
	arena_done(&budget->arena);
}

static void *budget_alloc(void *data, size_t size)
{
	struct budget *budget = data;
	void *p;

	if (size > budget->left) {
		budget->exceeded = true;
		return NULL;
	}
	p = arena_alloc(&budget->arena, size);
	budget->left -= size;
	budget->failed |= !p;
	return p;
}

static void budget_free(void *data, void *p)
{
	(void)data, (void)p; /* with the arena */
}

struct unpacker {
	const uint8_t *data;
	size_t len;
	struct budget *budget;
	ProtobufCAllocator allocator;
};

/* A base-128 number; false if the bytes end first. */
static bool take_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t byte = *(*p)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

struct field {
	uint64_t number;
	const uint8_t *data; /* of a length-delimited field; NULL of any other */
	size_t len;
};

/* One field of the top message; false if it is damaged. */
static bool take_field(const uint8_t **p, const uint8_t *end, struct field *ret)
{
	uint64_t tag, value;

	if (!take_varint(p, end, &tag))
		return false;
	*ret = (struct field){ .number = tag >> 3 };
	switch (tag & 7) {
	case 0: /* VARINT */
		return take_varint(p, end, &value);
	case 1: /* I64 */
	case 5: /* I32 */
		value = (tag & 7) == 1 ? 8 : 4;
		break;
	case 2: /* LEN */
		if (!take_varint(p, end, &value))
			return false;
		ret->data = *p;
		break;
	default:
		return false;
	}
	if (value > (size_t)(end - *p))
		return false;
	ret->len = (size_t)value;
	*p += value;
	return ret->number != 0;
}

/* True if protobuf-c accepts the field by itself. */
static bool field_unpacks(struct unpacker *u, const struct field *field)
{
	const ProtobufCFieldDescriptor *known = NULL;

	if (field->number <= UINT32_MAX)
		known = protobuf_c_message_descriptor_get_field(&pprof__profile__descriptor,
								(unsigned)field->number);
	if (!known || known->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	return field->data &&
	       protobuf_c_message_unpack(known->descriptor, &u->allocator, field->len, field->data);
}

/* protobuf-c does not say where it failed: find the first field that is to blame. */
static size_t find_damage(struct unpacker *u)
{
	const uint8_t *p = u->data, *end = u->data + u->len;

	while (p < end) {
		const uint8_t *start = p;
		struct field field;

		if (!take_field(&p, end, &field) || !field_unpacks(u, &field))
			return (size_t)(start - u->data);
	}
	return u->len;
}

static int explain_unpack(struct unpacker *u, struct ss_error *err)
{
	size_t at;

	if (u->budget->failed)
		return ss_error_oom(err);
	if (u->budget->exceeded)
		return ss_error_set(err, SS_ERR_FORMAT, EFBIG,
				    "too many parts for its %zu bytes (inflated), or too large",
				    u->len);
	u->budget->left += u->budget->limit; /* for another try, part by part */
	at = find_damage(u);
	return ss_error_set(err, SS_ERR_FORMAT, EBADMSG,
			    "not a pprof profile, damaged or cut off: byte %zu of %zu (inflated)",
			    at, u->len);
}

int unpack(const uint8_t *data, size_t len, struct budget *budget, ProtobufCMessage **ret,
	   struct ss_error *err)
{
	struct unpacker u = {
		.data = data,
		.len = len,
		.budget = budget,
		.allocator = { .alloc = budget_alloc,
			       .free = budget_free,
			       .allocator_data = budget },
	};

	budget->limit = MIN(len, MAX_UNPACKED / UNPACKED_RATIO) * UNPACKED_RATIO + SMALL;
	budget->left = budget->limit;
	*ret = protobuf_c_message_unpack(&pprof__profile__descriptor, &u.allocator, len, data);
	return *ret ? 0 : explain_unpack(&u, err);
}
