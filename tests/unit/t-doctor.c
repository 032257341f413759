/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkups of hosts that are not at hand, the texts that facts are read from, and a checkup of this
 * very host, whatever it allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/checkup.h"
#include "doctor/judge.h"
#include "target/freezer.h"
#include "target/host.h"
#include "target/package.h"
#include "write/checkup.h"

/* A host on which all is well for its root. */
static struct host good_host(void)
{
	return (struct host){ .caps = ~UINT64_C(0),
			      .caps_bound = ~UINT64_C(0),
			      .own_proc = true,
			      .kernel = { 6, 1 },
			      .has_btf = true,
			      .bpf_disabled = 2,
			      .open_files = 4096 };
}

static struct host user_host(void)
{
	struct host host = good_host();

	host.caps = 0;
	host.uid = 1000;
	host.bpf_sys = EPERM;
	host.perf_sys = EACCES;
	host.perf_paranoid = 2;
	return host;
}

static const struct ss_finding *find(const struct ss_checkup *checkup, const char *name)
{
	size_t n;
	const struct ss_finding *findings = ss_checkup_findings(checkup, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(findings[i].name, name) == 0)
			return &findings[i];
	fail_msg("no finding %s", name);
	return NULL;
}

static struct ss_checkup *judge(const struct host *host, bool given)
{
	struct ss_checkup *checkup = checkup_new();

	assert_non_null(checkup);
	judge_host(checkup, host, given);
	assert_false(checkup->failed);
	return checkup;
}

static void assert_finding(const struct host *host, bool given, const char *name,
			   enum ss_verdict verdict, const char *text, const char *fix)
{
	struct ss_checkup *checkup = judge(host, given);
	const struct ss_finding *finding = find(checkup, name);

	assert_int_equal(finding->verdict, verdict);
	if (!strstr(finding->text, text))
		fail_msg("no '%s' in '%s'", text, finding->text);
	if (fix)
		assert_string_equal(finding->fix, fix);
	else
		assert_null(finding->fix);
	ss_checkup_free(checkup);
}

static enum ss_verdict verdict_of(const struct host *host, bool given)
{
	struct ss_checkup *checkup = judge(host, given);
	enum ss_verdict verdict = ss_checkup_verdict(checkup);

	ss_checkup_free(checkup);
	return verdict;
}

/* ---- rules ---- */

static void test_good(void **state)
{
	struct host host = good_host();
	struct ss_checkup *checkup = judge(&host, false);

	(void)state;
	vec_each(finding, &checkup->findings) {
		assert_int_equal(finding->verdict, SS_VERDICT_OK);
		assert_null(finding->fix);
	}
	assert_int_equal(ss_checkup_verdict(checkup), SS_VERDICT_OK);
	ss_checkup_free(checkup);
}

static void test_yama(void **state)
{
	static const char sysctl[] = "sudo sysctl kernel.yama.ptrace_scope=0";
	struct host host = user_host();

	(void)state;
	host.has_yama = true;
	assert_finding(&host, false, "yama", SS_VERDICT_OK, "is 0", NULL);
	host.yama = 1;
	assert_finding(&host, false, "yama", SS_VERDICT_LIMITED, "only descendants", sysctl);
	assert_int_equal(verdict_of(&host, false), SS_VERDICT_LIMITED);
	assert_int_equal(verdict_of(&host, true), SS_VERDICT_OK);
	host.yama = 2;
	assert_finding(&host, false, "yama", SS_VERDICT_NO, "only CAP_SYS_PTRACE", sysctl);
	host.caps = UINT64_C(1) << CAP_SYS_PTRACE;
	assert_finding(&host, false, "yama", SS_VERDICT_OK, "CAP_SYS_PTRACE is here", NULL);
	host.yama = 3;
	assert_finding(&host, false, "yama", SS_VERDICT_NO, "nobody may trace",
		       "reboot with kernel.yama.ptrace_scope below 3");
}

