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
	VEC(uint32_t) offsets; /* in `types`, by type id; [0] is void and unused */
};

/* In bytes. */
struct btf_field {
	uint32_t offset, size;
};

/* The bytes are borrowed. 0, -ENOMEM, or -EINVAL: damaged, or a kind that is not known. */
int btf_parse(struct btf *btf, const void *data, size_t len);
void btf_done(struct btf *btf);

/* The id of the first type of this kind and name; 0: there is none. */
uint32_t btf_find(const struct btf *btf, enum btf_kind kind, const char *name);

/*
 * A field of the structure `type`, such as "se.exec_start"; members of anonymous structures and
 * unions count as the structure's own. 0, -ENOENT, or -EINVAL: a bit field, or damaged.
 */
int btf_find_field(const struct btf *btf, uint32_t type, const char *path, struct btf_field *ret);

#endif
