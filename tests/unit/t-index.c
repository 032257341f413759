/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-index.c: indexes of files that the test compiles, in each form that debug information comes in,
 * and of files that are damaged. What is right is known from the source text and from nm(1). A
 * compiler that is missing skips its test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "symbol/index.h"
#include "symbol/sources.h"
#include "workshop.h"

/* The numbers of lines that the tests ask for. */
enum { LINE_LEAF = 4, LINE_MID = 7, LINE_OUTER = 10 };

static const char source[] =
	"volatile int sink;\n"
	"namespace ns {\n"
	"template <class T> __attribute__((always_inline)) inline T leaf(T x)\n"
	"{ sink = x; return sink; }\n"
	"struct box {\n"
	"__attribute__((always_inline)) inline int mid(int x)\n"
	"{ return leaf<int>(x) + 1; }\n"
	"};\n"
	"__attribute__((noinline)) int outer(int x)\n"
	"{ return box().mid(x) + 2; }\n"
	"}\n"
	"extern \"C\" int puts(const char *);\n"
	"extern \"C\" int plain(int x) { return ns::outer(x); }\n"
	"int main(int c, char **v) { puts(v[0]); return plain(c); }\n";

static const struct symbol_sources no_sources = { .root_fd = -1 };

static int setup(void **state)
{
	_cleanup_free_ char *path = NULL;
	FILE *file;

	(void)state;
	if (workshop_open() < 0 || asprintf(&path, "%s/a.cc", directory) < 0)
		return -1;
	file = fopen(path, "w");
	if (!file)
		return -1;
	fputs(source, file);
	return fclose(file);
}

static int teardown(void **state)
{
	(void)state;
	return workshop_close();
}

/* Skips the test if `compiler` is not installed; fails it if `command` fails. */
static void make(const char *compiler, const char *command)
{
	_cleanup_free_ char *check = NULL;

	assert_true(asprintf(&check, "command -v %s", compiler) > 0);
	if (run(check) != 0)
		skip();
	assert_int_equal(run(command), 0);
}

