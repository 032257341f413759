/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leaf.h: what the functions at the leaf of a stack say about its wait. Internal to src/classify.
 */
#ifndef SS_CLASSIFY_LEAF_H
#define SS_CLASSIFY_LEAF_H

#include <stdbool.h>

#include "model/stack.h"
#include "model/wait.h"

/* Which way the function found enters the kernel. */
enum leaf_call {
	LEAF_UNKNOWN, /* no function of the tables */
	LEAF_FUTEX,
	LEAF_SLEEP, /* nanosleep or clock_nanosleep */
	LEAF_POLL,
};

/* Whose object it is, as far as its layout matters. */
enum leaf_layout {
	LAYOUT_UNKNOWN,
	LAYOUT_PTHREAD, /* a pthread type of the C library */
	LAYOUT_BARE,    /* an int that the C library locks for itself: of a FILE, of malloc */
	LAYOUT_RUST,    /* std::sync of Rust */
	LAYOUT_ATOMIC,  /* C++20's std::atomic::wait, or what is made of it */
	LAYOUT_GUARD,   /* of a C++ static variable that is being initialized */
};

struct leaf {
	enum leaf_call call;
	enum wait_kind kind; /* WAIT_NONE if call is LEAF_UNKNOWN */
	enum leaf_layout layout;
	bool musl;    /* the C library is musl */
	bool glibc;   /* it is glibc */
	bool foreign; /* unknown, and made by a function that is none of the C library's locks */
	bool inner;   /* foreign, but through a function of the C library other than syscall() */
};

/* The first function from the leaf that the tables know; stack may be NULL. */
struct leaf leaf_find(const struct stack *stack);

#endif