static void test_capability(void **state)
{
	struct host host = user_host();

	(void)state;
	assert_finding(&host, false, "CAP_SYS_PTRACE", SS_VERDICT_LIMITED, "uid 1000",
		       "sudo stacksnap PID");
	host.caps_bound = 0;
	assert_finding(&host, false, "CAP_SYS_PTRACE", SS_VERDICT_LIMITED, "nobody can gain it",
		       NULL);
}

static void test_container(void **state)
{
	static const char root[] = "docker exec --user root CONTAINER stacksnap PID";
	struct host host = user_host();

	(void)state;
	host.in_container = true;
	assert_finding(&host, false, "CAP_SYS_PTRACE", SS_VERDICT_LIMITED, "uid 1000", root);
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "cut short", root);
	assert_finding(&host, false, "container", SS_VERDICT_OK, "runs in one", NULL);
	host.caps_bound = 0;
	assert_finding(&host, false, "CAP_SYS_PTRACE", SS_VERDICT_LIMITED, "nobody can gain it",
		       "docker run --cap-add=SYS_PTRACE ...");
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "cut short",
		       "docker run --cap-add=BPF --cap-add=PERFMON ...");
	assert_finding(&host, false, "container", SS_VERDICT_LIMITED, "dropped",
		       "docker run --cap-add=SYS_PTRACE ...");
}

static void test_bpf(void **state)
{
	struct host host = user_host();

	(void)state;
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "CAP_BPF and CAP_PERFMON",
		       "sudo stacksnap PID");
	host.caps = UINT64_C(1) << 38 | UINT64_C(1) << 39;
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "in spite of",
		       "sudo systemd-run --pipe --wait stacksnap PID");
	host.bpf_sys = ENOSYS;
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "CONFIG_BPF_SYSCALL", NULL);
	host.bpf_sys = 0;
	assert_finding(&host, false, "bpf", SS_VERDICT_OK, "possible", NULL);
	host.has_btf = false;
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "BTF", NULL);
	host.kernel[0] = 5, host.kernel[1] = 10;
	assert_finding(&host, false, "bpf", SS_VERDICT_NO, "older than 5.15", NULL);
	assert_int_equal(verdict_of(&host, false), SS_VERDICT_OK);
}

static void test_timer(void **state)
{
	struct host host = good_host();

	(void)state;
	assert_finding(&host, false, "timer", SS_VERDICT_OK, "on each CPU", NULL);
	host.has_btf = false;
	assert_finding(&host, false, "timer", SS_VERDICT_OK, "of each thread", NULL);
	host = user_host();
	assert_finding(&host, false, "timer", SS_VERDICT_LIMITED, "user mode only",
		       "sudo stacksnap PID");
	host.caps_bound = 0;
	assert_finding(&host, false, "timer", SS_VERDICT_LIMITED, "paranoid 2", NULL);
	host.perf_user_sys = EACCES;
	host.perf_paranoid = 3;
	assert_finding(&host, false, "timer", SS_VERDICT_NO, "cuts short",
		       "sudo sysctl kernel.perf_event_paranoid=2");
}

static void test_other_rules(void **state)
{
	struct host host = user_host();

	(void)state;
	host.hidepid = 2;
	assert_finding(&host, false, "hidepid", SS_VERDICT_LIMITED, "hidepid=2",
		       "sudo mount -o remount,hidepid=0 /proc");
	host.seccomp = 2;
	assert_finding(&host, false, "seccomp", SS_VERDICT_LIMITED, "filter", NULL);
	host.own_proc = false;
	assert_finding(&host, false, "/proc", SS_VERDICT_NO, "another pid namespace",
		       "sudo mount -t proc proc /proc");
	assert_int_equal(verdict_of(&host, false), SS_VERDICT_NO);
}

