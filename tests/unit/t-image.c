/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-image.c: the ELF files of a forked copy of this test, which has the same addresses as the test
 * itself; and of a library that is mapped, deleted, rewritten and unmapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/elffile.h"
#include "target/image.h"

struct fixture {
	pid_t pid;
	int to, from; /* one byte asks the child for its next step, one says it is done */
	struct target target;
	struct maps maps;
	struct images *images;
};

static void update(struct fixture *f, bool *ret_changed)
{
	struct ss_error err;

	assert_int_equal(target_read_maps(&f->target, &f->maps, &err), 0);
	assert_int_equal(images_update(f->images, &f->target, &f->maps, ret_changed, &err), 0);
}

static void step(const struct fixture *f)
{
	char c = 0;

	assert_int_equal(write(f->to, &c, 1), 1);
	assert_int_equal(read(f->from, &c, 1), 1);
}

static void start(struct fixture *f, void (*body)(int from, int to))
{
	struct ss_error err;
	int down[2], up[2];
	char c;

	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(up[1], "", 1);
		body(down[0], up[1]);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	f->to = down[1];
	f->from = up[0];
	assert_int_equal(read(f->from, &c, 1), 1);
	assert_int_equal(target_open(f->pid, &f->target, &err), 0);
	maps_init(&f->maps);
	f->images = images_new();
	assert_non_null(f->images);
}

static void stop(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	close(f->to);
	close(f->from);
	images_free(f->images);
	maps_done(&f->maps);
	target_close(&f->target);
}

static void rest(int from, int to)
{
	char c;

	(void)to;
	(void)!read(from, &c, 1);
}

static struct image_map *find_code(struct fixture *f, const void *function)
{
	struct image_map *map = images_find(f->images, (uintptr_t)function);

	assert_non_null(map);
	assert_null(map->reason);
	assert_non_null(map->image);
	return map;
}

/* Address 0 of the file that has this function, from the dynamic linker. */
static uint64_t load_base(const void *function)
{
	struct link_map *link;
	Dl_info info;

	assert_int_not_equal(dladdr1(function, &info, (void **)&link, RTLD_DL_LINKMAP), 0);
	return link->l_addr;
}

static void test_finds_libc_and_the_program(void **state)
{
	struct fixture f;
	bool changed = false;
	struct image_map *libc, *self;

	(void)state;
	start(&f, rest);
	update(&f, &changed);
	assert_true(changed);
	libc = find_code(&f, (const void *)dlsym(RTLD_NEXT, "lfind"));
	self = find_code(&f, (const void *)update);
	assert_ptr_not_equal(libc->image, self->image);
	assert_non_null(strstr(libc->mapping.path, "libc"));
	assert_int_equal(libc->bias, load_base(dlsym(RTLD_NEXT, "lfind")));
	assert_int_equal(self->bias, load_base((const void *)update));
	assert_true(strlen(libc->image->build_id) == 40);
	assert_string_equal(libc->mapping.build_id, libc->image->build_id);
	assert_int_equal(elf_kind(libc->image->elf), ELF_K_ELF);
	assert_null(images_find(f.images, 16));
	stop(&f);
}

static void test_nothing_changes_on_a_second_update(void **state)
{
	struct fixture f;
	bool changed;
	struct image_map *before;
	size_t n;

	(void)state;
	start(&f, rest);
	update(&f, &changed);
	before = find_code(&f, (const void *)update);
	n = images_count(f.images);
	update(&f, &changed);
	assert_false(changed);
	assert_ptr_equal(find_code(&f, (const void *)update), before);
	assert_int_equal(images_count(f.images), n);
	for (size_t i = 1; i < n; i++)
		assert_true(images_get(f.images, i - 1)->mapping.end <=
			    images_get(f.images, i)->mapping.start);
	stop(&f);
}

/* As on btrfs and overlayfs: the numbers in maps are not those of stat. */
static void test_other_device_numbers_same_build_id(void **state)
{
	struct image_map *self;
	struct fixture f;
	struct ss_error err;
	bool changed;

	(void)state;
	start(&f, rest);
	assert_int_equal(target_read_maps(&f.target, &f.maps, &err), 0);
	vec_each(map, &f.maps.entries)
		map->dev += map->inode != 0;
	assert_int_equal(images_update(f.images, &f.target, &f.maps, &changed, &err), 0);
	self = find_code(&f, (const void *)update);
	assert_int_equal(self->bias, load_base((const void *)update));
	assert_int_equal(strlen(self->image->build_id), 40);
	stop(&f);
}

