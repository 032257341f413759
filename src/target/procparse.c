/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procparse.c: the texts of /proc as structs. Owns nothing, reads no file, allocates nothing (but
 * the path of a maps line, in the caller's buffer). The bytes are foreign: thread names and paths
 * are chosen by the target and may imitate any other part of the text. Every function fills its
 * results completely or not at all. All but the maps and inet lines are async-signal-safe.
 */
#include "target/procparse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/attr.h"
#include "base/clock.h"
#include "target/scan.h"

/* ---- one thread ---- */

/* Field numbers of proc(5), 1-based; the first that is a number behind the name is ppid. */
enum {
	STAT_PPID = 4,
	STAT_FLAGS = 9,
	STAT_USER = 14,
	STAT_KERNEL = 15,
	STAT_START = 22,
	STAT_STACK = 28,
	STAT_CPU = 39
};

static bool scan_stat_fields(const char *p, uint64_t fields[STAT_CPU + 1])
{
	for (int i = STAT_PPID; i <= STAT_CPU; i++) {
		if (!scan_signed(&p, &fields[i]) || (*p != ' ' && *p != '\n' && *p != '\0'))
			return false;
	}
	return true;
}

int procparse_stat(const char *text, struct proc_stat *ret)
{
	struct proc_stat stat = { 0 };
	uint64_t pid, f[STAT_CPU + 1];
	const char *p = text, *name, *end;
	size_t len;

	if (!scan_digits(&p, 10, &pid) || pid > INT32_MAX || !scan_text(&p, " ("))
		return -EINVAL;
	name = p;
	/* The name may hold parentheses and newlines; only numbers follow the last one. */
	end = strrchr(name, ')');
	if (!end || end[1] != ' ' || end[2] <= ' ' || !scan_stat_fields(end + 3, f))
		return -EINVAL;
	len = MIN((size_t)(end - name), sizeof(stat.comm) - 1);
	memcpy(stat.comm, name, len);
	stat.pid = (pid_t)pid;
	stat.state = end[2];
	stat.ppid = (pid_t)f[STAT_PPID];
	stat.flags = f[STAT_FLAGS];
	stat.user_ticks = f[STAT_USER];
	stat.kernel_ticks = f[STAT_KERNEL];
	stat.start_time = f[STAT_START];
	stat.start_stack = f[STAT_STACK];
	stat.cpu = f[STAT_CPU] <= INT32_MAX ? (int)f[STAT_CPU] : -1;
	*ret = stat;
	return 0;
}

int procparse_schedstat(const char *text, struct look *look)
{
	uint64_t on, queue, count;

	if (!scan_number(&text, 10, &on) || !scan_number(&text, 10, &queue) ||
	    !scan_number(&text, 10, &count) || !scan_at_end(text))
		return -EINVAL;
	look->on_cpu_ns = on;
	look->run_queue_ns = queue;
	look->pcount = count;
	look->sched_known = on || queue || count;
	return 0;
}

static int parse_call_numbers(const char *p, struct look *look)
{
	uint64_t nr, args[6] = { 0 }, sp, pc;
	bool none;

	if (!scan_signed(&p, &nr))
		return -EINVAL;
	none = (int64_t)nr < 0;
	for (size_t i = 0; !none && i < ARRAY_SIZE(args); i++) {
		if (!scan_address(&p, &args[i]))
			return -EINVAL;
	}
	if (!scan_address(&p, &sp) || !scan_address(&p, &pc) || !scan_at_end(p))
		return -EINVAL;
	look->call = none ? CALL_NONE : CALL_NUMBER;
	look->nr = (int64_t)nr;
	memcpy(look->args, args, sizeof(args));
	look->sp = sp;
	look->pc = pc;
	return 0;
}

int procparse_syscall(const char *text, struct look *look)
{
	const char *p = text;

	if (!scan_text(&p, "running"))
		return parse_call_numbers(text, look);
	if (!scan_at_end(p))
		return -EINVAL;
	look->call = CALL_RUNNING;
	return 0;
}

/* "       1697734.953650": milliseconds and six digits, from SPLIT_NS of kernel/sched/debug.c. */
static bool scan_split_ns(const char *p, uint64_t *ret)
{
	const char *fraction;
	uint64_t ms, ns;

	if (!scan_number(&p, 10, &ms) || !scan_char(&p, '.'))
		return false;
	fraction = p;
	return scan_digits(&p, 10, &ns) && p - fraction == 6 && (*p == '\n' || *p == '\0') &&
	       !__builtin_mul_overflow(ms, NS_PER_MS, &ms) && !__builtin_add_overflow(ms, ns, ret);
}

int procparse_exec_start(const char *text, uint64_t *ret_ns)
{
	uint64_t ns;

	/* The first line is the thread's name, unescaped: it may look like the one wanted. */
	while ((text = scan_line(text, "se.exec_start"))) {
		const char *p = text;

		scan_blanks(&p);
		if (scan_char(&p, ':') && scan_split_ns(p, &ns)) {
			*ret_ns = ns;
			return 0;
		}
	}
	return -EINVAL;
}

int procparse_status_number(const char *text, const char *key, int base, uint64_t *ret)
{
	const char *p = text;
	uint64_t value;

	while ((p = scan_line(p, key))) {
		if (!scan_char(&p, ':'))
			continue;
		if (!scan_number(&p, (unsigned)base, &value))
			return -EINVAL;
		*ret = value;
		return 0;
	}
	return -EINVAL;
}

/* "\t3673\t12": the last number, and how many there are. */
static bool scan_last(const char *p, uint64_t *ret, unsigned *ret_n)
{
	uint64_t number;
	unsigned n = 0;

	for (; scan_number(&p, 10, &number); n++)
		*ret = number;
	*ret_n = n;
	return n > 0 && *ret <= INT32_MAX && (*p == '\n' || *p == '\0');
}

int procparse_status(const char *text, struct proc_status *ret)
{
	const char *state = scan_line(text, "State:"), *ids = scan_line(text, "NSpid:");
	uint64_t tgid, ppid, inner = 0;
	unsigned levels;

	if (!state || !ids || !scan_last(ids, &inner, &levels) ||
	    procparse_status_number(text, "Tgid", 10, &tgid) < 0 || tgid > INT32_MAX ||
	    procparse_status_number(text, "PPid", 10, &ppid) < 0 || ppid > INT32_MAX)
		return -EINVAL;
	scan_blanks(&state);
	*ret = (struct proc_status){
		.state = *state,
		.tgid = (pid_t)tgid,
		.ppid = (pid_t)ppid,
		.inner_tid = (pid_t)inner,
		.levels = levels,
	};
	return 0;
}

/* ---- maps ---- */

static bool scan_perm(const char **p, unsigned *ret)
{
	static const char letters[] = "rwx";
	unsigned perm = 0;

	for (unsigned i = 0; i < 3; i++) {
		if (scan_char(p, letters[i]))
			perm |= 1u << i;
		else if (!scan_char(p, '-'))
			return false;
	}
	if (scan_char(p, 's'))
		perm |= MAP_PERM_SHARED;
	else if (!scan_char(p, 'p'))
		return false;
	*ret = perm;
	return true;
}

static bool scan_dev(const char **p, uint64_t *ret)
{
	uint64_t major, minor;

	if (!scan_digits(p, 16, &major) || !scan_char(p, ':') || !scan_digits(p, 16, &minor) ||
	    major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	*ret = makedev((unsigned)major, (unsigned)minor);
	return true;
}

static bool scan_map_numbers(const char **p, struct map *map)
{
	return scan_digits(p, 16, &map->start) && scan_char(p, '-') &&
	       scan_digits(p, 16, &map->end) && scan_char(p, ' ') && map->start < map->end &&
	       scan_perm(p, &map->perm) && scan_char(p, ' ') && scan_digits(p, 16, &map->offset) &&
	       scan_char(p, ' ') && scan_dev(p, &map->dev) && scan_char(p, ' ') &&
	       scan_digits(p, 10, &map->inode) && (**p == ' ' || **p == '\0');
}

/*
 * Newline is the one byte that the kernel escapes here (show_map_vma: seq_path with "\n"); other
 * backslashes are the file name's own.
 */
static void add_unescaped(struct buf *paths, const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (len - i >= 4 && memcmp(path + i, "\\012", 4) == 0) {
			buf_putc(paths, '\n');
			i += 3;
		} else {
			buf_putc(paths, path[i]);
		}
	}
	buf_putc(paths, '\0');
}

/* Cuts d_path's mark of an unlinked file off; false if there is none. */
static bool cut_deleted(const char *path, size_t *len)
{
	static const char mark[] = " (deleted)";
	size_t mark_len = sizeof(mark) - 1;

	if (*len <= mark_len || path[0] != '/' ||
	    memcmp(path + *len - mark_len, mark, mark_len) != 0)
		return false;
	*len -= mark_len;
	return true;
}

/* Room for the numbers: 16-16 4 16 8:8 20, and the blanks between them. */
enum { MAP_HEAD_MAX = 128 };

int procparse_maps_line(const char *line, size_t len, struct map *ret, struct buf *paths)
{
	char head[MAP_HEAD_MAX];
	struct map map = { 0 };
	const char *p = head;
	size_t used, path_len;

	/* The line is not NUL-terminated; its numbers are scanned in a copy that is. */
	used = MIN(len, sizeof(head) - 1);
	memcpy(head, line, used);
	head[used] = '\0';
	if (!scan_map_numbers(&p, &map))
		return -EINVAL;
	used = (size_t)(p - head);
	while (used < len && line[used] == ' ')
		used++;
	path_len = strnlen(line + used, len - used);
	map.deleted = cut_deleted(line + used, &path_len);
	map.path = paths->len;
	add_unescaped(paths, line + used, path_len);
	if (paths->failed)
		return -ENOMEM;
	*ret = map;
	return 0;
}

/* ---- file locks: lock_get_status of fs/locks.c ---- */

static bool scan_lock_kind(const char **p, enum proc_lock_kind *ret)
{
	static const struct {
		const char *word;
		enum proc_lock_kind kind;
	} kinds[] = {
		{ "POSIX", LOCK_POSIX }, { "OFDLCK", LOCK_OFD },  { "FLOCK", LOCK_FLOCK },
		{ "LEASE", LOCK_LEASE }, { "DELEG", LOCK_LEASE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!scan_text(p, kinds[i].word))
			continue;
		*ret = kinds[i].kind;
		return true;
	}
	return false;
}

/* A lease may already be UNLCK: its holder has given it up. */
static bool scan_lock_type(const char **p, bool *ret_write)
{
	scan_blanks(p);
	*ret_write = scan_text(p, "WRITE");
	return *ret_write || scan_text(p, "READ") || scan_text(p, "UNLCK");
}

/* "fe:00:77", or "<none>:0" for one who waits for a lease, as it has no file of its own yet. */
static bool scan_lock_file(const char **p, struct proc_lock *lock)
{
	scan_blanks(p);
	if (scan_text(p, "<none>:"))
		return scan_digits(p, 10, &lock->inode);
	return scan_dev(p, &lock->dev) && scan_char(p, ':') && scan_digits(p, 10, &lock->inode);
}

static bool scan_lock_range(const char **p, struct proc_lock *lock)
{
	if (!scan_number(p, 10, &lock->start))
		return false;
	scan_blanks(p);
	lock->end = UINT64_MAX;
	return scan_text(p, "EOF") || scan_digits(p, 10, &lock->end);
}

/* A waiter is marked by "->", set in by one blank for each one that it is queued behind. */
static void scan_lock_wait(const char **p, struct proc_lock *lock)
{
	const char *start = *p;

	scan_blanks(p);
	lock->wait = strncmp(*p, "->", 2) == 0 ? (unsigned)(*p - start) : 0;
	scan_text(p, "->");
	scan_blanks(p);
}

int procparse_lock(const char *line, struct proc_lock *ret)
{
	struct proc_lock lock = { 0 };
	const char *p = line;
	uint64_t pid;

	if (!scan_number(&p, 10, &lock.id) || !scan_char(&p, ':'))
		return -EINVAL;
	scan_lock_wait(&p, &lock);
	/* Behind the kind: ADVISORY, MANDATORY (until 5.14), ACTIVE, BREAKING, BREAKER. */
	if (!scan_lock_kind(&p, &lock.kind) || !scan_word(&p) || !scan_lock_type(&p, &lock.write) ||
	    !scan_signed(&p, &pid) || !scan_lock_file(&p, &lock) || !scan_lock_range(&p, &lock) ||
	    !scan_at_end(p) || (int64_t)pid < INT32_MIN || (int64_t)pid > INT32_MAX)
		return -EINVAL;
	lock.pid = (pid_t)(int64_t)pid;
	*ret = lock;
	return 0;
}

/* ---- the machine ---- */

int procparse_cpu_steal(const char *text, int cpu, uint64_t *ret_ticks)
{
	uint64_t number, column[8];

	if (cpu < 0)
		return -ENOENT;
	while ((text = scan_line(text, "cpu"))) {
		const char *p = text;

		if (!scan_digits(&p, 10, &number) || number != (uint64_t)cpu)
			continue;
		/* user nice system idle iowait irq softirq steal */
		for (size_t i = 0; i < ARRAY_SIZE(column); i++) {
			if (!scan_number(&p, 10, &column[i]))
				return -EINVAL;
		}
		*ret_ticks = column[7];
		return 0;
	}
	return -ENOENT;
}