static void test_open_files(void **state)
{
	struct ss_checkup *checkup = checkup_new();
	struct host host = good_host();

	(void)state;
	judge_open_files(checkup, &host, 4032);
	assert_int_equal(find(checkup, "open files")->verdict, SS_VERDICT_OK);
	checkup->findings.n = 0;
	judge_open_files(checkup, &host, 4033);
	assert_int_equal(find(checkup, "open files")->verdict, SS_VERDICT_LIMITED);
	assert_string_equal(find(checkup, "open files")->fix,
			    "sudo prlimit --pid $$ --nofile=4161");
	ss_checkup_free(checkup);
}

/* ---- texts ---- */

static void test_hidepid(void **state)
{
	(void)state;
	assert_int_equal(host_parse_hidepid(""), 0);
	assert_int_equal(host_parse_hidepid("proc /proc proc rw,relatime 0 0\n"), 0);
	assert_int_equal(host_parse_hidepid("none /x proc hidepid=2 0 0\n"
					    "proc /proc proc rw,hidepid=2,gid=4 0 0\n"),
			 2);
	assert_int_equal(host_parse_hidepid("proc /proc proc rw,hidepid=invisible 0 0"), 2);
	assert_int_equal(host_parse_hidepid("proc /proc proc rw,hidepid=ptraceable 0 0"), 4);
	assert_int_equal(host_parse_hidepid("proc /proc proc hidepid=2 0 0\n"
					    "proc /proc proc rw 0 0\n"
					    "x /y z hidepid=1 0 0\n"),
			 0);
}

static void assert_cgroup(const char *text, const char *prefix, const char *want)
{
	char group[64];

	freezer_parse_cgroup(text, prefix, group, sizeof(group));
	assert_string_equal(group, want);
}

static void test_cgroup(void **state)
{
	static const char both[] = "12:freezer:/jobs/a b\n3:cpu,cpuacct:/x0::y\n0::/user.slice\n";

	(void)state;
	assert_cgroup(both, ":freezer:", "/jobs/a b");
	assert_cgroup(both, "0::", "/user.slice");
	assert_cgroup("0::/", "0::", "/");
	assert_cgroup("0::/", ":freezer:", "");
	assert_cgroup("", "0::", "");
}

static void write_list(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/" PACKAGE_LISTS "/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_lists(char *dir)
{
	char path[256];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "mkdir -p %s/" PACKAGE_LISTS, dir);
	assert_int_equal(system(path), 0);
	write_list(dir, "empty.list", "");
	write_list(dir, "libc6:amd64.list", "/.\n/lib/x/libc.so.6\n/lib/x/libc.so.6.old\n");
	write_list(dir, "libc6:amd64.md5sums", "/lib/x/other\n");
	write_list(dir, "tool.list", "/usr/bin/tool");
	/* it would never answer */
	snprintf(path, sizeof(path), "mkfifo %s/" PACKAGE_LISTS "/fifo.list", dir);
	assert_int_equal(system(path), 0);
}

