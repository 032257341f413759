/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-cmdline.c: the command line parser over arbitrary words. A NUL or a newline ends a word.
 * Nothing is executed: opts_parse looks at no file and no process. What it accepts must make sense.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/opts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ARGS = 64 };

/* Splits text in place; text[size] is its NUL. */
static int split(char *text, size_t size, char **argv)
{
	char *p = text, *end = text + size;
	int argc = 0;

	argv[argc++] = (char *)"stacksnap";
	while (p < end && argc < MAX_ARGS) {
		size_t len = strcspn(p, "\n");

		argv[argc++] = p;
		p[len] = '\0';
		p += len + 1;
	}
	argv[argc] = NULL;
	return argc;
}

static void check(const struct opts *opts)
{
	if (opts->action != OPTS_RUN)
		return;
	if (opts->pids.n == 0 || opts->pids.n > ID_LIST_MAX || !*opts->output)
		abort();
	if (opts->format < SS_FORMAT_TEXT || opts->format > SS_FORMAT_JSON)
		abort();
	for (size_t i = 0; i < opts->pids.n; i++)
		if (opts->pids.ids[i] <= 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct opts opts;
	char *text = malloc(size + 1), *argv[MAX_ARGS + 1];
	struct ss_error err = { .kind = SS_ERR_NONE };
	int argc;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	argc = split(text, size, argv);
	if (opts_parse(argc, argv, &opts, &err) == 0)
		check(&opts);
	else if (err.kind != SS_ERR_ARGUMENT || !err.message[0])
		abort();
	free(text);
	return 0;
}
