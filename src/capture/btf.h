/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btf.h: where the fields of the kernel's own structures are, from its BTF
 * (/sys/kernel/btf/vmlinux; format: Documentation/bpf/btf.rst). Pure: bytes in, offsets out; every
 * read is inside the bytes, and whatever they say, every call ends. Knows nothing of processes.
 */
#ifndef SS_CAPTURE_BTF_H
#define SS_CAPTURE_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* The kinds that callers look for (include/uapi/linux/btf.h). */
enum btf_kind {
	BTF_STRUCT = 4,
	BTF_FUNCTION = 12,
};

struct btf {
	const unsigned char *types;
	size_t types_len;
	const char *strings; /* the last byte is NUL */
	size_t strings_len;
	uint32_t n;            /* types; ids are from 1 to n */
	VEC(uint32_t) offsets; /* in `types`, of the types 1, 1 + BTF_STRIDE and so on */
	/* what btf_find was asked for: programs ask for the same few again and again */
	struct btf_found {
		enum btf_kind kind;
		const char *name; /* the caller's */
		uint32_t id;
	} found[8];
	unsigned nfound;
};

enum { BTF_STRIDE = 16 };

/* In bytes. */
struct btf_field {
	uint32_t offset, size;
};

/* The bytes are borrowed. 0, -ENOMEM, or -EINVAL: damaged, or a kind that is not known. */
int btf_parse(struct btf *btf, const void *data, size_t len);
void btf_done(struct btf *btf);

/* The id of the first type of this kind and name, which lives as long as *btf; 0: there is none. */
uint32_t btf_find(struct btf *btf, enum btf_kind kind, const char *name);

/*
 * A field of the structure `type`, such as "se.exec_start"; members of anonymous structures and
 * unions count as the structure's own. 0, -ENOENT, or -EINVAL: a bit field, or damaged.
 */
int btf_find_field(const struct btf *btf, uint32_t type, const char *path, struct btf_field *ret);

#endif