static int open_file(const char *name, char *ret_path, size_t len)
{
	int fd;

	snprintf(ret_path, len, "%s/%s", directory, name);
	fd = open(ret_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct symbol_index *open_index(const char *name, int root_fd)
{
	char path[256];
	_cleanup_close_ int fd = open_file(name, path, sizeof(path));
	static struct symbol_sources sources;
	struct symbol_index *index;

	sources = (struct symbol_sources){ .root_fd = root_fd };
	index = symbol_index_open(fd, path, &sources);

	assert_non_null(index);
	return index;
}

/* Address and size of a symbol by nm; the file must not be stripped. */
static void symbol_range(const char *name, const char *symbol, uint64_t *ret, uint64_t *ret_size)
{
	_cleanup_free_ char *command = NULL;
	unsigned long long addr = 0, size = 0;
	FILE *pipe;

	assert_true(asprintf(&command, "nm -S %s/%s | grep ' %s$'", directory, name, symbol) > 0);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%llx %llx", &addr, &size), 2);
	pclose(pipe);
	*ret = addr;
	*ret_size = size;
}

static void check_frame(const struct index_frame *frame, const char *linkage_name, const char *name,
			unsigned line, unsigned decl_line)
{
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s/a.cc", directory) > 0);
	assert_string_equal(frame->linkage_name, linkage_name);
	assert_string_equal(frame->name, name);
	assert_string_equal(frame->file, path);
	assert_string_equal(frame->decl_file, path);
	assert_int_equal(frame->line, line);
	assert_int_equal(frame->decl_line, decl_line);
}

/* Some pc of outer stands in leaf, inlined into mid, inlined into outer. */
static void check_chain(struct symbol_index *index, uint64_t start, uint64_t size)
{
	struct index_frame frames[8];
	unsigned n = 0;

	for (uint64_t addr = start; addr < start + size && n < 3; addr++)
		n = symbol_index_frames(index, addr, frames, ARRAY_SIZE(frames));
	assert_int_equal(n, 3);
	check_frame(&frames[0], "_ZN2ns4leafIiEET_S1_", "leaf<int>", LINE_LEAF, LINE_LEAF - 1);
	check_frame(&frames[1], "_ZN2ns3box3midEi", "mid", LINE_MID, LINE_MID - 1);
	check_frame(&frames[2], "_ZN2ns5outerEi", "outer", LINE_OUTER, LINE_OUTER - 1);
	assert_int_equal(frames[2].entry, start);
}

static void check_symbol(struct symbol_index *index, uint64_t start, uint64_t size)
{
	struct index_symbol symbol;

	assert_true(symbol_index_find(index, start + size - 1, &symbol));
	assert_string_equal(symbol.name, "_ZN2ns5outerEi");
	assert_int_equal(symbol.start, start);
	assert_int_equal(symbol.size, size);
}

static void check_built(const char *compiler, const char *command)
{
	struct symbol_index *index;
	uint64_t start, size;

	make(compiler, command);
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("a", -1);
	check_symbol(index, start, size);
	check_chain(index, start, size);
	symbol_index_close(index);
}

static void test_gcc(void **state)
{
	(void)state;
	check_built("g++", "g++ -O2 -g -gdwarf-5 a.cc -o a");
	check_built("g++", "g++ -O2 -g -gdwarf-4 a.cc -o a");
	check_built("g++", "g++ -O2 -g -no-pie a.cc -o a");
}

static void test_compressed(void **state)
{
	(void)state;
	check_built("g++", "g++ -O2 -g -gz a.cc -o a");
}

/* gold makes addresses from 0 on of discarded code, where a file may have its own. */
static void test_discarded_code(void **state)
{
	struct symbol_index *index;
	struct index_frame frames[8];
	uint64_t start, size;

	(void)state;
	make("ld.gold", "for i in $(seq 300); do"
			"  echo \"volatile int v$i; int dead$i(int x) { v$i += x; return v$i; }\";"
			"done >dead.cc &&"
			"g++ -O2 -g -fuse-ld=gold -Wl,--gc-sections a.cc dead.cc -o a");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("a", -1);
	for (uint64_t addr = start; addr < start + size; addr++) {
		unsigned n = symbol_index_frames(index, addr, frames, ARRAY_SIZE(frames));

		assert_in_range(n, 1, 3);
		assert_string_equal(frames[n - 1].name, "outer");
	}
	symbol_index_close(index);
}

/* clang writes no .debug_aranges */
static void test_clang(void **state)
{
	(void)state;
	check_built("clang++", "clang++ -O2 -g -gdwarf-5 a.cc -o a");
	check_built("clang++", "clang++ -O2 -g -gdwarf-4 a.cc -o a");
}

static void test_split(void **state)
{
	(void)state;
	check_built("g++", "g++ -O2 -g -gsplit-dwarf a.cc -o a");
}

/* A .dwo file that is gone is missed only by those who ask for its unit. */
static void test_split_is_opened_when_asked_for(void **state)
{
	struct symbol_index *index;
	struct index_frame frame;
	uint64_t start, size, other, other_size;

	(void)state;
	make("g++", "echo 'int other(int x) { return x + 1; }' >other.cc &&"
		    "g++ -O2 -g -gsplit-dwarf a.cc other.cc -o a && rm *other.dwo");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	symbol_range("a", "_Z5otheri", &other, &other_size);
	index = open_index("a", -1);
	check_chain(index, start, size);
	assert_true(symbol_index_is_whole(index));
	assert_int_equal(symbol_index_frames(index, other, &frame, 1), 1);
	assert_string_equal(frame.name, "");
	assert_false(symbol_index_is_whole(index));
	symbol_index_close(index);
}

/* What stands in one.h is called from two.h, that from main.c, and there are types in them all. */
static void check_files(const char *compiler, const char *flags)
{
	_cleanup_free_ char *command = NULL;
	struct symbol_index *index;
	struct index_frame frames[8];
	uint64_t start, size;
	unsigned n = 0;

	assert_true(asprintf(&command, "rm -f *.dwo && %s -O2 -g %s main.cc -o a", compiler,
			     flags) > 0);
	make(compiler, command);
	symbol_range("a", "_Z4workP3box", &start, &size);
	index = open_index("a", -1);
	for (uint64_t addr = start; addr < start + size && n < 3; addr++)
		n = symbol_index_frames(index, addr, frames, ARRAY_SIZE(frames));
	assert_int_equal(n, 3);
	assert_string_equal(strrchr(frames[0].file, '/'), "/one.h");
	assert_string_equal(strrchr(frames[0].decl_file, '/'), "/one.h");
	assert_string_equal(strrchr(frames[1].file, '/'), "/two.h");
	assert_string_equal(strrchr(frames[1].decl_file, '/'), "/two.h");
	assert_string_equal(strrchr(frames[2].file, '/'), "/main.cc");
	assert_string_equal(strrchr(frames[2].decl_file, '/'), "/main.cc");
	symbol_index_close(index);
}

/* Of outer, in a file made by flags in a directory of the test's. */
static void check_path(const char *compiler, const char *in, const char *flags, const char *path)
{
	_cleanup_free_ char *command = NULL;
	struct symbol_index *index;
	struct index_frame frames[8];
	uint64_t start, size;
	unsigned n;

	assert_true(asprintf(&command,
			     "mkdir -p src obj && cp a.cc src && ROOT=$PWD &&"
			     "cd %s && %s -O2 -g %s -o $ROOT/a",
			     in, compiler, flags) > 0);
	make(compiler, command);
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("a", -1);
	n = symbol_index_frames(index, start, frames, ARRAY_SIZE(frames));
	assert_in_range(n, 1, 3);
	assert_string_equal(frames[n - 1].file, path);
	assert_string_equal(frames[n - 1].decl_file, path);
	symbol_index_close(index);
}

/* Directories that the compiler was told to write as relative ones. */
static void test_mapped_paths(void **state)
{
	static const char *const compilers[] = { "g++ -gdwarf-4", "g++ -gdwarf-5",
						 "clang++ -gdwarf-4", "clang++ -gdwarf-5" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		const char *compiler = compilers[i];

		check_path(compiler, "src", "-ffile-prefix-map=$ROOT=foo a.cc", "foo/src/a.cc");
		check_path(compiler, "src", "-ffile-prefix-map=$ROOT/src=foo a.cc", "foo/a.cc");
		check_path(compiler, "src", "-ffile-prefix-map=$ROOT=. a.cc", "src/a.cc");
		check_path(compiler, "src", "-ffile-prefix-map=$ROOT=. $ROOT/src/a.cc", "src/a.cc");
		check_path(compiler, "obj", "-ffile-prefix-map=$ROOT=. $ROOT/src/a.cc", "src/a.cc");
		check_path(compiler, "src", "-ffile-prefix-map=$ROOT/src=. a.cc", "a.cc");
		check_path(compiler, "src", "-ffile-prefix-map=$ROOT=/foo a.cc", "/foo/src/a.cc");
	}
}

/* clang: the tables of a .dwo and of its skeleton number the files differently. */
static void test_split_with_type_units(void **state)
{
	static const char *const flags[] = { "-gsplit-dwarf -gdwarf-4", "-gsplit-dwarf -gdwarf-5",
					     "-gsplit-dwarf -gdwarf-4 -fdebug-types-section",
					     "-gsplit-dwarf -gdwarf-5 -fdebug-types-section" };

	(void)state;
	make("g++", "echo 'volatile int sink; struct zero { int z; };"
		    "\n#define INLINE __attribute__((always_inline)) inline' >zero.h &&"
		    "echo 'struct box { int i; zero z; };"
		    "INLINE int one(box *b) { sink = b->i; return sink * b->z.z; }' >one.h &&"
		    "echo 'struct twos { box b; };"
		    "INLINE int two(twos *t) { return one(&t->b) + sink; }' >two.h &&"
		    "printf '#include \"%s.h\"\\n' zero one two >main.cc &&"
		    "echo '__attribute__((noinline)) void work(box *b) { sink = two((twos *)b); }"
		    "int main() { twos t = {}; work(&t.b); return sink; }' >>main.cc");
	for (size_t i = 0; i < 3; i++) /* the last: sections of one name, libdw 0.188 reads one */
		check_files("g++", flags[i]);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		check_files("clang++", flags[i]);
}

static void test_debuglink(void **state)
{
	struct symbol_index *index;
	uint64_t start, size;

	(void)state;
	make("g++", "g++ -O2 -g a.cc -o a && cp a b && objcopy --only-keep-debug b b.dbg &&"
		    "strip b && objcopy --add-gnu-debuglink=b.dbg b");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("b", -1);
	check_symbol(index, start, size);
	check_chain(index, start, size);
	symbol_index_close(index);
}

/* The debug file is where only the target sees it, first under its build id, then by its link. */
static void check_in_root(const char *command)
{
	_cleanup_close_ int root = -1;
	struct symbol_index *index;
	char path[256];
	uint64_t start, size;

	make("g++", command);
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	root = open_file("root", path, sizeof(path));
	index = open_index("b", root);
	check_chain(index, start, size);
	symbol_index_close(index);
}

static void test_debug_files_under_root(void **state)
{
	(void)state;
	check_in_root(
		"g++ -O2 -g -Wl,--build-id=0xabcdef0100000023 a.cc -o a && cp a b && strip b &&"
		"mkdir -p root/usr/lib/debug/.build-id/ab &&"
		"objcopy --only-keep-debug a root/usr/lib/debug/.build-id/ab/cdef0100000023.debug");
	check_in_root("rm -r root && g++ -O2 -g -Wl,--build-id=0xabcdef0100000024 a.cc -o a &&"
		      "mkdir -p root/usr/lib/debug/$PWD && objcopy --only-keep-debug a b.gone &&"
		      "strip a -o b && objcopy --add-gnu-debuglink=b.gone b &&"
		      "mv b.gone root/usr/lib/debug/$PWD");
}

static void test_other_build_id_is_refused(void **state)
{
	_cleanup_close_ int root = -1;
	struct symbol_index *index;
	struct index_frame frame;
	char path[256];
	uint64_t start, size;

	(void)state;
	make("g++", "rm -rf root && g++ -O2 -g -Wl,--build-id=0xabcdef0100000025 a.cc -o a &&"
		    "strip a -o b && mkdir -p root/usr/lib/debug/.build-id/ab &&"
		    "g++ -O2 -g -Wl,--build-id=0xabcdef0100000099 a.cc -o "
		    "root/usr/lib/debug/.build-id/ab/cdef0100000025.debug");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	root = open_file("root", path, sizeof(path));
	index = open_index("b", root);
	assert_int_equal(symbol_index_frames(index, start, &frame, 1), 0);
	symbol_index_close(index);
}

/* Without DW_AT_linkage_name the name is put together from the DIEs around it. */
static void test_names_with_namespaces(void **state)
{
	struct symbol_index *index;
	struct index_frame frames[8];
	uint64_t start, size;
	bool seen = false;

	(void)state;
	make("clang++", "clang++ -O2 -g a.cc -Xclang -dwarf-linkage-names=Abstract -o a ||"
			"clang++ -O2 -g a.cc -mllvm -dwarf-linkage-names=Abstract -o a");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("a", -1);
	for (uint64_t addr = start; addr < start + size; addr++) {
		unsigned n = symbol_index_frames(index, addr, frames, ARRAY_SIZE(frames));

		seen |= n > 0 && strcmp(frames[n - 1].name, "ns::outer") == 0 &&
			strcmp(frames[n - 1].linkage_name, "outer") == 0;
	}
	symbol_index_close(index);
	assert_true(seen);
}

static void test_no_room_for_the_chain(void **state)
{
	struct symbol_index *index;
	struct index_frame frames[2] = { { .line = 77 }, { .line = 77 } };
	uint64_t start, size;

	(void)state;
	make("g++", "g++ -O2 -g a.cc -o a");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index("a", -1);
	assert_int_equal(symbol_index_frames(index, start, frames, 0), 0);
	assert_int_equal(symbol_index_frames(index, start, frames, 1), 1);
	assert_int_equal(frames[1].line, 77);
	symbol_index_close(index);
}

/* Best binding first, then the shorter name; a symbol without size covers nothing. */
static void test_which_symbol(void **state)
{
	struct symbol_index *index;
	struct index_symbol symbol;
	uint64_t start, size;

	(void)state;
	make("gcc",
	     "printf '%s\\n' .text '.globl first, first_long' '.weak a' '.type first,@function' "
	     "'.type first_long,@function' '.type a,@function' '.type b,@function' "
	     "'.type inner,@function' first: first_long: a: b: '.skip 8' inner: '.skip 4' "
	     "'.size inner, 4' '.skip 4' '.size first, 16' '.size first_long, 16' '.size a, 16' "
	     "'.size b, 16' nosize: '.skip 16' > s.s && gcc -shared -nostdlib s.s -o s");
	symbol_range("s", "first", &start, &size);
	index = open_index("s", -1);
	assert_true(symbol_index_find(index, start, &symbol));
	assert_string_equal(symbol.name, "first");
	assert_true(symbol_index_find(index, start + 9, &symbol));
	assert_string_equal(symbol.name, "inner");
	assert_true(symbol_index_find(index, start + 15, &symbol));
	assert_string_equal(symbol.name, "first");
	assert_false(symbol_index_find(index, start + 16, &symbol));
	assert_false(symbol_index_find(index, start - 1, &symbol));
	symbol_index_close(index);
}

static void test_version_is_cut(void **state)
{
	struct symbol_index *index;
	struct index_symbol symbol;
	uint64_t start, size;

	(void)state;
	make("gcc",
	     "echo 'int pub_1(void){return 1;} __asm__(\".symver pub_1,pub@@V_1\");' > v.c &&"
	     "echo 'V_1 { global: pub; local: *; };' > v.map &&"
	     "gcc -O2 -shared -fPIC v.c -Wl,--version-script=v.map -o v");
	symbol_range("v", "pub@@V_1", &start, &size);
	index = open_index("v", -1);
	assert_true(symbol_index_find(index, start, &symbol));
	assert_string_equal(symbol.name, "pub");
	symbol_index_close(index);
}

#ifdef __x86_64__
/* Some stub in the file is that of puts, and none of it is invented. */
static void check_plt(const char *command)
{
	struct symbol_index *index;
	struct index_symbol symbol;
	uint64_t start, size;
	unsigned found = 0;

	make("g++", command);
	symbol_range("a", "main", &start, &size);
	index = open_index("a", -1);
	for (uint64_t addr = start & ~UINT64_C(0xfff); addr < start; addr++)
		found += symbol_index_find(index, addr, &symbol) &&
			 strcmp(symbol.name, "puts@plt") == 0;
	symbol_index_close(index);
	assert_int_equal(found, 16);
}

static void test_plt(void **state)
{
	(void)state;
	check_plt("g++ -O2 -fcf-protection=none -Wl,-z,lazy a.cc -o a");
	check_plt("g++ -O2 -fcf-protection=none -Wl,-z,now a.cc -o a");
	check_plt("g++ -O2 -fcf-protection=full -Wl,-z,ibtplt a.cc -o a");
}
#endif

static void check_finds_nothing(const void *data, size_t len)
{
	_cleanup_close_ int fd = memfd_create("t-index", MFD_CLOEXEC);
	struct symbol_index *index;
	struct index_symbol symbol;
	struct index_frame frame;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	index = symbol_index_open(fd, "[test]", &no_sources);
	assert_non_null(index);
	assert_false(symbol_index_find(index, 0x1000, &symbol));
	assert_int_equal(symbol_index_frames(index, 0x1000, &frame, 1), 0);
	symbol_index_close(index);
}

static void test_no_elf_file(void **state)
{
	static const char text[] = "#!/bin/sh\n", magic[16] = "\177ELF\2\1\1";

	(void)state;
	check_finds_nothing("", 0);
	check_finds_nothing(text, sizeof(text));
	check_finds_nothing(magic, sizeof(magic));
}

static void check_not_used(const char *name, bool has_symbol)
{
	struct symbol_index *index;
	struct index_symbol symbol;
	struct index_frame frame;
	uint64_t start, size;

	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	index = open_index(name, -1);
	assert_int_equal(symbol_index_find(index, start, &symbol), has_symbol);
	assert_int_equal(symbol_index_frames(index, start, &frame, 1), 0);
	symbol_index_close(index);
}

/* libdwfl would unpack it, whatever it becomes. */
static void test_packed_files(void **state)
{
	(void)state;
	make("gzip", "g++ -O2 -g -Wl,--build-id=none a.cc -o a && gzip -c a >packed &&"
		     "cp packed a.dbg && strip -g a -o b && objcopy --add-gnu-debuglink=a.dbg b");
	check_not_used("packed", false);
	check_not_used("b", true);
}

/* A page of headers, one of code, and a last one that ends with a string which does not end. */
struct endless {
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		Elf64_Shdr sections[5];
		Elf64_Sym symbols[2];
		unsigned char abbrevs[32];
		char names[64];
	} page;
	char rest[4096 - sizeof(Elf64_Ehdr) - sizeof(Elf64_Phdr) - 5 * sizeof(Elf64_Shdr) -
		  2 * sizeof(Elf64_Sym) - 32 - 64];
	char code[4096];
	char last[4096];
};

enum { ENDLESS_ADDR = 0x401000 };

#define ENDLESS_AT(member) offsetof(struct endless, member)

static const struct endless endless = {
	.page = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = ENDLESS_AT(page.segment),
			.e_shoff = ENDLESS_AT(page.sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 5,
			.e_shstrndx = 4,
		},
		.segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
			     .p_vaddr = ENDLESS_ADDR - 4096, .p_filesz = sizeof(struct endless),
			     .p_memsz = sizeof(struct endless), .p_align = 4096 },
		.sections = {
			[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS,
				.sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = ENDLESS_ADDR,
				.sh_offset = ENDLESS_AT(code), .sh_size = 4096 },
			[4] = { .sh_name = 1, .sh_type = SHT_STRTAB,
				.sh_offset = ENDLESS_AT(page.names), .sh_size = 64 },
		},
		.symbols = { [1] = { .st_name = 4000, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				     .st_shndx = 1, .st_value = ENDLESS_ADDR, .st_size = 16 } },
		.abbrevs = {
			/* a compile unit with children, low_pc, high_pc */
			1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0,
			/* a subprogram with low_pc, high_pc and a name in place */
			2, 0x2e, 0, 0x11, 0x01, 0x12, 0x06, 0x03, 0x08, 0, 0,
		},
		.names = "\0.text\0.symtab\0.strtab\0.debug_abbrev\0.debug_info",
	},
};

