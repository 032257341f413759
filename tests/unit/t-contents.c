/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-contents.c: what programs hold that the test compiles, strips and damages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "symbol/contents.h"
#include "symbol/sources.h"
#include "target/elfsection.h"
#include "workshop.h"

/* Build ids of their own, or the C library's debug file might have something of theirs. */
static int setup(void **state)
{
	(void)state;
	if (workshop_open() < 0)
		return -1;
	/* enough functions for packing to be worth it */
	return run(
		"for i in $(seq 300); do echo \"int f$i(int x) { return x + $i; }\"; done >a.c &&"
		"echo 'int main(void) { return f1(-1); }' >>a.c &&"
		"gcc -g -Wl,--build-id=0xfeedfacefeed -shared -fPIC a.c -o full.so &&"
		"gcc -g -gz=zlib -Wl,--build-id=0xfeedfacefeed a.c -o packed &&"
		"gcc -Wl,--build-id=0xfeedfacefeed a.c -o plain &&"
		"strip -g full.so -o symtab.so && strip full.so -o dynsym.so &&"
		"strip plain -o nothing && nm full.so >names &&"
		"xz -c names >mini.xz && objcopy --add-section .gnu_debugdata=mini.xz nothing "
		"mini");
}

static int teardown(void **state)
{
	(void)state;
	return workshop_close();
}

static int open_it(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return open(path, flags | O_CLOEXEC);
}

static struct contents contents_of(const char *name)
{
	static const struct symbol_sources sources = { .root_fd = -1 };
	_cleanup_close_ int fd = open_it(name, O_RDONLY);
	struct symbol_index *index;
	struct contents contents;

	assert_true(fd >= 0);
	index = symbol_index_open(fd, name, &sources);
	assert_non_null(index);
	contents_find(index, &contents);
	symbol_index_close(index);
	return contents;
}

static void assert_contents(const char *name, bool debug_info, enum contents_names names)
{
	struct contents contents = contents_of(name);

	assert_int_equal(contents.debug_info, debug_info);
	assert_int_equal(contents.names, names);
	assert_false(contents.unreadable);
	assert_true(contents.unwind);
}

static void test_each(void **state)
{
	(void)state;
	assert_contents("full.so", true, CONTENTS_ALL);
	assert_contents("packed", true, CONTENTS_ALL);
	assert_contents("symtab.so", false, CONTENTS_ALL);
	assert_contents("dynsym.so", false, CONTENTS_EXPORTED);
	assert_contents("nothing", false, CONTENTS_NO_NAMES);
	assert_contents("mini", false, CONTENTS_ALL);
}

/* Packed in a way that nobody knows: its first word says which (Elf64_Chdr.ch_type). */
static void test_unreadable(void **state)
{
	_cleanup_close_ int fd = open_it("packed", O_RDWR);
	const uint32_t unknown = 77;
	struct contents contents;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr shdr;
	Elf *elf;

	(void)state;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(elf);
	while ((scn = elfsection_next(elf, scn, &name, &shdr)))
		if (shdr.sh_flags & SHF_COMPRESSED)
			assert_int_equal(
				pwrite(fd, &unknown, sizeof(unknown), (off_t)shdr.sh_offset),
				sizeof(unknown));
	elf_end(elf);
	contents = contents_of("packed");
	assert_false(contents.debug_info);
	assert_true(contents.unreadable);
	assert_int_equal(contents.names, CONTENTS_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