static const int constant_data[4] = { 11, 22, 33, 44 };
static int writable_data = 5;
/* A relocated pointer in .data.rel.ro: constant in the program, other bytes in the file. */
static int *const relocated[] = { &writable_data };

static void test_bytes(void **state)
{
	struct fixture f;
	bool changed;
	const unsigned char *bytes;
	struct image_map *self;

	(void)state;
	start(&f, rest);
	update(&f, &changed);
	bytes = images_bytes(f.images, (uintptr_t)constant_data, sizeof(constant_data));
	assert_non_null(bytes);
	assert_memory_equal(bytes, constant_data, sizeof(constant_data));
	bytes = images_bytes(f.images, (uintptr_t)update, 16);
	assert_non_null(bytes);
	assert_memory_equal(bytes, (const void *)update, 16);
	assert_null(images_bytes(f.images, (uintptr_t)&writable_data, 4));
	assert_null(images_bytes(f.images, (uintptr_t)relocated, sizeof(relocated)));
	assert_null(images_bytes(f.images, (uintptr_t)&changed, 1));
	self = find_code(&f, (const void *)update);
	assert_null(images_bytes(f.images, self->mapping.end - 1, 1 << 30));
	assert_null(images_bytes(f.images, UINT64_MAX, 8));
	stop(&f);
}

static void test_vdso(void **state)
{
	uint64_t base = getauxval(AT_SYSINFO_EHDR);
	struct fixture f;
	bool changed;
	struct image_map *map;

	(void)state;
	if (!base)
		skip(); /* a kernel or sandbox without a vdso */
	start(&f, rest);
	update(&f, &changed);
	map = images_find(f.images, base);
	assert_non_null(map);
	assert_non_null(map->image);
	assert_string_equal(map->mapping.path, "[vdso]");
	assert_int_equal(map->bias, base);
	assert_int_not_equal(map->image->build_id[0], '\0');
	assert_memory_equal(images_bytes(f.images, base, 64), (const void *)base, 64);
	stop(&f);
}

/* ---- a library that comes and goes ---- */

static char library[64]; /* a copy of some ELF file, made by the test */

static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	close(in);
	close(out);
}

/* Path of the file that has lfind: the C library. */
static const char *libc_path(void)
{
	Dl_info info;

	assert_int_not_equal(dladdr(dlsym(RTLD_NEXT, "lfind"), &info), 0);
	return info.dli_fname;
}

static size_t code_len;

/* Map the executable segment as the dynamic linker would. */
static void *map_code(const char *path)
{
	Elf64_Phdr segment = { 0 };
	Elf64_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *code;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		_exit(1);
	for (off_t at = (off_t)header.e_phoff; !(segment.p_flags & PF_X); at += sizeof(segment))
		(void)!pread(fd, &segment, sizeof(segment), at);
	code_len = segment.p_filesz;
	code = mmap(NULL, code_len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
		    (off_t)(segment.p_offset & ~0xfffull));
	close(fd);
	return code;
}

/* On request map the library, on the next unmap it. */
static void map_and_unmap(int from, int to)
{
	void *code;
	char c;

	(void)!read(from, &c, 1);
	code = map_code(library);
	(void)!write(to, &c, 1);
	(void)!read(from, &c, 1);
	munmap(code, code_len);
	(void)!write(to, &c, 1);
	(void)!read(from, &c, 1);
}

static struct image_map *find_path(struct fixture *f, const char *path)
{
	for (size_t i = 0; i < images_count(f->images); i++) {
		if (strcmp(images_get(f->images, i)->mapping.path, path) == 0)
			return images_get(f->images, i);
	}
	return NULL;
}

static int closed;

static void note_close(struct lookup *names)
{
	assert_ptr_equal(names, &closed);
	closed++;
}

static void make_library(void)
{
	snprintf(library, sizeof(library), "/tmp/t-image-%d.so", (int)getpid());
	copy_file(libc_path(), library);
}

static void test_image_closes_with_its_last_mapping(void **state)
{
	struct image_map *map;
	struct fixture f;
	bool changed;

	(void)state;
	make_library();
	start(&f, map_and_unmap);
	update(&f, &changed);
	assert_null(find_path(&f, library));
	step(&f);
	update(&f, &changed);
	assert_true(changed);
	map = find_path(&f, library);
	assert_non_null(map);
	assert_non_null(map->image);
	closed = 0;
	map->image->names = (struct lookup *)&closed;
	map->image->names_close = note_close;
	step(&f);
	update(&f, &changed);
	assert_true(changed);
	assert_int_equal(closed, 1);
	assert_null(find_path(&f, library));
	/* The model may still point at the mapping. */
	assert_string_equal(map->mapping.path, library);
	assert_null(map->image);
	stop(&f);
	unlink(library);
}

