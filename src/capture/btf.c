/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/btf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum {
	BTF_MAGIC = 0xeb9f,
	BTF_VERSION = 1,
	DEPTH_MAX = 32, /* of typedefs, and of structures in one another */
	MEMBERS_MAX = 4096,
};

/* What only this file must tell apart; names and numbers of include/uapi/linux/btf.h. */
enum {
	KIND_INT = 1,
	KIND_PTR = 2,
	KIND_ARRAY = 3,
	KIND_UNION = 5,
	KIND_ENUM = 6,
	KIND_TYPEDEF = 8,
	KIND_VOLATILE = 9,
	KIND_CONST = 10,
	KIND_RESTRICT = 11,
	KIND_FLOAT = 16,
	KIND_TYPE_TAG = 18,
	KIND_ENUM64 = 19,
};

struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t len, types_at, types_len, strings_at, strings_len;
};

struct type {
	uint32_t name, info, size_or_type;
};

struct member {
	uint32_t name, type, offset;
};

struct array {
	uint32_t type, index_type, n;
};

/* How many bytes follow a type of each kind: some, and some for each of its members. */
static const struct {
	uint8_t fixed, each;
} tails[] = {
	[KIND_INT] = { 4, 0 },
	[KIND_PTR] = { 0, 0 },
	[KIND_ARRAY] = { 12, 0 },
	[BTF_STRUCT] = { 0, 12 },
	[KIND_UNION] = { 0, 12 },
	[KIND_ENUM] = { 0, 8 },
	[7] = { 0, 0 }, /* FWD */
	[KIND_TYPEDEF] = { 0, 0 },
	[KIND_VOLATILE] = { 0, 0 },
	[KIND_CONST] = { 0, 0 },
	[KIND_RESTRICT] = { 0, 0 },
	[BTF_FUNCTION] = { 0, 0 },
	[13] = { 0, 8 },  /* FUNC_PROTO */
	[14] = { 4, 0 },  /* VAR */
	[15] = { 0, 12 }, /* DATASEC */
	[KIND_FLOAT] = { 0, 0 },
	[17] = { 4, 0 }, /* DECL_TAG */
	[KIND_TYPE_TAG] = { 0, 0 },
	[KIND_ENUM64] = { 0, 12 },
};

static unsigned kind_of(const struct type *type)
{
	return type->info >> 24 & 0x1f;
}

static unsigned members_of(const struct type *type)
{
	return type->info & 0xffff;
}

/* ---- the parts ---- */

/* A part of the bytes behind the header, of which both numbers are foreign. */
static const void *find_part(const unsigned char *data, size_t len, const struct header *header,
			     uint32_t at, uint32_t part_len)
{
	if (header->len > len || at > len - header->len || part_len > len - header->len - at)
		return NULL;
	return data + header->len + at;
}

/* All of a type with what follows it, in bytes; 0: it is damaged, or of a kind that is not known. */
static size_t extent_of(const struct btf *btf, size_t at)
{
	struct type type;
	size_t tail;

	if (btf->types_len - at < sizeof(type))
		return 0;
	memcpy(&type, btf->types + at, sizeof(type));
	if (kind_of(&type) == 0 || kind_of(&type) >= ARRAY_SIZE(tails))
		return 0;
	tail = tails[kind_of(&type)].fixed + (size_t)tails[kind_of(&type)].each * members_of(&type);
	return btf->types_len - at - sizeof(type) < tail ? 0 : sizeof(type) + tail;
}

/*
 * Type ids are nothing but the order of the types: 150 000 of them in a kernel. Some are remembered:
 * for all of them there would be more pages to be cleared than that saves.
 */
static int index_types(struct btf *btf)
{
	size_t at = 0, size;

	for (; at < btf->types_len; at += size, btf->n++) {
		size = extent_of(btf, at);
		if (size == 0)
			return -EINVAL;
		if (btf->n % BTF_STRIDE == 0 && vec_push(&btf->offsets, (uint32_t)at) < 0)
			return -ENOMEM;
	}
	return 0;
}

int btf_parse(struct btf *btf, const void *data, size_t len)
{
	struct header header;
	int r;

	*btf = (struct btf){ 0 };
	if (len < sizeof(header))
		return -EINVAL;
	memcpy(&header, data, sizeof(header));
	if (header.magic != BTF_MAGIC || header.version != BTF_VERSION ||
	    header.len < sizeof(header))
		return -EINVAL;
	btf->types_len = header.types_len;
	btf->strings_len = header.strings_len;
	btf->types = find_part(data, len, &header, header.types_at, header.types_len);
	btf->strings = find_part(data, len, &header, header.strings_at, header.strings_len);
	if (!btf->types || !btf->strings || btf->strings_len == 0 ||
	    btf->strings[btf->strings_len - 1] != '\0')
		return -EINVAL;
	r = index_types(btf);
	if (r < 0)
		btf_done(btf);
	return r;
}

void btf_done(struct btf *btf)
{
	vec_done(&btf->offsets);
}

/* ---- types ---- */

static void read_type(const struct btf *btf, size_t at, struct type *ret,
		      const unsigned char **ret_tail)
{
	memcpy(ret, btf->types + at, sizeof(*ret));
	*ret_tail = btf->types + at + sizeof(*ret);
}

/* False for void and for what is no id. *ret_tail: what follows the type, all of it in bounds. */
static bool get_type(const struct btf *btf, uint32_t id, struct type *ret,
		     const unsigned char **ret_tail)
{
	size_t at;

	if (id == 0 || id > btf->n)
		return false;
	at = btf->offsets.data[(id - 1) / BTF_STRIDE];
	for (uint32_t i = (id - 1) % BTF_STRIDE; i > 0; i--)
		at += extent_of(btf, at);
	read_type(btf, at, ret, ret_tail);
	return true;
}