static void test_package(void **state)
{
	char dir[] = "/tmp/t-doctor.XXXXXX", name[64], command[64];
	int root, lists;

	(void)state;
	make_lists(dir);
	root = open(dir, O_PATH | O_DIRECTORY);
	lists = package_open(root);
	assert_true(lists >= 0);
	assert_true(package_find(lists, "/usr/lib/x/libc.so.6", name, sizeof(name)));
	assert_string_equal(name, "libc6");
	assert_true(package_find(lists, "/usr/bin/tool", name, sizeof(name)));
	assert_string_equal(name, "tool");
	assert_false(package_find(lists, "/lib/x/libc.so", name, sizeof(name)));
	assert_false(package_find(lists, "/lib/x/other", name, sizeof(name)));
	close(lists);
	close(root);
	package_debug_name("libc6", name, sizeof(name));
	assert_string_equal(name, "libc6-dbg");
	package_debug_name("libuv1", name, sizeof(name));
	assert_string_equal(name, "libuv1-dbgsym");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* ---- output ---- */

static const struct ss_finding sample[] = {
	{ .name = "ptrace", .verdict = SS_VERDICT_OK, .text = "good" },
	{ .name = "yama",
	  .verdict = SS_VERDICT_LIMITED,
	  .text = "a \"rule\"\n",
	  .fix = "change it" },
	{ .name = "bpf", .verdict = SS_VERDICT_NO, .optional = true, .text = "none" },
};

static const struct checkup_view view = { sample, ARRAY_SIZE(sample), SS_VERDICT_LIMITED };

static void test_text(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	checkup_write_text(&buf, &view, false);
	assert_string_equal(buf.data, "ok      ptrace: good\n"
				      "limited yama: a \"rule\"\\x0a\n"
				      "        try: change it\n"
				      "no      bpf: none (optional)\n"
				      "limited in all: a snapshot is possible, but not a complete "
				      "one\n");
	buf_done(&buf);
}

static void test_json(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	checkup_write_json(&buf, &view);
	assert_non_null(strstr(buf.data, "{\"verdict\":\"limited\",\"findings\":["));
	assert_non_null(strstr(buf.data, "{\"name\":\"bpf\",\"verdict\":\"no\",\"optional\":true,"
					 "\"text\":\"none\",\"fix\":null}"));
	buf_done(&buf);
}

/* ---- names ---- */

static void assert_names(struct contents contents, const char *build_id, enum ss_verdict verdict,
			 const char *text)
{
	struct ss_checkup *checkup = checkup_new();
	const struct ss_finding *finding;

	assert_non_null(checkup);
	judge_names(checkup, "/lib/a.so", build_id, &contents, "fetch it");
	finding = find(checkup, "debug file");
	assert_int_equal(finding->verdict, verdict);
	assert_string_equal(finding->text, text);
	if (verdict == SS_VERDICT_OK || contents.unreadable)
		assert_null(finding->fix);
	else
		assert_string_equal(finding->fix, "fetch it");
	ss_checkup_free(checkup);
}

static void test_names(void **state)
{
	(void)state;
	assert_names((struct contents){ .debug_info = true }, "ab01", SS_VERDICT_OK,
		     "/lib/a.so: found");
	assert_names((struct contents){ .names = CONTENTS_ALL }, "ab01", SS_VERDICT_LIMITED,
		     "/lib/a.so: none, build id ab01: no lines and inlined functions");
	assert_names((struct contents){ .names = CONTENTS_EXPORTED }, "ab01", SS_VERDICT_LIMITED,
		     "/lib/a.so: none, build id ab01: no lines and inlined functions, and no names "
		     "of functions that it does not export");
	assert_names((struct contents){ .names = CONTENTS_NO_NAMES }, "", SS_VERDICT_LIMITED,
		     "/lib/a.so: none, build id none: no names, lines and inlined functions");
	assert_names((struct contents){ .unreadable = true, .names = CONTENTS_ALL }, "ab01",
		     SS_VERDICT_LIMITED,
		     "/lib/a.so: its debug information cannot be read, being damaged, or packed in "
		     "a way that this stacksnap was built without: no lines and inlined functions");
}

/* ---- this host ---- */

static void test_here(void **state)
{
	struct ss_checkup *checkup;
	struct ss_error err;
	size_t n;

	(void)state;
	assert_int_equal(ss_checkup_make(0, &checkup, &err), 0);
	ss_checkup_findings(checkup, &n);
	assert_true(n > 8);
	find(checkup, "ptrace");
	ss_checkup_free(checkup);
	assert_true(ss_checkup_make(999999999, &checkup, &err) < 0);
	assert_int_equal(err.kind, SS_ERR_NO_PROCESS);
	ss_checkup_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),        cmocka_unit_test(test_yama),
		cmocka_unit_test(test_capability),  cmocka_unit_test(test_container),
		cmocka_unit_test(test_bpf),         cmocka_unit_test(test_timer),
		cmocka_unit_test(test_other_rules), cmocka_unit_test(test_open_files),
		cmocka_unit_test(test_hidepid),     cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_package),     cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),        cmocka_unit_test(test_names),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
