/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * present.h: which pages of the target are in memory, mapped into its page tables. What is not
 * (swapped out, dropped, never touched, waited for by userfaultfd, of a file that has to be read) may
 * not be copied: the copy would bring the page in, in the target's name, and wait for it. Asking
 * touches no page, waits for none and allocates nothing.
 */
#ifndef SS_TARGET_PRESENT_H
#define SS_TARGET_PRESENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct present {
	int pagemap_fd; /* /proc/TID/pagemap of a live thread; -1: nothing can be said */
	bool has_scan;  /* the kernel knows PAGEMAP_SCAN (Linux 6.7) */
};

/* A range of the target's addresses, and which part of it is in memory. */
struct present_range {
	uint64_t start, end, want; /* asked for; from start up to want it may be left out */
	uint64_t from, to; /* in memory without a gap, from start on, else from a page that is not
			      above want; from == to: not even that is */
	uint64_t next;     /* from `to` up to here nothing is in memory: the page above that is,
			      else the end */
	size_t index;      /* the caller's */
};

/* The memory that the process has now; exec gives it another one. Fails silently. */
void present_open(struct present *ret, int task_fd, pid_t tid);
void present_close(struct present *present);

/*
 * Fill in from, to and next of n ranges, and sort them by start. -EBADF if nothing can be said: then they
 * are as they were. What is no user memory at all is not in memory.
 */
int present_find(const struct present *present, struct present_range *ranges, size_t n);

#endif
