/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-symbolize.c: locations of this very program: its own functions, symbols that an assembler
 * source would bring (a compiler's clone, a hole without symbols), the vdso, and addresses in no
 * file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "symbol/index.h"
#include "symbol/sources.h"
#include "symbol/symbolize.h"
#include "target/image.h"

/* 16 bytes of ns::run, 16 bytes of nothing, 16 bytes of a C clone. Never executed. */
__asm__(".pushsection .text\n"
	".type _ZN2ns3runEi.isra.0, %function\n"
	".globl t_symbolize_start\n"
	"t_symbolize_start:\n"
	"_ZN2ns3runEi.isra.0: .skip 16\n"
	".size _ZN2ns3runEi.isra.0, 16\n"
	".skip 16\n"
	".type work.constprop.0.cold, %function\n"
	"work.constprop.0.cold: .skip 16\n"
	".size work.constprop.0.cold, 16\n"
	".popsection\n");
extern const char t_symbolize_start[];

struct fixture {
	struct symbolizer *symbolizer;
	struct image image;
	struct image_map map;
};

static int find_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
	(void)size;
	*(uint64_t *)bias = info->dlpi_addr;
	return 1; /* the program itself comes first */
}

static int setup(void **state)
{
	static const struct symbol_sources sources = { .root_fd = -1 };
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->symbolizer = symbolizer_new(&sources);
	f->image.path = "/proc/self/exe";
	f->image.fd = open(f->image.path, O_RDONLY | O_CLOEXEC);
	f->map.image = &f->image;
	f->map.mapping.path = f->image.path;
	f->map.mapping.build_id = "";
	dl_iterate_phdr(find_bias, &f->map.bias);
	*state = f;
	return f->symbolizer && f->image.fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	symbolizer_free(f->symbolizer);
	if (f->image.names)
		f->image.names_close(f->image.names);
	close(f->image.fd);
	free(f);
	return 0;
}

static const struct location *look(struct fixture *f, uint64_t pc, bool exact)
{
	const struct location *location = symbolize(f->symbolizer, pc, exact, &f->map);

	assert_non_null(location);
	return location;
}

static const struct function *physical(const struct location *location)
{
	assert_true(location->nlines > 0);
	return location->lines[location->nlines - 1].function;
}

static void test_own_function(void **state)
{
	struct fixture *f = *state;
	uint64_t pc = (uintptr_t)test_own_function;
	const struct location *location = look(f, pc, true);

	assert_string_equal(physical(location)->name, "test_own_function");
	assert_string_equal(physical(location)->system_name, "test_own_function");
	assert_int_equal(location->function_offset, 0);
	assert_int_equal(location->module_offset, pc - f->map.bias);
	assert_ptr_equal(location->mapping, &f->map.mapping);
	assert_true(f->map.mapping.symbolized);
}

/* With debug information there are lines; without it a name alone is right too. */
static void test_own_line(void **state)
{
	struct fixture *f = *state;
	const struct location *location = look(f, (uintptr_t)test_own_line, true);
	const struct line *line = &location->lines[location->nlines - 1];

	if (!*line->file)
		skip();
	assert_non_null(strstr(line->file, "t-symbolize.c"));
	assert_int_equal(*line->file, '/');
	assert_in_range(line->line, __LINE__ - 10, __LINE__);
	assert_int_equal(line->function->start_line, __LINE__ - 11);
	assert_string_equal(line->function->file, line->file);
}

static void test_return_address_is_of_the_byte_before(void **state)
{
	struct fixture *f = *state;
	uint64_t start = (uintptr_t)t_symbolize_start;
	const struct location *location = look(f, start + 16, false);

	assert_string_equal(physical(location)->name, "ns::run");
	assert_int_equal(location->function_offset, 16);
	assert_int_equal(look(f, start + 16, true)->nlines, 0);
}

static void test_clones_have_clean_names(void **state)
{
	struct fixture *f = *state;
	uint64_t start = (uintptr_t)t_symbolize_start;
	const struct function *function = physical(look(f, start + 3, true));

	assert_string_equal(function->name, "ns::run");
	assert_string_equal(function->system_name, "_ZN2ns3runEi.isra.0");
	assert_string_equal(function->file, "");
	function = physical(look(f, start + 32, true));
	assert_string_equal(function->name, "work");
	assert_string_equal(function->system_name, "work.constprop.0.cold");
}

/* Not the name of the nearest symbol. */
static void test_hole_has_no_name(void **state)
{
	struct fixture *f = *state;
	const struct location *location = look(f, (uintptr_t)t_symbolize_start + 20, true);

	assert_int_equal(location->nlines, 0);
	assert_int_equal(location->function_offset, 0);
	assert_ptr_equal(location->mapping, &f->map.mapping);
	assert_int_equal(location->module_offset, (uintptr_t)t_symbolize_start + 20 - f->map.bias);
	assert_false(f->map.mapping.symbolized);
}

