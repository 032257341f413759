/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states, and the way through the rules: from what /proc said of a thread to the rule of its
 * system call, then what that rule leaves to the descriptor and to state D. It assumes that the
 * look was taken before any stop. It never fails and never reads the target itself.
 */
#include "classify/classify.h"

#include <string.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "classify/rules.h"
#include "classify/syscalls.h"

/* Letters of fs/proc/array.c; K and W were shown before 4.14. */
static enum thread_state letter_state(char letter)
{
	switch (letter) {
	case 'R':
		return STATE_RUNNING_OR_RUNNABLE;
	case 'S':
	case 'D':
	case 'I':
	case 'P':
	case 'K':
	case 'W':
		return STATE_BLOCKED;
	case 'T':
	case 't':
		return STATE_STOPPED;
	case 'Z':
	case 'X':
	case 'x':
		return STATE_ZOMBIE;
	default:
		return STATE_UNKNOWN;
	}
}

static enum thread_state run_state(enum capture_run run)
{
	switch (run) {
	case RUN_ON_CPU:
		return STATE_ON_CPU;
	case RUN_RUNNABLE:
		return STATE_RUNNABLE;
	case RUN_UNKNOWN:
		break;
	}
	return STATE_RUNNING_OR_RUNNABLE;
}

static enum thread_state find_state(const struct look *look, enum capture_run run)
{
	enum thread_state state = letter_state(look->state);

	if (state == STATE_BLOCKED && look_is_frozen(look))
		return STATE_FROZEN;
	/* it woke between the reads of stat and of syscall */
	if (state == STATE_BLOCKED && look->call == CALL_RUNNING)
		state = STATE_RUNNING_OR_RUNNABLE;
	return state == STATE_RUNNING_OR_RUNNABLE ? run_state(run) : state;
}

/* The number that a thread in restart_syscall entered the kernel with; -1 if that is lost. */
static int64_t restarted_call(const struct query *query)
{
	enum { LOWEST_POINTER = 65536 }; /* vm.mmap_min_addr's default; clock ids are below */

	switch (query->leaf.call) {
	case LEAF_FUTEX:
		return SYS_futex;
	case LEAF_SLEEP:
		/* nanosleep has its request there, clock_nanosleep the clock */
		return query->args[0] < LOWEST_POINTER ? SYS_clock_nanosleep : SYS_nanosleep;
	case LEAF_POLL:
#ifdef SYS_poll
		return SYS_poll;
#endif
	case LEAF_UNKNOWN:
		break;
	}
	return -1;
}

static const struct rule *find_rule(const struct query *query, int64_t nr)
{
	int64_t restarted = nr == SYS_restart_syscall ? restarted_call(query) : -1;

	return rule_find(restarted >= 0 ? restarted : nr);
}

static bool is_file_kind(enum wait_kind kind)
{
	return kind == WAIT_SYSCALL || kind == WAIT_FILE_READ || kind == WAIT_FILE_WRITE;
}

/* Sockets and pipes never sleep in state D for their data; block devices do. */
static bool is_disk(const struct query *query, const struct rule *rule)
{
	const struct wait *wait = &query->ret->wait;
	bool device = wait->fd_info && wait->fd_info->type == FD_DEVICE;

	return rule->file && query->input->look->state == 'D' &&
	       (is_file_kind(wait->kind) || device);
}

static void apply_rule(struct query *query, const struct rule *rule)
{
	struct wait *wait = &query->ret->wait;

	wait->kind = rule->kind;
	if (rule->fd)
		query_fd(query, query->args[rule->fd - 1]);
	query_timeout(query, rule->form, rule->timeout ? query->args[rule->timeout - 1] : 0);
	if (rule->refine)
		rule->refine(query);
	if (rule->io && wait->fd_info)
		wait->kind = rule_io_kind(rule->io, wait->fd_info->type);
	if (is_disk(query, rule))
		wait->kind = WAIT_DISK;
}

static void classify_call(struct query *query)
{
	int64_t nr = query->input->look->nr;
	struct wait *wait = &query->ret->wait;
	const struct rule *rule = find_rule(query, nr);

	wait->call = nr;
	wait->call_name = syscall_name(nr);
	if (rule) {
		apply_rule(query, rule);
		return;
	}
	wait->kind = WAIT_SYSCALL;
	if (!wait->call_name)
		wait->timeout_ns = WAIT_TIMEOUT_UNKNOWN;
}

/*
 * Functions in which a fault waits for its page, by the beginnings of their names: of mm/filemap.c,
 * memory.c, swap_state.c, migrate.c, fs/userfaultfd.c and arch/ mm/fault.c, 4.19 to 6.18.
 */
static bool is_page_wait(const char *wchan)
{
	static const char *const names[] = {
		"folio_wait",    "folio_lock",         "__folio_lock",     "filemap_",
		"wait_on_page",  "__lock_page",        "lock_page",        "do_swap_page",
		"swap_",         "migration_entry",    "handle_userfault", "handle_mm_fault",
		"do_page_fault", "do_user_addr_fault", "exc_page_fault",   "__do_fault",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(wchan, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void classify_wait(struct query *query)
{
	const struct look *look = query->input->look;
	struct wait *wait = &query->ret->wait;

	/* "0" is what kernels say that hide the name, or have none */
	if (look->wchan[0] && strcmp(look->wchan, "0") != 0)
		wait->place = look->wchan;
	if (look->worker) {
		wait->kind = look->worker == WORKER_IO_URING ? WAIT_IO_WORKER : WAIT_KERNEL_WORKER;
	} else if (look->call == CALL_NUMBER) {
		classify_call(query);
	} else if (look->call == CALL_UNREADABLE) {
		wait->kind = query->leaf.kind;
		wait->timeout_ns = WAIT_TIMEOUT_UNKNOWN;
	} else if (wait->place && is_page_wait(wait->place)) {
		wait->kind = WAIT_PAGE_FAULT;
	}
}

enum wait_kind classify_futex(const struct stack *stack)
{
	struct leaf leaf = leaf_find(stack);

	return leaf.call == LEAF_FUTEX ? leaf.kind : WAIT_FUTEX;
}

void classify_thread(const struct classify_input *input, struct classify_result *ret)
{
	struct query query = {
		.input = input,
		.args = input->look->args,
		.leaf = leaf_find(input->stack),
		.ret = ret,
	};

	*ret = (struct classify_result){
		.state = find_state(input->look, input->run),
		.wait = { .kind = WAIT_NONE, .call = -1, .fd = -1, .timeout_ns = WAIT_NO_TIMEOUT },
		.want_fd = -1,
	};
	if (thread_state_waits(ret->state))
		classify_wait(&query);
}