static struct symbol_index *open_endless(const struct endless *file)
{
	_cleanup_close_ int fd = memfd_create("t-index", MFD_CLOEXEC);
	struct symbol_index *index;

	assert_int_equal(write(fd, file, sizeof(*file)), sizeof(*file));
	index = symbol_index_open(fd, "[test]", &no_sources);
	assert_non_null(index);
	return index;
}

/* Before its last byte is a NUL it is no string: what is behind the file is not the file's. */
static bool has_symbol(struct endless *file, char last)
{
	struct index_symbol symbol;
	struct symbol_index *index;
	bool found;

	file->last[4095] = last;
	index = open_endless(file);
	found = symbol_index_find(index, ENDLESS_ADDR + 1, &symbol);
	symbol_index_close(index);
	return found;
}

static void test_endless_symbol(void **state)
{
	struct endless file = endless;

	(void)state;
	file.page.sections[2] = (Elf64_Shdr){ .sh_name = 7,
					      .sh_type = SHT_SYMTAB,
					      .sh_offset = ENDLESS_AT(page.symbols),
					      .sh_size = 2 * sizeof(Elf64_Sym),
					      .sh_link = 3,
					      .sh_info = 1,
					      .sh_entsize = sizeof(Elf64_Sym) };
	file.page.sections[3] = (Elf64_Shdr){
		.sh_name = 15, .sh_type = SHT_STRTAB, .sh_offset = ENDLESS_AT(last), .sh_size = 4096
	};
	memset(file.last + 1, 'y', 4095);
	assert_true(has_symbol(&file, '\0'));
	assert_false(has_symbol(&file, 'y'));
}