static void test_deleted_file_is_found(void **state)
{
	struct image_map *map;
	struct fixture f;
	bool changed;

	(void)state;
	if (geteuid() != 0)
		skip(); /* map_files needs CAP_CHECKPOINT_RESTORE */
	make_library();
	start(&f, map_and_unmap);
	step(&f);
	unlink(library);
	update(&f, &changed);
	map = find_path(&f, library);
	assert_non_null(map);
	assert_non_null(map->image);
	assert_int_equal(strlen(map->image->build_id), 40);
	stop(&f);
}

/* Another file that took the name is not the one that the target runs. */
static void test_replaced_file_is_not_taken(void **state)
{
	struct image_map *map;
	struct stat st;
	struct fixture f;
	bool changed;

	(void)state;
	make_library();
	start(&f, map_and_unmap);
	step(&f);
	unlink(library);
	copy_file("/proc/self/exe", library);
	assert_int_equal(stat(library, &st), 0);
	update(&f, &changed);
	map = find_path(&f, library);
	assert_non_null(map);
	if (map->image)
		assert_int_not_equal(map->image->inode, st.st_ino);
	stop(&f);
	unlink(library);
}

static void test_rewritten_file_is_opened_anew(void **state)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct image_map *before, *after;
	struct fixture f;
	bool changed;
	uint32_t id;

	(void)state;
	make_library();
	start(&f, map_and_unmap);
	step(&f);
	update(&f, &changed);
	before = find_path(&f, library);
	assert_non_null(before);
	assert_non_null(before->image);
	id = before->image->id;
	assert_int_equal(utimensat(AT_FDCWD, library, times, 0), 0);
	update(&f, &changed);
	assert_true(changed);
	after = find_path(&f, library);
	assert_non_null(after);
	assert_non_null(after->image);
	assert_int_not_equal(after->image->id, id);
	stop(&f);
	unlink(library);
}

static void test_no_elf_file_has_a_reason(void **state)
{
	struct image_map *map;
	struct fixture f;
	bool changed;
	FILE *file;

	(void)state;
	make_library();
	start(&f, map_and_unmap);
	step(&f);
	file = fopen(library, "r+"); /* the same inode, no longer an ELF file */
	assert_non_null(file);
	fputs("nothing", file);
	fclose(file);
	update(&f, &changed);
	map = find_path(&f, library);
	assert_non_null(map);
	assert_null(map->image);
	assert_string_equal(map->reason, "not an ELF file");
	assert_string_equal(map->mapping.build_id, "");
	stop(&f);
	unlink(library);
}

/* ---- headers ---- */

static const Elf64_Phdr packed[] = {
	/* lld's way: segments share pages of the file */
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R,
	  .p_offset = 0,
	  .p_vaddr = 0,
	  .p_filesz = 0x5a4,
	  .p_memsz = 0x5a4 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_X,
	  .p_offset = 0x5b0,
	  .p_vaddr = 0x15b0,
	  .p_filesz = 0xb00,
	  .p_memsz = 0xb00 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_W,
	  .p_offset = 0x10b0,
	  .p_vaddr = 0x30b0,
	  .p_filesz = 0x100,
	  .p_memsz = 0x200 },
};

static size_t make_elf(unsigned char *bytes, const Elf64_Phdr *segments, unsigned n)
{
	Elf64_Ehdr header = { .e_machine = ELFFILE_MACHINE,
			      .e_phoff = sizeof(header),
			      .e_phentsize = sizeof(*segments),
			      .e_phnum = (Elf64_Half)n };

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), segments, n * sizeof(*segments));
	return sizeof(header) + n * sizeof(*segments);
}

