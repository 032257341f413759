/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules.h: what a thread that is blocked in a system call waits for: one rule a call. Internal to
 * src/classify.
 */
#ifndef SS_CLASSIFY_RULES_H
#define SS_CLASSIFY_RULES_H

#include "classify/query.h"

/* Arguments are counted from one, as in "its third argument"; zero is none. */
enum rule_arg { ARG_NONE, ARG_1, ARG_2, ARG_3, ARG_4, ARG_5, ARG_6 };

enum rule_io { IO_NONE, IO_READ, IO_WRITE };

struct rule {
	enum wait_kind kind;   /* unless something below knows better */
	enum rule_arg fd;      /* the descriptor it waits on */
	enum rule_arg timeout; /* with form */
	enum timeout_form form;
	enum rule_io io; /* the kind depends on what the descriptor is */
	bool file;       /* it works on files: in state D it waits for the disk */
	void (*refine)(
		struct query *query); /* what a table cannot say; runs last but for io, file */
};

/* NULL: nothing special is known of this call. */
const struct rule *rule_find(int64_t nr);

/* What a read or write waits for. */
enum wait_kind rule_io_kind(enum rule_io io, enum fd_type type);

/* futex.c */
void refine_futex(struct query *query);
void refine_futex_wait(struct query *query);
void refine_futex_waitv(struct query *query);

/* refine.c */
void refine_poll(struct query *query);
void refine_select(struct query *query);
void refine_clock_nanosleep(struct query *query);
void refine_fcntl(struct query *query);
void refine_wait4(struct query *query);
void refine_waitid(struct query *query);
void refine_clone(struct query *query);
void refine_clone3(struct query *query);
void refine_io_uring_enter(struct query *query);

#endif
