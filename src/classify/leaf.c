/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that wait, by name. It walks from the leaf over the wrappers of system calls and
 * over whatever else the C library does, and takes the first function that the table has. It stops
 * at any other function: above an init routine that blocks there is a pthread_once too, and that is
 * not what the thread waits for. Names are those of symbol tables or debug information, demangled,
 * without parameters; it assumes that a name is only given where a symbol covers the pc.
 */
#include "classify/leaf.h"

#include <string.h>

#include "base/attr.h"

/*
 * A pattern that begins with '_' is compared with the name as it is, any other with the name
 * without leading underscores, glibc's __GI_ and a symbol version. '*' stands for any text.
 */
struct leaf_rule {
	const char *pattern;
	enum leaf_call call;
	enum wait_kind kind;
	enum leaf_layout layout;
};

static const struct leaf_rule rules[] = {
	/* glibc and musl */
	{ "pthread_mutex_lock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "pthread_mutex_timedlock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "pthread_mutex_clocklock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "pthread_mutex_cond_lock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "lll_mutex_lock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "lll_lock_wait", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "lll_timedlock_wait", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	{ "lll_clocklock_wait", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_PTHREAD },
	/* a bare int: of a FILE, of malloc's arenas */
	{ "lll_lock_wait_private", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_BARE },
	{ "flockfile", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_BARE },
	{ "IO_flockfile", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_BARE },
	{ "__lockfile", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_BARE },
	{ "__lock", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_BARE },
	{ "pthread_cond_wait*", LEAF_FUTEX, WAIT_COND, LAYOUT_PTHREAD },
	{ "pthread_cond_timedwait*", LEAF_FUTEX, WAIT_COND, LAYOUT_PTHREAD },
	{ "pthread_cond_clockwait*", LEAF_FUTEX, WAIT_COND, LAYOUT_PTHREAD },
	{ "pthread_rwlock_rdlock*", LEAF_FUTEX, WAIT_RWLOCK_READ, LAYOUT_PTHREAD },
	{ "pthread_rwlock_timedrdlock*", LEAF_FUTEX, WAIT_RWLOCK_READ, LAYOUT_PTHREAD },
	{ "pthread_rwlock_clockrdlock*", LEAF_FUTEX, WAIT_RWLOCK_READ, LAYOUT_PTHREAD },
	{ "pthread_rwlock_wrlock*", LEAF_FUTEX, WAIT_RWLOCK_WRITE, LAYOUT_PTHREAD },
	{ "pthread_rwlock_timedwrlock*", LEAF_FUTEX, WAIT_RWLOCK_WRITE, LAYOUT_PTHREAD },
	{ "pthread_rwlock_clockwrlock*", LEAF_FUTEX, WAIT_RWLOCK_WRITE, LAYOUT_PTHREAD },
	{ "sem_wait", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "sem_timedwait*", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "sem_clockwait*", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "new_sem_wait*", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "old_sem_wait*", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "do_futex_wait*", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_PTHREAD },
	{ "pthread_barrier_wait", LEAF_FUTEX, WAIT_BARRIER, LAYOUT_PTHREAD },
	{ "pthread_join", LEAF_FUTEX, WAIT_JOIN, LAYOUT_PTHREAD },
	{ "pthread_timedjoin*", LEAF_FUTEX, WAIT_JOIN, LAYOUT_PTHREAD },
	{ "pthread_clockjoin*", LEAF_FUTEX, WAIT_JOIN, LAYOUT_PTHREAD },
	{ "pthread_once*", LEAF_FUTEX, WAIT_ONCE, LAYOUT_PTHREAD },
	{ "call_once", LEAF_FUTEX, WAIT_ONCE, LAYOUT_PTHREAD },
	/* glibc's nanosleep is clock_nanosleep since 2.31; sleep and usleep call either */
	{ "nanosleep", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	{ "clock_nanosleep*", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	{ "thrd_sleep*", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	{ "sleep", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	{ "usleep", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	{ "poll", LEAF_POLL, WAIT_IO_WAIT, LAYOUT_UNKNOWN },
	{ "poll_chk", LEAF_POLL, WAIT_IO_WAIT, LAYOUT_UNKNOWN },
	/* libstdc++ and libc++, which stand on the C library where they can */
	{ "cxa_guard_acquire", LEAF_FUTEX, WAIT_ONCE, LAYOUT_GUARD },
	{ "std::*shared_*mutex::lock_shared", LEAF_FUTEX, WAIT_RWLOCK_READ, LAYOUT_UNKNOWN },
	{ "std::*shared_*mutex::lock", LEAF_FUTEX, WAIT_RWLOCK_WRITE, LAYOUT_UNKNOWN },
	{ "std::*mutex::lock", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_UNKNOWN },
	{ "std::*condition_variable*::wait*", LEAF_FUTEX, WAIT_COND, LAYOUT_UNKNOWN },
	{ "std::*thread::join", LEAF_FUTEX, WAIT_JOIN, LAYOUT_UNKNOWN },
	{ "std::call_once*", LEAF_FUTEX, WAIT_ONCE, LAYOUT_UNKNOWN },
	{ "std::*counting_semaphore*::acquire", LEAF_FUTEX, WAIT_SEMAPHORE, LAYOUT_UNKNOWN },
	{ "std::*barrier*::wait", LEAF_FUTEX, WAIT_BARRIER, LAYOUT_UNKNOWN },
	{ "std::*barrier*::arrive_and_wait", LEAF_FUTEX, WAIT_BARRIER, LAYOUT_UNKNOWN },
	/*
	 * Rust's std: its folders moved in 1.75 and 1.81 (sys::unix::locks::futex_mutex,
	 * sys::locks, sys::sync::mutex::futex); v0 mangling puts the type in angle brackets
	 */
	{ "*std::sys::*futex*Mutex*::lock*", LEAF_FUTEX, WAIT_MUTEX, LAYOUT_RUST },
	{ "*std::sys::*futex*RwLock*::read*", LEAF_FUTEX, WAIT_RWLOCK_READ, LAYOUT_RUST },
	{ "*std::sys::*futex*RwLock*::write*", LEAF_FUTEX, WAIT_RWLOCK_WRITE, LAYOUT_RUST },
	{ "*std::sys::*futex*Condvar*::wait*", LEAF_FUTEX, WAIT_COND, LAYOUT_RUST },
	{ "*std::sys*::once::futex::Once*", LEAF_FUTEX, WAIT_ONCE, LAYOUT_RUST },
	/* a parked thread waits for whatever its waker means by it */
	{ "*std::sys*::futex::Parker*::park*", LEAF_FUTEX, WAIT_FUTEX, LAYOUT_RUST },
	{ "*std::thread::*park*", LEAF_FUTEX, WAIT_FUTEX, LAYOUT_RUST },
	{ "*std::thread::*sleep*", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
	/* Go's threads rest in notes; what its goroutines wait for is not to be seen here */
	{ "runtime.futex*", LEAF_FUTEX, WAIT_FUTEX, LAYOUT_UNKNOWN },
	{ "runtime.usleep*", LEAF_SLEEP, WAIT_SLEEP, LAYOUT_UNKNOWN },
};

/* Between the functions above and the kernel. */
static const char *const wrappers[] = {
	"syscall",
	"syscall_cancel*",
	"internal_syscall_cancel*",
	"futex_wait",
	"futex_wait_simple",
	"futex_wait_cancelable",
	"futex_abstimed_wait*",
	"futex_reltimed_wait*",
	"futex_clocklock*",
	"futex_lock_pi*",
	"__timedwait*",
	"__wait",
	"__futex4_cp",
	"__syscall_cp*",
	"*std::sys::*futex_wait*",
};

/* Internal names that only musl has, and that only glibc has. */
static const char *const musl_names[] = {
	"__timedwait*", "__wait", "__syscall_cp*", "__lock", "__lockfile",
};
static const char *const glibc_names[] = {
	"lll_lock_wait*", "lll_mutex_lock*", "futex_abstimed_wait*", "futex_wait_simple",
	"futex_lock_pi*", "new_sem_wait*",   "pthread_once_slow",    "pthread_mutex_lock_full",
};

/* libstdc++ and libc++: between a std::atomic, latch, semaphore or barrier and the system call. */
static const char *const atomic_names[] = {
	"std::__detail::__*wait*", "std::__atomic_wait*",       "std::__atomic_base*::wait*",
	"std::atomic*::wait*",     "std::__1::__*atomic_wait*",
};

enum { LINES_MAX = 24 }; /* enough for every chain above, inlined ones included */

struct name {
	const char *text;
	size_t len;
};

/* '*' only; linear but for the last star, which is moved on at each mismatch. */
static bool match_text(const char *pattern, struct name name)
{
	const char *star = NULL;
	size_t i = 0, mark = 0;

	while (i < name.len) {
		if (*pattern == '*') {
			star = ++pattern;
			mark = i;
		} else if (*pattern && *pattern == name.text[i]) {
			pattern++;
			i++;
		} else if (star) {
			pattern = star;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool match(const char *pattern, struct name raw, struct name plain)
{
	return match_text(pattern, *pattern == '_' ? raw : plain);
}

static struct name name_raw(const char *text)
{
	return (struct name){ text, strcspn(text, "@") };
}

static struct name name_plain(struct name raw)
{
	const char *text = raw.text;
	size_t skip = strncmp(text, "__GI_", 5) == 0 ? 5 : 0;

	skip += strspn(text + skip, "_");
	return skip < raw.len ? (struct name){ text + skip, raw.len - skip } : raw;
}

static bool match_any(const char *const *patterns, size_t n, struct name raw, struct name plain)
{
	for (size_t i = 0; i < n; i++)
		if (match(patterns[i], raw, plain))
			return true;
	return false;
}

static const struct leaf_rule *find_rule(struct name raw, struct name plain)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (match(rules[i].pattern, raw, plain))
			return &rules[i];
	return NULL;
}

/* glibc (libpthread was apart before 2.34) and musl, whose loader is the library. */
static bool is_c_library(const struct mapping *mapping)
{
	static const char *const names[] = { "libc.so*", "libc-*", "libpthread*", "ld-musl*",
					     "libc.musl*" };
	const char *slash;
	struct name base;

	if (!mapping)
		return false;
	slash = strrchr(mapping->path, '/');
	base.text = slash ? slash + 1 : mapping->path;
	base.len = strlen(base.text);
	return match_any(names, ARRAY_SIZE(names), base, base);
}

static const struct mapping *frame_mapping(const struct frame *frame)
{
	return frame->location ? frame->location->mapping : NULL;
}

enum step { STEP_ON, STEP_STOP };

struct walk {
	const struct mapping *c_library; /* the leaf's mapping if that is one */
	bool nameless;                   /* the last of its functions had no name */
	bool by_syscall;                 /* ... or was syscall() */
	bool atomic;                     /* functions of atomic_names were passed */
	unsigned lines;
	struct leaf leaf;
};

static void note_library(struct walk *walk, struct name raw, struct name plain)
{
	if (match_any(musl_names, ARRAY_SIZE(musl_names), raw, plain))
		walk->leaf.musl = true;
	else if (match_any(glibc_names, ARRAY_SIZE(glibc_names), raw, plain))
		walk->leaf.glibc = true;
}

/* A function that no table has: the program's own, as it seems. */
static enum step walk_out(struct walk *walk)
{
	if (walk->atomic) {
		walk->leaf.call = LEAF_FUTEX;
		walk->leaf.kind = WAIT_FUTEX;
		walk->leaf.layout = LAYOUT_ATOMIC;
		return STEP_STOP;
	}
	/* a stripped C library's pthread_join is nameless, too: it ends in a tail call (glibc) */
	walk->leaf.foreign = !walk->nameless;
	walk->leaf.inner = walk->leaf.foreign && walk->c_library && !walk->by_syscall;
	return STEP_STOP;
}

static enum step walk_function(struct walk *walk, const struct function *function, bool inside)
{
	struct name raw = name_raw(function->name), plain = name_plain(raw);
	const struct leaf_rule *rule = find_rule(raw, plain);

	note_library(walk, raw, plain);
	if (rule) {
		walk->leaf.call = rule->call;
		walk->leaf.kind = rule->kind;
		walk->leaf.layout = walk->atomic ? LAYOUT_ATOMIC : rule->layout;
		return STEP_STOP;
	}
	if (match_any(atomic_names, ARRAY_SIZE(atomic_names), raw, plain)) {
		walk->atomic = true;
		return STEP_ON;
	}
	if (inside || match_any(wrappers, ARRAY_SIZE(wrappers), raw, plain)) {
		walk->by_syscall = match("syscall", raw, plain);
		return STEP_ON;
	}
	return walk_out(walk);
}

static enum step walk_frame(struct walk *walk, const struct frame *frame)
{
	const struct location *location = frame->location;
	bool inside = walk->c_library && frame_mapping(frame) == walk->c_library;
	unsigned nlines = location ? location->nlines : 0;

	if (frame->flags & FRAME_SIGNAL)
		return STEP_STOP;
	for (unsigned i = 0; i < nlines; i++)
		if (++walk->lines > LINES_MAX ||
		    walk_function(walk, location->lines[i].function, inside) == STEP_STOP)
			return STEP_STOP;
	if (!nlines && !inside) {
		walk->nameless |= !walk->c_library;
		return walk_out(walk);
	}
	walk->nameless = !nlines;
	return STEP_ON;
}

/*
 * Code with no name outside of the C library, in a program that has that library mapped: a futex of
 * its own, for the library's locks are taken inside the library. Only in a static program, none of
 * whose frames is in such a mapping, nameless code may be the library's.
 */
static bool has_library_elsewhere(const struct walk *walk, const struct stack *stack)
{
	if (walk->c_library)
		return false;
	for (unsigned i = 0; i < stack->n; i++)
		if (is_c_library(frame_mapping(&stack->frames[i])))
			return true;
	return false;
}

struct leaf leaf_find(const struct stack *stack)
{
	struct walk walk = { 0 };
	const struct mapping *mapping;

	if (!stack || !stack->n)
		return walk.leaf;
	mapping = frame_mapping(&stack->frames[0]);
	if (is_c_library(mapping)) {
		walk.c_library = mapping;
		walk.leaf.musl = strstr(mapping->path, "musl") != NULL;
		walk.leaf.glibc = !walk.leaf.musl;
	}
	for (unsigned i = 0; i < stack->n; i++)
		if (walk_frame(&walk, &stack->frames[i]) == STEP_STOP)
			break;
	if (walk.leaf.call == LEAF_UNKNOWN && has_library_elsewhere(&walk, stack))
		walk.leaf.foreign = true;
	return walk.leaf;
}