static void test_bias_of_packed_segments(void **state)
{
	unsigned char bytes[512];
	size_t size = make_elf(bytes, packed, 3);
	uint64_t bias;

	(void)state;
	if (getpagesize() != 4096)
		skip(); /* the example is laid out for 4 KiB pages */
	assert_null(elffile_check(bytes, size));
	assert_true(elffile_bias(bytes, size, 0x7001000, 0, PF_X, &bias));
	assert_int_equal(bias, 0x7000000);
	assert_false(elffile_bias(bytes, size, 0x7001000, 0x8000, PF_X, &bias));
	assert_true(elffile_is_constant(bytes, size, 0x7000000, 0, 0x7000000));
	assert_true(elffile_is_constant(bytes, size, 0x7001000, 0, 0x7000000));
	assert_false(elffile_is_constant(bytes, size, 0x7003000, 0x1000, 0x7000000));
}

/* objcopy --only-keep-debug moves the segments in the file; only one has this size. */
static void test_bias_by_size(void **state)
{
	static const Elf64_Phdr segments[] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_memsz = 0x1800 },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x2780, .p_memsz = 0x1000 },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x6000, .p_memsz = 0x10 },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x8000, .p_memsz = 0x20 },
	};
	unsigned char bytes[512];
	size_t size = make_elf(bytes, segments, 4);
	uint64_t bias;

	(void)state;
	if (getpagesize() != 4096)
		skip(); /* the example is laid out for 4 KiB pages */
	assert_true(elffile_bias_by_size(bytes, size, 0x7002000, 0x7004000, &bias));
	assert_int_equal(bias, 0x7000000);
	assert_false(elffile_bias_by_size(bytes, size, 0x7002000, 0x7005000, &bias));
	/* two of this size */
	assert_false(elffile_bias_by_size(bytes, size, 0x7006000, 0x7007000, &bias));
}

static void test_headers_cut_short(void **state)
{
	unsigned char bytes[512];
	size_t size = make_elf(bytes, packed, 3);
	Elf64_Phdr segment;

	(void)state;
	assert_string_equal(elffile_check(bytes, 10), "not an ELF file");
	assert_true(elffile_segment(bytes, size, 2, &segment));
	assert_false(elffile_segment(bytes, size, 3, &segment));
	assert_false(elffile_segment(bytes, size - 1, 2, &segment));
	bytes[offsetof(Elf64_Ehdr, e_phoff) + 7] = 0xff;
	assert_false(elffile_segment(bytes, size, 0, &segment));
	bytes[EI_CLASS] = ELFCLASS32;
	assert_string_equal(elffile_check(bytes, size), "an ELF file for another machine");
}

/* A note with its name, and `size` bytes of description from 0xab up. */
static size_t make_note(unsigned char *bytes, uint32_t type, uint32_t size)
{
	Elf64_Nhdr note = { .n_namesz = 4, .n_descsz = size, .n_type = type };

	memcpy(bytes, &note, sizeof(note));
	memcpy(bytes + sizeof(note), "GNU", 4);
	for (uint32_t i = 0; i < size; i++)
		bytes[sizeof(note) + 4 + i] = (unsigned char)(0xab + i);
	return sizeof(note) + 4 + (size + 3) / 4 * 4;
}

static void test_build_id_notes(void **state)
{
	unsigned char notes[256] = { 0 };
	char id[ELFFILE_BUILD_ID_MAX] = "";
	size_t first = make_note(notes, NT_GNU_ABI_TAG, 16);
	size_t size = first + make_note(notes + first, NT_GNU_BUILD_ID, 3);

	(void)state;
	assert_true(elffile_note_build_id(notes, size, 4, id));
	assert_string_equal(id, "abacad");
	assert_false(elffile_note_build_id(notes, size - 4, 4, id));
	assert_false(elffile_note_build_id(notes, first, 4, id));
	assert_false(elffile_note_build_id(notes, 0, 4, id));
	size = make_note(notes, NT_GNU_BUILD_ID, 33); /* too long to be one */
	assert_false(elffile_note_build_id(notes, size, 4, id));
	memset(notes, 0xff, 12);
	assert_false(elffile_note_build_id(notes, sizeof(notes), 4, id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_libc_and_the_program),
		cmocka_unit_test(test_nothing_changes_on_a_second_update),
		cmocka_unit_test(test_other_device_numbers_same_build_id),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_image_closes_with_its_last_mapping),
		cmocka_unit_test(test_deleted_file_is_found),
		cmocka_unit_test(test_replaced_file_is_not_taken),
		cmocka_unit_test(test_rewritten_file_is_opened_anew),
		cmocka_unit_test(test_no_elf_file_has_a_reason),
		cmocka_unit_test(test_bias_of_packed_segments),
		cmocka_unit_test(test_bias_by_size),
		cmocka_unit_test(test_headers_cut_short),
		cmocka_unit_test(test_build_id_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