/* The unit fills the section; its function's name is all that follows the numbers. */
static void fill_unit(char *p)
{
	static const struct __attribute__((packed)) {
		uint32_t len;
		uint16_t version;
		uint32_t abbrevs;
		uint8_t address_size;
		uint8_t unit;
		uint64_t unit_start;
		uint32_t unit_size;
		uint8_t function;
		uint64_t start;
		uint32_t size;
	} unit = { 4092, 4, 0, 8, 1, ENDLESS_ADDR, 4096, 2, ENDLESS_ADDR, 4096 };

	memset(p, 'z', 4096);
	memcpy(p, &unit, sizeof(unit));
}

static size_t debug_name_len(struct endless *file, char last)
{
	struct index_frame frame = { .linkage_name = "" };
	struct symbol_index *index;
	size_t len;

	file->last[4095] = last;
	index = open_endless(file);
	assert_int_equal(symbol_index_frames(index, ENDLESS_ADDR + 1, &frame, 1), 1);
	len = strlen(frame.linkage_name);
	symbol_index_close(index);
	return len;
}

static void test_endless_debug_name(void **state)
{
	struct endless file = endless;

	(void)state;
	file.page.sections[2] = (Elf64_Shdr){ .sh_name = 23,
					      .sh_type = SHT_PROGBITS,
					      .sh_offset = ENDLESS_AT(page.abbrevs),
					      .sh_size = 32 };
	file.page.sections[3] = (Elf64_Shdr){ .sh_name = 37,
					      .sh_type = SHT_PROGBITS,
					      .sh_offset = ENDLESS_AT(last),
					      .sh_size = 4096 };
	fill_unit(file.last);
	assert_in_range(debug_name_len(&file, '\0'), 4000, 4095);
	assert_int_equal(debug_name_len(&file, 'z'), 0);
}

