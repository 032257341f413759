/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpfcode.c: the assembler and the calls. Knows nothing of what the programs are for.
 */
#include "capture/bpfcode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fileio.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

enum { BTF_MAX = 64 << 20 };

#define PIDNS_INITIAL_INODE 0xeffffffcu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

/* ---- instructions ---- */

void bpfcode_emit(struct bpfcode *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off,
		  int32_t imm)
{
	if (code->n == BPFCODE_MAX) {
		code->overflow = true;
		return;
	}
	code->insns[code->n++] = (struct bpf_insn){
		.code = op,
		.dst_reg = dst,
		.src_reg = src,
		.off = off,
		.imm = imm,
	};
}

void bpfcode_call(struct bpfcode *code, int32_t helper)
{
	bpfcode_emit(code, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void bpfcode_move(struct bpfcode *code, uint8_t dst, uint8_t src)
{
	bpfcode_emit(code, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void bpfcode_set(struct bpfcode *code, uint8_t dst, int32_t value)
{
	bpfcode_emit(code, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

void bpfcode_add(struct bpfcode *code, uint8_t dst, int32_t value)
{
	bpfcode_emit(code, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

static uint8_t width(unsigned len)
{
	return len == 8 ? BPF_DW : len == 4 ? BPF_W : len == 2 ? BPF_H : BPF_B;
}

void bpfcode_load(struct bpfcode *code, unsigned len, uint8_t dst, uint8_t src, int off)
{
	bpfcode_emit(code, BPF_LDX | BPF_MEM | width(len), dst, src, (int16_t)off, 0);
}

void bpfcode_store(struct bpfcode *code, unsigned len, uint8_t dst, int off, uint8_t src)
{
	bpfcode_emit(code, BPF_STX | BPF_MEM | width(len), dst, src, (int16_t)off, 0);
}

/* A load of 64 bits takes two instructions; src tells what the first half is. */
static void load_map(struct bpfcode *code, uint8_t dst, uint8_t kind, int map)
{
	bpfcode_emit(code, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, map);
	bpfcode_emit(code, 0, 0, 0, 0, 0);
}

void bpfcode_map(struct bpfcode *code, uint8_t dst, int map)
{
	load_map(code, dst, BPF_PSEUDO_MAP_FD, map);
}

void bpfcode_map_value(struct bpfcode *code, uint8_t dst, int map)
{
	load_map(code, dst, BPF_PSEUDO_MAP_VALUE, map);
}

void bpfcode_exit(struct bpfcode *code)
{
	bpfcode_emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

unsigned bpfcode_jump(struct bpfcode *code, uint8_t op, uint8_t dst, int32_t imm)
{
	bpfcode_emit(code, BPF_JMP | op | BPF_K, dst, 0, 0, imm);
	return code->n - 1;
}

unsigned bpfcode_jump_reg(struct bpfcode *code, uint8_t op, uint8_t dst, uint8_t src)
{
	bpfcode_emit(code, BPF_JMP | op | BPF_X, dst, src, 0, 0);
	return code->n - 1;
}

/* Jumps count from the instruction behind them. */
void bpfcode_land(struct bpfcode *code, unsigned jump)
{
	code->insns[jump].off = (int16_t)(code->n - jump - 1);
}

void bpfcode_jump_back(struct bpfcode *code, unsigned position)
{
	bpfcode_emit(code, BPF_JMP | BPF_JA, 0, 0, (int16_t)((int)position - (int)code->n - 1), 0);
}

/* ---- words of the kernel's structures ---- */

/* A word may be wider than 8 bytes (a name); loads zero the upper part of what is narrower. */
static int emit_word(struct bpfcode *code, struct btf *btf, uint32_t type, uint8_t from,
		     uint8_t dst, int base, const struct bpfcode_word *word)
{
	struct btf_field field;
	int r = btf_find_field(btf, type, word->path, &field);

	if (r < 0 && word->older)
		r = btf_find_field(btf, type, word->older, &field);
	if (r < 0 || field.offset + word->len > INT16_MAX)
		return -ENOENT;
	if (word->len > 8 ? field.size != word->len
			  : field.size > word->len || (field.size & (field.size - 1)))
		return -ENOENT;
	for (unsigned done = 0; done < word->len; done += 8) {
		unsigned rest = word->len - done;

		bpfcode_load(code, MIN(field.size, 8u), BPF_REG_1, from,
			     (int)(field.offset + done));
		bpfcode_store(code, MIN(rest, 8u), dst, base + (int)(word->to + done), BPF_REG_1);
	}
	return 0;
}

int bpfcode_words(struct bpfcode *code, struct btf *btf, const char *structure, uint8_t from,
		  uint8_t dst, int base, const struct bpfcode_word *words, size_t n,
		  struct ss_error *err)
{
	uint32_t type = btf_find(btf, BTF_STRUCT, structure);

	for (size_t i = 0; i < n; i++)
		if (emit_word(code, btf, type, from, dst, base, &words[i]) < 0)
			return ss_error_set(err, SS_ERR_OBSERVER, ENOENT,
					    "this kernel's %s has no %s of a known kind", structure,
					    words[i].path);
	return 0;
}

/* ---- bpf(2) ---- */

int bpf_command(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

int bpf_failed(struct ss_error *err, int r, const char *what)
{
	if (r == -EPERM)
		return ss_error_set(err, SS_ERR_OBSERVER, -r, "%s is not permitted", what);
	if (r == -EACCES || r == -EINVAL)
		return ss_error_set(err, SS_ERR_OBSERVER, -r, "%s: this kernel refuses it", what);
	return ss_error_set(err, SS_ERR_OBSERVER, -r, "%s: %s", what, strerror(-r));
}

int bpf_load(const struct bpfcode *code, union bpf_attr *attr, struct ss_error *err)
{
	int r;

	attr->insn_cnt = code->n;
	attr->insns = (uintptr_t)code->insns;
	attr->license = (uintptr_t) "GPL";
	strcpy(attr->prog_name, "stacksnap");
	r = code->overflow ? -E2BIG : bpf_command(BPF_PROG_LOAD, attr);
	return r < 0 ? bpf_failed(err, r, "loading a BPF program") : r;
}

int bpf_check_permitted(struct ss_error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_TRACEPOINT };
	struct bpfcode code = { .n = 0 };
	struct stat st;
	int r;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != PIDNS_INITIAL_INODE)
		return ss_error_set(err, SS_ERR_OBSERVER, EPERM,
				    "BPF programs see pids of the initial pid namespace only");
	bpfcode_set(&code, BPF_REG_0, 0);
	bpfcode_exit(&code);
	r = bpf_load(&code, &attr, err);
	if (r < 0)
		return r;
	close(r);
	return 0;
}

/*
 * The bytes, to be unmapped. Before Linux 6.16 the file cannot be mapped, and gives 4 KiB a read
 * (kernel/bpf/sysfs_btf.c).
 */
static int map_btf(void **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > BTF_MAX)
		return -EFBIG;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED)
			return -errno;
		r = file_pread_exact(fd, bytes, (size_t)st.st_size, 0);
	}
	*ret = bytes;
	*ret_len = (size_t)st.st_size;
	if (r < 0)
		munmap(bytes, *ret_len);
	return r;
}

int bpf_types_open(struct bpf_types *ret, struct ss_error *err)
{
	int r = map_btf(&ret->bytes, &ret->len);

	if (r < 0)
		return bpf_failed(err, r, "reading " BTF_PATH);
	r = btf_parse(&ret->btf, ret->bytes, ret->len);
	if (r < 0) {
		munmap(ret->bytes, ret->len);
		return bpf_failed(err, r, "reading " BTF_PATH);
	}
	return 0;
}

void bpf_types_close(struct bpf_types *types)
{
	btf_done(&types->btf);
	munmap(types->bytes, types->len);
}
