/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.h: the values of options, parsed strictly: no sign, no blank, no trailing text, no silent
 * overflow. Pure functions over foreign text, fuzzed.
 *
 * All return 0, or -EINVAL with *err filled with kind ARGUMENT. `what` names the value in the
 * message.
 */
#ifndef SS_CLI_PARSE_H
#define SS_CLI_PARSE_H

#include <stacksnap.h>

enum {
	ID_LIST_MAX = 4096,
	THRESHOLDS_MAX = 64,
	DIR_LIST_MAX = 64,
};

/* Process or thread ids in the order given, each one once. */
struct id_list {
	pid_t ids[ID_LIST_MAX];
	size_t n;
};

/* What --fail-over says, each time it is given. It is not to be moved: list points into room. */
struct thresholds {
	struct ss_threshold list[THRESHOLDS_MAX];
	const char *texts[THRESHOLDS_MAX]; /* as written */
	size_t n;
	char room[4096];
	size_t room_used;
};

/* Directories in the order given, NULL behind the last. Not to be moved: list points into room. */
struct dir_list {
	const char *list[DIR_LIST_MAX + 1];
	size_t n;
	char room[4096];
	size_t room_used;
};

int parse_fail(struct ss_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int parse_number(const char *text, const char *what, unsigned min, unsigned max, unsigned *ret,
		 struct ss_error *err);

/* "100ms", "2.5s", "1m", "300us", "40ns"; a bare number is seconds. More than 0, at most 1000 h. */
int parse_duration(const char *text, const char *what, uint64_t *ret_ns, struct ss_error *err);

/* "REGEX=100ms", "REGEX=+100ms", "REGEX=-2s", "REGEX=0": added to *thresholds. */
int parse_threshold(const char *text, struct thresholds *thresholds, struct ss_error *err);

/* Nothing but a difference can be below zero; `of` says what the times are of. */
int parse_no_negative(const struct thresholds *thresholds, const char *of, struct ss_error *err);

/* "12" or "12,34": added to *list. */
int parse_ids(const char *text, const char *what, struct id_list *list, struct ss_error *err);

/* "DIR" or "DIR,DIR": added to *list. */
int parse_dirs(const char *text, const char *what, struct dir_list *list, struct ss_error *err);

/* The index of text in a NULL-terminated list of names. */
int parse_choice(const char *text, const char *what, const char *const *names, unsigned *ret,
		 struct ss_error *err);

#endif
