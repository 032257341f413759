/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd-doctor.c: what can be seen here, and what forbids the rest. Options are few and have a table
 * of their own; all the checks are the library's.
 */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deliver.h"
#include "msg.h"
#include "parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum action { CHECK, HELP, HELP_OPTIONS };

struct doctor {
	struct id_list pids;
	bool json, no_color;
	enum action action;
};

/* ---- options ---- */

static int set_pid(struct doctor *doctor, const char *value, struct ss_error *err)
{
	int r = parse_ids(value, "PID", &doctor->pids, err);

	if (r == 0 && doctor->pids.n > 1)
		return parse_fail(err, "one process at a time");
	return r;
}

static int set_json(struct doctor *doctor, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	doctor->json = true;
	return 0;
}

static int set_no_color(struct doctor *doctor, const char *value, struct ss_error *err)
{
	(void)value, (void)err;
	doctor->no_color = true;
	return 0;
}

static int set_help(struct doctor *doctor, const char *value, struct ss_error *err)
{
	if (value && strcmp(value, "options") != 0)
		return parse_fail(err, "--help takes no value");
	doctor->action = value ? HELP_OPTIONS : HELP;
	return 0;
}

static const struct doctoropt {
	const char *name;
	char letter; /* '\0': none */
	int has_arg;
	const char *arg; /* as --help names it */
	const char *help;
	int (*set)(struct doctor *doctor, const char *value, struct ss_error *err);
} table[] = {
	{ "pid", 'p', required_argument, "PID", "check for this process (without: for own ones)",
	  set_pid },
	{ "json", 'j', no_argument, NULL, "for programs", set_json },
	{ "no-color", 0, no_argument, NULL, "no colours", set_no_color },
	{ "help", 'h', optional_argument, NULL, "this text", set_help },
};

static const struct doctoropt *find(int val)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (val == (int)(256 + i) || (table[i].letter && val == table[i].letter))
			return &table[i];
	return NULL;
}

static int apply(struct doctor *doctor, int val, char **argv, struct ss_error *err)
{
	const struct doctoropt *opt;

	if (val == 1) /* an operand */
		return set_pid(doctor, optarg, err);
	opt = find(val == ':' || val == '?' ? optopt : val);
	if (val == ':')
		return parse_fail(err, "--%s needs a value: %s", opt->name, opt->arg);
	if (val == '?' && opt)
		return parse_fail(err, "--%s takes no value", opt->name);
	if (val == '?')
		return parse_fail(err, "unknown option %.80s", argv[optind - 1]);
	return opt->set(doctor, optarg, err);
}

static int parse(int argc, char **argv, struct doctor *ret, struct ss_error *err)
{
	struct option longs[COUNT(table) + 1] = { 0 };
	int val, r = 0;

	for (size_t i = 0; i < COUNT(table); i++)
		longs[i] = (struct option){ .name = table[i].name,
					    .has_arg = table[i].has_arg,
					    .val = (int)(256 + i) };
	optind = 0; /* glibc: start anew */
	while (r == 0 && (val = getopt_long(argc, argv, "-:p:jh", longs, NULL)) != -1)
		r = apply(ret, val, argv, err);
	while (r == 0 && optind < argc) /* after "--" */
		r = set_pid(ret, argv[optind++], err);
	if (r == 0 && ret->pids.n && ret->pids.ids[0] == getpid())
		return parse_fail(err, "%d is stacksnap itself", (int)getpid());
	return r;
}

/* ---- what is printed of them ---- */

static void print_help(void)
{
	fputs("usage: stacksnap doctor [OPTION...] [PID]\n"
	      "Say what can be seen here, which rule forbids the rest, and the command that would\n"
	      "allow it. Only a child of its own is stopped for that.\n\n",
	      stdout);
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct doctoropt *opt = &table[i];

		printf("  %c%c%c --%-*s %s\n", opt->letter ? '-' : ' ',
		       opt->letter ? opt->letter : ' ', opt->letter ? ',' : ' ', 20,
		       opt->arg ? "pid PID" : opt->name, opt->help);
	}
	fputs("\nExit status: 0 a complete snapshot is possible, 1 not a complete one, 2 none, 64 "
	      "usage.\n",
	      stdout);
}

static void print_table(void)
{
	for (size_t i = 0; i < COUNT(table); i++)
		printf("%s\t%c\t%s\t%s\n", table[i].name, table[i].letter ? table[i].letter : '-',
		       table[i].arg ? table[i].arg : "-", table[i].help);
}

static int print_about(const struct doctor *doctor, const struct msg *msg)
{
	if (doctor->action == HELP)
		print_help();
	else
		print_table();
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_COMPLETE;
	msg_error(msg, "cannot write to standard output: %s", strerror(errno));
	return CLI_NOTHING;
}

/* ---- the whole ---- */

struct delivery {
	const struct ss_checkup *checkup;
	struct ss_write_options options;
};

static int write_output(const void *arg, struct ss_output *output, struct ss_error *err)
{
	const struct delivery *delivery = arg;

	return ss_output_checkup(output, delivery->checkup, &delivery->options, err);
}

static enum cli_status check(const struct doctor *doctor, const struct msg *msg)
{
	static const enum cli_status statuses[] = {
		[SS_VERDICT_OK] = CLI_COMPLETE,
		[SS_VERDICT_LIMITED] = CLI_PARTIAL,
		[SS_VERDICT_NO] = CLI_NOTHING,
	};
	struct delivery delivery = {
		.options = { .format = doctor->json ? SS_FORMAT_JSON : SS_FORMAT_TEXT,
			     .color = msg_wants_color(STDOUT_FILENO, doctor->no_color) },
	};
	struct ss_checkup *checkup;
	enum cli_status status;
	struct ss_error err;

	if (ss_checkup_make(doctor->pids.n ? doctor->pids.ids[0] : 0, &checkup, &err) < 0) {
		msg_failure(msg, &err);
		return CLI_NOTHING;
	}
	delivery.checkup = checkup;
	status = statuses[ss_checkup_verdict(checkup)];
	if (deliver("-", write_output, &delivery, &err) < 0)
		status = deliver_failed(msg, &err);
	ss_checkup_free(checkup);
	return status;
}

static int doctor_run(int argc, char **argv)
{
	struct doctor doctor = { 0 };
	struct msg msg = { .level = MSG_NORMAL };
	struct ss_error err;
	int r = parse(argc - 1, argv + 1, &doctor, &err);

	msg.color = msg_wants_color(STDERR_FILENO, doctor.no_color);
	if (r < 0) {
		msg_failure(&msg, &err);
		return CLI_USAGE;
	}
	return doctor.action == CHECK ? (int)check(&doctor, &msg) : print_about(&doctor, &msg);
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "what can be seen here, and what forbids the rest",
	.run = doctor_run,
};
