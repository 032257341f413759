/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmapjit.c: a thread "jit" whose stack goes through machine code in anonymous memory, as a JIT
 * compiler makes it: no file, no symbol, no CFI. after_jit, which blocks, was called by that code;
 * before_jit called it. With the argument "awake" it wakes up every
 * 5 ms.
 */
#include "target.h"

#include <sys/mman.h>

#if defined(__x86_64__)
static const unsigned char code[] = {
	0x55,             /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
	0xff, 0xd7,       /* call *%rdi */
	0x5d,             /* pop %rbp */
	0xc3,             /* ret */
};
#elif defined(__aarch64__)
static const uint32_t code[] = {
	0xa9bf7bfd, /* stp x29, x30, [sp, #-16]! */
	0x910003fd, /* mov x29, sp */
	0xd63f0000, /* blr x0 */
	0xa8c17bfd, /* ldp x29, x30, [sp], #16 */
	0xd65f03c0, /* ret */
};
#endif

typedef void (*trampoline)(void (*)(void));

static struct arrival arrival;
static bool awake;

static NOINLINE void after_jit(void)
{
	arrival_set(&arrival);
	while (awake)
		target_nap_ms(5);
	target_rest();
}

static NOINLINE void before_jit(trampoline jit)
{
	jit(after_jit);
	KEEP_FRAME();
}

static void *run(void *page)
{
	before_jit((trampoline)(uintptr_t)page);
	return NULL;
}

int main(int argc, char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);

	target_begin();
	awake = argc > 1 && strcmp(argv[1], "awake") == 0;
	target_check(page != MAP_FAILED, "mmap");
	memcpy(page, code, sizeof(code));
	__builtin___clear_cache(page, page + sizeof(code));
	target_check(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0, "mprotect");
	target_thread("jit", 0, run, page);
	arrival_await_sleep(&arrival);
	target_ready();
	target_rest();
}
