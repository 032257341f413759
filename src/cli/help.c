/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * help.c: --help for people and the option table for programs (shell completion, the check of the
 * man page). Both come from opts_table alone. Writes to the stream it is given; whether that worked
 * is the caller's to ask.
 */
#include "opts.h"

#include <ctype.h>
#include <string.h>

enum { HELP_COLUMN = 30 };

/* Before the argument: "=" if it is written as it stands, a blank if it is a placeholder. */
static const char *separator(const struct opt *opt)
{
	if (!opt->arg)
		return "";
	return isupper((unsigned char)opt->arg[0]) ? " " : "=";
}

/* "  -o, --output FILE"; returns its width. */
static int print_name(FILE *file, const struct opt *opt)
{
	char letter[] = "    ";

	if (opt->letter) {
		letter[0] = '-';
		letter[1] = opt->letter;
		letter[2] = ',';
	}
	return fprintf(file, "  %s--%s%s%s", letter, opt->name, separator(opt),
		       opt->arg ? opt->arg : "");
}

/* The help text from HELP_COLUMN on, each of its lines. */
static void print_text(FILE *file, int width, const char *text)
{
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, "\n");
		fprintf(file, "%*s%.*s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "",
			(int)len, text);
		if (!text[len])
			return;
		width = 0;
	}
}

void opts_print_help(FILE *file)
{
	fputs("usage: stacksnap [OPTION...] PID[,PID...]...\n"
	      "       stacksnap --block|--mutex|--cpu|--wall [OPTION...] {PID...|-- COMMAND}\n"
	      "       stacksnap report|diff|merge|symbolize|doctor --help\n"
	      "Show where the threads of running processes are and what they wait for.\n",
	      file);
	for (size_t i = 0; i < opts_count; i++) {
		const struct opt *opt = &opts_table[i];

		if (opt->name)
			print_text(file, print_name(file, opt), opt->help);
		else
			fprintf(file, "\n%s\n", opt->help);
	}
	fputs("\nExit status: 0 complete, 1 partial, 2 nothing captured or written, 3 deadlock,\n"
	      "4 threshold exceeded, 64 usage.\n"
	      "Regular expressions are POSIX extended ones. More: man stacksnap\n",
	      file);
}

/* The values that the argument can have, or else its name. */
static void print_arg(FILE *file, const struct opt *opt)
{
	const char *const *values = opt->values ? opt->values() : NULL;

	if (!values) {
		fputs(opt->arg ? opt->arg : "-", file);
		return;
	}
	for (size_t i = 0; values[i]; i++)
		fprintf(file, "%s%s", i ? "|" : "", values[i]);
}

static void print_joined(FILE *file, const char *text)
{
	for (; *text; text++)
		fputc(*text == '\n' ? ' ' : *text, file);
}

void opts_print_table(FILE *file)
{
	for (size_t i = 0; i < opts_count; i++) {
		const struct opt *opt = &opts_table[i];

		if (!opt->name)
			continue;
		fprintf(file, "%s\t%c\t", opt->name, opt->letter ? opt->letter : '-');
		print_arg(file, opt);
		fputc('\t', file);
		print_joined(file, opt->help);
		fputc('\n', file);
	}
}