/* What is in a file has no name then, but its place in it. */
static void test_files_have_no_names(void **state)
{
	static const struct symbol_sources sources = { .root_fd = -1, .no_files = true };
	struct fixture *f = *state;
	struct symbolizer *symbolizer = symbolizer_new(&sources);
	uint64_t pc = (uintptr_t)test_own_function;
	const struct location *location;

	assert_non_null(symbolizer);
	location = symbolize(symbolizer, pc, true, &f->map);
	assert_non_null(location);
	assert_int_equal(location->nlines, 0);
	assert_int_equal(location->module_offset, pc - f->map.bias);
	assert_ptr_equal(location->mapping, &f->map.mapping);
	assert_false(f->map.mapping.symbolized);
	assert_null(f->image.names);
	symbolizer_free(symbolizer);
}

static void test_cache(void **state)
{
	struct fixture *f = *state;
	uint64_t start = (uintptr_t)t_symbolize_start;
	const struct location *location = look(f, start + 3, true);

	assert_ptr_equal(look(f, start + 3, true), location);
	assert_ptr_not_equal(look(f, start + 3, false), location);
	symbolizer_forget(f->symbolizer);
	assert_ptr_not_equal(look(f, start + 3, true), location);
	assert_string_equal(physical(location)->name, "ns::run");
}

static void test_equal_functions_are_one(void **state)
{
	struct fixture *f = *state;
	uint64_t start = (uintptr_t)t_symbolize_start;
	const struct function *function = physical(look(f, start + 3, true));

	assert_ptr_equal(physical(look(f, start + 9, true)), function);
	assert_ptr_not_equal(physical(look(f, start + 33, true)), function);
	symbolizer_forget(f->symbolizer);
	assert_ptr_equal(physical(look(f, start + 3, true)), function);
}

static void test_lives_longer_than_the_image(void **state)
{
	struct fixture *f = *state;
	const struct location *location = look(f, (uintptr_t)t_symbolize_start, true);

	f->image.names_close(f->image.names);
	f->image.names = NULL;
	assert_string_equal(physical(location)->name, "ns::run");
	assert_string_equal(physical(location)->system_name, "_ZN2ns3runEi.isra.0");
}

static void test_no_mapping(void **state)
{
	struct fixture *f = *state;
	static const uint64_t pcs[] = { 0, 1, 0x1000, UINT64_C(1) << 62, UINT64_MAX };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(pcs); i++) {
		const struct location *location = symbolize(f->symbolizer, pcs[i / 2], i % 2, NULL);

		assert_non_null(location);
		assert_int_equal(location->pc, pcs[i / 2]);
		assert_int_equal(location->exact, i % 2);
		assert_null(location->mapping);
		assert_int_equal(location->nlines, 0);
		assert_int_equal(location->module_offset, 0);
	}
}

/* The file could not be opened: its offset in the file is all there is. */
static void test_no_image(void **state)
{
	struct fixture *f = *state;
	struct image_map map = {
		.mapping = { .start = 0x7000, .end = 0x9000, .offset = 0x2000, .path = "/gone" }
	};
	const struct location *location = symbolize(f->symbolizer, 0x7123, true, &map);

	assert_non_null(location);
	assert_int_equal(location->nlines, 0);
	assert_int_equal(location->module_offset, 0x2123);
	assert_ptr_equal(location->mapping, &map.mapping);
}

/* The size of the vdso is not told anywhere but in maps: its sections end it. */
static size_t vdso_size(const unsigned char *vdso)
{
	ElfW(Ehdr) ehdr;

	memcpy(&ehdr, vdso, sizeof(ehdr));
	return ehdr.e_shoff + (size_t)ehdr.e_shentsize * ehdr.e_shnum;
}

static void test_vdso(void **state)
{
	struct fixture *f = *state;
	const unsigned char *vdso = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	struct image image = { .path = "[vdso]", .fd = memfd_create("vdso", MFD_CLOEXEC) };
	struct image_map map = { .mapping = { .path = "[vdso]" }, .image = &image };
	const struct location *location;
	bool found = false;

	if (!vdso)
		skip();
	assert_int_equal(write(image.fd, vdso, vdso_size(vdso)), vdso_size(vdso));
	for (uint64_t pc = 0; pc < vdso_size(vdso) && !found; pc++) {
		location = symbolize(f->symbolizer, pc, true, &map);
		assert_non_null(location);
		found = location->nlines > 0 &&
			strstr(physical(location)->system_name, "clock_gettime");
	}
	assert_true(found);
	image.names_close(image.names);
	close(image.fd);
}

#define symbolize_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		symbolize_test(test_own_function),
		symbolize_test(test_own_line),
		symbolize_test(test_return_address_is_of_the_byte_before),
		symbolize_test(test_clones_have_clean_names),
		symbolize_test(test_hole_has_no_name),
		symbolize_test(test_files_have_no_names),
		symbolize_test(test_cache),
		symbolize_test(test_equal_functions_are_one),
		symbolize_test(test_lives_longer_than_the_image),
		symbolize_test(test_no_mapping),
		symbolize_test(test_no_image),
		symbolize_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
