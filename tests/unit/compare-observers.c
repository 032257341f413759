/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare-observers PID: look at every blocked thread of a process through both observers; prints
 * what differs and how many agree. Exit status 0 if all do, 1 if not, 77 if bpf is not permitted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "observers.h"

static int fail(const struct ss_error *err)
{
	fprintf(stderr, "%s\n", err->message);
	return err->kind == SS_ERR_OBSERVER ? 77 : 2;
}

static void print_look(const struct look *look)
{
	printf("\t%c cpu %d call %d nr %ld args", look->state, look->cpu, (int)look->call,
	       (long)look->nr);
	for (int i = 0; i < 6; i++)
		printf(" %lx", (unsigned long)look->args[i]);
	printf(" sp %lx pc %lx on %lu queue %lu exec %lu %s %s\n", (unsigned long)look->sp,
	       (unsigned long)look->pc, (unsigned long)look->on_cpu_ns,
	       (unsigned long)look->run_queue_ns, (unsigned long)look->exec_start_ns, look->comm,
	       look->wchan);
}

static int compare(struct observer *proc, struct observer *bpf, const struct tids *tids)
{
	unsigned agree = 0, unsettled = 0, bad = 0;

	vec_each(tid, &tids->tid) {
		struct two_looks looks;
		const char *what;

		if (!observers_look_twice(proc, bpf, *tid, &looks)) {
			unsettled++;
			continue;
		}
		what = observers_differ(&looks);
		if (!what && (looks.b_regs.known & REGS_CALLEE_SAVED) != REGS_CALLEE_SAVED)
			what = "registers (missing)";
		agree += !what;
		if (!what)
			continue;
		bad++;
		printf("%d differs: %s\n", (int)*tid, what);
		print_look(&looks.a);
		print_look(&looks.b);
	}
	printf("%u agree, %u differ, %u run\n", agree, bad, unsettled);
	return bad || !agree;
}

int main(int argc, char **argv)
{
	struct observer *proc, *bpf;
	struct tids tids = { 0 };
	struct target target;
	struct ss_error err;
	int r;

	if (argc != 2 || target_open(atoi(argv[1]), &target, &err) < 0)
		return 2;
	if (observer_open("proc", &target, NULL, &proc, &err) < 0)
		return fail(&err);
	if (observer_open("bpf", &target, NULL, &bpf, &err) < 0)
		return fail(&err);
	if (bpf->ops->list(bpf, &tids, &err) < 0)
		return fail(&err);
	r = compare(proc, bpf, &tids);
	observer_close(proc);
	observer_close(bpf);
	vec_done(&tids.tid);
	target_close(&target);
	return r;
}
