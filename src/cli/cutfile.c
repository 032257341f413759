/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cutfile.c: the handler of SIGBUS. A page that is gone is replaced by an empty one, and the
 * instruction that asked for it runs again: nothing is jumped out of, so it may strike inside libelf
 * or libdw, in any thread. libwayland reads its clients' memory by the same means
 * (wayland-shm.c). Only our own reading view is changed, never the file.
 */
#include "cutfile.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t seen;

/* BUS_ADRERR: "nonexistent physical address", which of a mapping means beyond the file's end. */
static void replace_page(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)getpagesize();
	void *start = (void *)((uintptr_t)info->si_addr & ~(page - 1));
	int saved = errno;

	(void)context;
	if (info->si_code != BUS_ADRERR ||
	    mmap(start, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		signal(sig, SIG_DFL); /* it strikes again at once */
	else
		seen = 1;
	errno = saved;
}

void cutfile_survive(void)
{
	const struct sigaction action = { .sa_sigaction = replace_page, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
}

bool cutfile_seen(void)
{
	return seen;
}