/* Lookups all over the file with bytes damaged: any answer will do. */
static void look_around(const unsigned char *data, size_t len, uint64_t start, uint64_t size)
{
	_cleanup_close_ int fd = memfd_create("t-index", MFD_CLOEXEC);
	struct index_frame frames[4];
	struct index_symbol symbol;
	struct symbol_index *index;

	assert_int_equal(write(fd, data, len), len);
	index = symbol_index_open(fd, "[test]", &no_sources);
	assert_non_null(index);
	for (uint64_t addr = start - 64; addr < start + size; addr += 3) {
		symbol_index_find(index, addr, &symbol);
		symbol_index_frames(index, addr, frames, ARRAY_SIZE(frames));
	}
	symbol_index_close(index);
}

static void test_damaged_files(void **state)
{
	static unsigned char good[1 << 16], bad[1 << 16];
	char path[256];
	uint64_t start, size, random = 42;
	_cleanup_close_ int fd = -1;
	ssize_t len;

	(void)state;
	make("g++", "g++ -O2 -g a.cc -o a");
	symbol_range("a", "_ZN2ns5outerEi", &start, &size);
	fd = open_file("a", path, sizeof(path));
	len = read(fd, good, sizeof(good));
	assert_in_range(len, 4096, sizeof(good) - 1);
	for (unsigned round = 0; round < 60; round++) {
		memcpy(bad, good, (size_t)len);
		for (unsigned i = 0; i < 20; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			/* the debug sections and headers stand behind the code */
			bad[0x2000 + (random >> 33) % ((size_t)len - 0x2000)] = random >> 56;
		}
		look_around(bad, (size_t)len >> (round % 8 == 7), start, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gcc),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_discarded_code),
		cmocka_unit_test(test_clang),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_is_opened_when_asked_for),
		cmocka_unit_test(test_split_with_type_units),
		cmocka_unit_test(test_mapped_paths),
		cmocka_unit_test(test_debuglink),
		cmocka_unit_test(test_debug_files_under_root),
		cmocka_unit_test(test_other_build_id_is_refused),
		cmocka_unit_test(test_names_with_namespaces),
		cmocka_unit_test(test_no_room_for_the_chain),
		cmocka_unit_test(test_which_symbol),
		cmocka_unit_test(test_version_is_cut),
#ifdef __x86_64__
		cmocka_unit_test(test_plt),
#endif
		cmocka_unit_test(test_no_elf_file),
		cmocka_unit_test(test_packed_files),
		cmocka_unit_test(test_endless_symbol),
		cmocka_unit_test(test_endless_debug_name),
		cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
