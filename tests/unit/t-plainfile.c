/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-plainfile.c: this test's own file, with its debug sections packed by libelf, and unpacked again:
 * what is wanted is as it was, what is not is gone, and damage makes no file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/elfsection.h"
#include "target/plainfile.h"

struct fixture {
	int original, packed;
	Elf *elf, *packed_elf;
};

static int copy_of_self(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = memfd_create("copy", MFD_CLOEXEC);
	char bytes[65536];
	ssize_t n;

	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
	close(from);
	return to;
}

static bool is_debug(const char *name)
{
	return strncmp(name, ".debug_", strlen(".debug_")) == 0;
}

static void pack(int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_RDWR, NULL);
	const char *name;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	assert_non_null(elf);
	while ((scn = elfsection_next(elf, scn, &name, &shdr)))
		if (is_debug(name))
			assert_true(elf_compress(scn, ELFCOMPRESS_ZLIB, ELF_CHF_FORCE) >= 0);
	assert_true(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	elf_version(EV_CURRENT);
	f->original = copy_of_self();
	f->packed = copy_of_self();
	pack(f->packed);
	f->elf = elf_begin(f->original, ELF_C_READ_MMAP_PRIVATE, NULL);
	f->packed_elf = elf_begin(f->packed, ELF_C_READ_MMAP_PRIVATE, NULL);
	assert_true(f->elf && f->packed_elf);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	elf_end(f->elf);
	elf_end(f->packed_elf);
	close(f->original);
	close(f->packed);
	free(f);
	return 0;
}

static const Elf_Data *contents(Elf *elf, const char *name)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = elfsection_find(elf, name, &shdr);

	assert_non_null(scn);
	assert_int_equal(shdr.sh_flags & SHF_COMPRESSED, 0);
	assert_int_not_equal(shdr.sh_type, SHT_NOBITS);
	return elf_rawdata(scn, NULL);
}

static void assert_same_section(Elf *a, Elf *b, const char *name)
{
	const Elf_Data *x = contents(a, name), *y = contents(b, name);

	assert_int_equal(x->d_size, y->d_size);
	assert_memory_equal(x->d_buf, y->d_buf, x->d_size);
}

static void test_as_it_was(void **state)
{
	const struct fixture *f = *state;
	int fd = plainfile_make(f->packed_elf, plainfile_names);
	Elf *plain = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	const void *id, *want;
	size_t n = 0;

	assert_non_null(plain);
	for (const char *const *name = plainfile_names; *name; name++) {
		if (!elfsection_has(f->elf, *name))
			continue;
		assert_same_section(f->elf, plain, *name);
		n++;
	}
	assert_true(n >= 4);
	assert_same_section(f->elf, plain, ".symtab");
	assert_same_section(f->elf, plain, ".strtab");
	assert_false(elfsection_has(plain, ".debug_aranges"));
	assert_false(elfsection_has(plain, ".text"));
	n = (size_t)dwelf_elf_gnu_build_id(f->elf, &want);
	assert_int_equal(dwelf_elf_gnu_build_id(plain, &id), n);
	if ((ssize_t)n > 0)
		assert_memory_equal(id, want, n);
	elf_end(plain);
	close(fd);
}

static void test_addresses_stay(void **state)
{
	const struct fixture *f = *state;
	int fd = plainfile_make(f->packed_elf, plainfile_names);
	Elf *plain = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	size_t n, m;
	GElf_Phdr a, b;
	GElf_Shdr text, same;

	assert_int_equal(elf_getphdrnum(f->elf, &n), 0);
	assert_int_equal(elf_getphdrnum(plain, &m), 0);
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(gelf_getphdr(f->elf, (int)i, &a));
		assert_non_null(gelf_getphdr(plain, (int)i, &b));
		assert_int_equal(a.p_vaddr, b.p_vaddr);
		assert_int_equal(a.p_type, b.p_type);
	}
	assert_non_null(elfsection_find(f->elf, ".text", &text));
	assert_non_null(elfsection_find(plain, ".text", &same));
	assert_int_equal(text.sh_addr, same.sh_addr);
	assert_int_equal(text.sh_size, same.sh_size);
	elf_end(plain);
	close(fd);
}

static void test_nothing_packed(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(plainfile_make(f->elf, plainfile_names), -1);
	/* nor of what is wanted: there is no .debug_frame */
	assert_int_equal(plainfile_make(f->packed_elf, plainfile_frames), -1);
}

/* One byte in the middle of the packed .debug_info is another. */
static void test_damaged(void **state)
{
	const struct fixture *f = *state;
	GElf_Shdr shdr;
	unsigned char byte;
	off_t at;
	Elf *elf;

	assert_non_null(elfsection_find(f->packed_elf, ".debug_info", &shdr));
	at = (off_t)(shdr.sh_offset + shdr.sh_size / 2);
	assert_int_equal(pread(f->packed, &byte, 1, at), 1);
	byte ^= 0x55;
	assert_int_equal(pwrite(f->packed, &byte, 1, at), 1);
	elf = elf_begin(f->packed, ELF_C_READ_MMAP_PRIVATE, NULL);
	assert_int_equal(plainfile_make(elf, plainfile_names), -1);
	elf_end(elf);
	byte ^= 0x55;
	assert_int_equal(pwrite(f->packed, &byte, 1, at), 1);
}

/* A size that is not that of what is packed. */
static void test_lying(void **state)
{
	static const int lies[] = { -1, 1, 4096 };
	const struct fixture *f = *state;
	Elf64_Chdr chdr, lie;
	GElf_Shdr shdr;

	assert_non_null(elfsection_find(f->packed_elf, ".debug_info", &shdr));
	assert_int_equal(pread(f->packed, &chdr, sizeof(chdr), (off_t)shdr.sh_offset),
			 sizeof(chdr));
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		Elf *elf;

		lie = chdr;
		lie.ch_size += (Elf64_Xword)lies[i];
		assert_int_equal(pwrite(f->packed, &lie, sizeof(lie), (off_t)shdr.sh_offset),
				 sizeof(lie));
		elf = elf_begin(f->packed, ELF_C_READ_MMAP_PRIVATE, NULL);
		assert_int_equal(plainfile_make(elf, plainfile_names), -1);
		elf_end(elf);
	}
	assert_int_equal(pwrite(f->packed, &chdr, sizeof(chdr), (off_t)shdr.sh_offset),
			 sizeof(chdr));
}

/* What would be SIGXFSZ. */
static void test_file_size_limit(void **state)
{
	const struct fixture *f = *state;
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(plainfile_make(f->packed_elf, plainfile_names), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_size_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