static const char *get_string(const struct btf *btf, uint32_t at)
{
	return at < btf->strings_len ? btf->strings + at : "";
}

static uint32_t search(const struct btf *btf, enum btf_kind kind, const char *name)
{
	size_t at = 0;

	for (uint32_t id = 1; id <= btf->n; id++, at += extent_of(btf, at)) {
		const unsigned char *tail;
		struct type type;

		read_type(btf, at, &type, &tail);
		if (kind_of(&type) == (unsigned)kind &&
		    strcmp(get_string(btf, type.name), name) == 0)
			return id;
	}
	return 0;
}

uint32_t btf_find(struct btf *btf, enum btf_kind kind, const char *name)
{
	uint32_t id;

	for (unsigned i = 0; i < btf->nfound; i++)
		if (btf->found[i].kind == kind && strcmp(btf->found[i].name, name) == 0)
			return btf->found[i].id;
	id = search(btf, kind, name);
	if (btf->nfound < ARRAY_SIZE(btf->found))
		btf->found[btf->nfound++] = (struct btf_found){ kind, name, id };
	return id;
}

static bool is_alias(unsigned kind)
{
	return kind == KIND_TYPEDEF || kind == KIND_VOLATILE || kind == KIND_CONST ||
	       kind == KIND_RESTRICT || kind == KIND_TYPE_TAG;
}

static bool is_composite(unsigned kind)
{
	return kind == BTF_STRUCT || kind == KIND_UNION;
}

/* The type behind its typedefs and qualifiers; false if there is no end to them, or none. */
static bool get_real_type(const struct btf *btf, uint32_t id, struct type *ret,
			  const unsigned char **ret_tail)
{
	for (unsigned depth = 0; depth < DEPTH_MAX && get_type(btf, id, ret, ret_tail); depth++) {
		if (!is_alias(kind_of(ret)))
			return true;
		id = ret->size_or_type;
	}
	return false;
}

static int size_of(const struct btf *btf, uint32_t id, uint32_t *ret)
{
	const unsigned char *tail;
	struct array array;
	struct type type;
	uint32_t n = 1;

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		if (!get_real_type(btf, id, &type, &tail))
			return -EINVAL;
		if (kind_of(&type) != KIND_ARRAY)
			break;
		memcpy(&array, tail, sizeof(array));
		if (__builtin_mul_overflow(n, array.n, &n))
			return -EINVAL;
		id = array.type;
	}
	switch (kind_of(&type)) {
	case KIND_PTR:
		*ret = sizeof(void *); /* the kernel is of our own width, or ptrace would not do */
		break;
	case KIND_INT:
	case KIND_ENUM:
	case KIND_ENUM64:
	case KIND_FLOAT:
	case BTF_STRUCT:
	case KIND_UNION:
		*ret = type.size_or_type;
		break;
	default:
		return -EINVAL;
	}
	return __builtin_mul_overflow(*ret, n, ret) ? -EINVAL : 0;
}

/* ---- fields ---- */

/* With kind_flag the upper byte is the width of a bit field (btf.rst, 2.2.4). */
static int member_offset(const struct type *type, const struct member *member, uint32_t *ret)
{
	bool has_width = type->info >> 31;
	uint32_t bits = has_width ? member->offset & 0xffffff : member->offset;

	if (bits % 8 || (has_width && member->offset >> 24))
		return -EINVAL;
	*ret = bits / 8;
	return 0;
}

/* What is left of the search: anonymous structures may hold one another in foreign BTF. */
struct search {
	const struct btf *btf;
	unsigned left;
};

/* One member by its name, in the structure or in what it holds without a name. */
static int find_member(struct search *search, uint32_t id, const char *name, size_t name_len,
		       unsigned depth, uint32_t *ret_type, uint32_t *ret_offset)
{
	const unsigned char *tail;
	struct member member;
	struct type type;

	if (depth == DEPTH_MAX || !get_real_type(search->btf, id, &type, &tail) ||
	    !is_composite(kind_of(&type)))
		return -ENOENT;
	for (unsigned i = 0; i < members_of(&type); i++) {
		const char *its;
		uint32_t inner = 0;
		int r;

		if (search->left-- == 0)
			return -EINVAL;
		memcpy(&member, tail + i * sizeof(member), sizeof(member));
		its = get_string(search->btf, member.name);
		if (its[0] && (strncmp(its, name, name_len) != 0 || its[name_len]))
			continue;
		*ret_type = member.type;
		r = its[0] ? 0
			   : find_member(search, member.type, name, name_len, depth + 1, ret_type,
					 &inner);
		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = member_offset(&type, &member, ret_offset);
		if (r == 0 && __builtin_add_overflow(*ret_offset, inner, ret_offset))
			r = -EINVAL;
		return r;
	}
	return -ENOENT;
}

int btf_find_field(const struct btf *btf, uint32_t type, const char *path, struct btf_field *ret)
{
	struct btf_field field = { 0 };

	while (*path) {
		struct search search = { .btf = btf, .left = MEMBERS_MAX };
		size_t len = strcspn(path, ".");
		uint32_t offset = 0;
		int r = find_member(&search, type, path, len, 0, &type, &offset);

		if (r < 0)
			return r;
		if (__builtin_add_overflow(field.offset, offset, &field.offset))
			return -EINVAL;
		path += len + (path[len] == '.');
	}
	if (size_of(btf, type, &field.size) < 0)
		return -EINVAL;
	*ret = field;
	return 0;
}
