/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * absent.c: two threads, "waits" in a read and "spins", whose outer frames are not in memory.
 * Usage: absent KIND [DIR [try]]; with `try` it only says whether this kind is permitted here: 0, or 77.
 *
 *	dropped      anonymous pages, given back with MADV_DONTNEED
 *	userfault    the same, to be served by userfaultfd
 *	file         pages of a file in DIR that is mapped shared, not in the page cache either
 *	fuse         pages of a file on a FUSE mount at DIR, which a process of ours serves
 *
 * SIGUSR1 prints "faults N present N": how often a page was asked for by userfaultfd or FUSE since
 * "ready", and how many pages of the two stacks are in memory or in the page cache. Whoever asks for a
 * page gets it LATE_MS later.
 */
#include "target.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { LATE_MS = 4000, STACK = 512 << 10, PAD = 64 << 10, THREADS = 2, NOT_PERMITTED = 77 };

struct actor {
	struct arrival arrival;
	bool spins;
	uintptr_t from, to; /* between them lie its outer frames */
};

static struct actor actors[THREADS] = { { .spins = false }, { .spins = true } };
static unsigned char *stacks;
static int pipe_fds[2];

/* Shared with the process that serves FUSE. */
static struct served {
	_Atomic bool late;
	_Atomic unsigned faults;
} * served;

static void permitted(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "target: %s: %s\n", what, strerror(errno));
	_exit(NOT_PERMITTED);
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* A page was asked for. */
static void serve(void)
{
	if (!served->late)
		return;
	served->faults++;
	target_nap_ms(LATE_MS);
}

/* ---- the threads ---- */

static void touch(volatile unsigned char *pad)
{
	for (size_t i = 0; i < PAD; i++)
		pad[i] = 1;
}

static NOINLINE void absent_inner(struct actor *actor)
{
	char byte;

	arrival_set(&actor->arrival);
	while (actor->spins)
		KEEP_FRAME();
	(void)!read(pipe_fds[0], &byte, 1);
	KEEP_FRAME();
}

static NOINLINE void absent_middle(struct actor *actor)
{
	volatile unsigned char pad[PAD];

	touch(pad);
	actor->from = ((uintptr_t)pad + page_size() - 1) & ~(page_size() - 1);
	absent_inner(actor);
	KEEP_FRAME();
}

static NOINLINE void *absent_outer(void *arg)
{
	volatile unsigned char pad[PAD];
	struct actor *actor = arg;

	touch(pad);
	actor->to = (uintptr_t)(pad + PAD) & ~(page_size() - 1);
	pthread_setname_np(pthread_self(), actor->spins ? "spins" : "waits");
	absent_middle(actor);
	KEEP_FRAME();
	return NULL;
}

static void start_thread_on(struct actor *actor, unsigned char *stack)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	target_check(pthread_attr_setstack(&attr, stack, STACK) == 0, "stack");
	errno = pthread_create(&thread, &attr, absent_outer, actor);
	target_check(errno == 0, "pthread_create");
	while (!__atomic_load_n(&actor->arrival.tid, __ATOMIC_SEQ_CST))
		target_nap_ms(1);
	if (!actor->spins)
		target_await_sleep(actor->arrival.tid);
}

static void start_threads(void)
{
	for (int i = 0; i < THREADS; i++)
		start_thread_on(&actors[i], stacks + i * STACK);
}

static void drop_frames(void)
{
	for (int i = 0; i < THREADS; i++)
		target_check(madvise((void *)actors[i].from, actors[i].to - actors[i].from,
				     MADV_DONTNEED) == 0,
			     "MADV_DONTNEED");
}

/* ---- userfaultfd ---- */

static void *serve_faults(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = { .range = { .len = page_size() } };

		serve();
		zero.range.start = msg.arg.pagefault.address & ~(uint64_t)(page_size() - 1);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	permitted(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0, "userfaultfd");
	return fd;
}

static void take_faults(void)
{
	static int fd;

	fd = open_userfaultfd();
	for (int i = 0; i < THREADS; i++) {
		struct uffdio_register area = {
			.range = { .start = actors[i].from, .len = actors[i].to - actors[i].from },
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};

		target_check(ioctl(fd, UFFDIO_REGISTER, &area) == 0, "UFFDIO_REGISTER");
	}
	target_thread("serves", 0, serve_faults, &fd);
}

/* ---- FUSE: one file in one directory ---- */

enum { ROOT_NODE = 1, FILE_NODE = 2 };

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FILE_NODE ? THREADS * STACK : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void reply(int fd, const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	static unsigned char bytes[1 << 18];
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + len),
		.error = error,
		.unique = in->unique,
	};

	memcpy(bytes, &out, sizeof(out));
	if (len)
		memcpy(bytes + sizeof(out), data, len);
	(void)!write(fd, bytes, out.len);
}

static void reply_init(int fd, const struct fuse_in_header *in, const struct fuse_init_in *asked)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.max_readahead = 0,
		.max_write = 4096,
	};

	out.minor = asked->minor < out.minor ? asked->minor : out.minor;
	reply(fd, in, 0, &out, sizeof(out));
}

static void reply_lookup(int fd, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {
		.nodeid = FILE_NODE,
		.attr_valid = 1000,
		.entry_valid = 1000,
		.attr = attr_of(FILE_NODE),
	};

	if (strcmp(name, "stack") == 0)
		reply(fd, in, 0, &out, sizeof(out));
	else
		reply(fd, in, -ENOENT, NULL, 0);
}

static void reply_attr(int fd, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = 1000, .attr = attr_of(in->nodeid) };

	reply(fd, in, 0, &out, sizeof(out));
}

static void reply_read(int fd, const struct fuse_in_header *in, const struct fuse_read_in *asked)
{
	static const unsigned char zeros[1 << 17];
	size_t len = asked->size < sizeof(zeros) ? asked->size : sizeof(zeros);

	serve();
	reply(fd, in, 0, zeros, len);
}

static void serve_fuse(int fd)
{
	static unsigned char bytes[FUSE_MIN_READ_BUFFER + 4096];
	const struct fuse_in_header *in = (const void *)bytes;
	const void *body = bytes + sizeof(*in);
	struct fuse_open_out open_out = { .fh = 1 };

	while (read(fd, bytes, sizeof(bytes)) > 0 || errno == EINTR || errno == ENOENT) {
		switch (in->opcode) {
		case FUSE_INIT:
			reply_init(fd, in, body);
			break;
		case FUSE_LOOKUP:
			reply_lookup(fd, in, body);
			break;
		case FUSE_GETATTR:
			reply_attr(fd, in);
			break;
		case FUSE_OPEN:
			reply(fd, in, 0, &open_out, sizeof(open_out));
			break;
		case FUSE_READ:
			reply_read(fd, in, body);
			break;
		case FUSE_FLUSH:
		case FUSE_RELEASE:
			reply(fd, in, 0, NULL, 0);
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			reply(fd, in, -ENOSYS, NULL, 0);
		}
	}
	_exit(0);
}

/* In a mount namespace of our own: it is gone when we are. */
static void mount_fuse(const char *dir)
{
	char options[64];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t parent = getpid();

	permitted(fd >= 0, "/dev/fuse");
	permitted(unshare(CLONE_NEWNS) == 0, "unshare");
	permitted(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	permitted(mount("absent", dir, "fuse", MS_NOSUID | MS_NODEV, options) == 0, "mount");
	if (fork() == 0) {
		target_check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent, "prctl");
		serve_fuse(fd);
	}
	close(fd);
}

/* ---- where the stacks are ---- */

static int file_fd = -1;

static void map_stacks(int flags)
{
	stacks = mmap(NULL, THREADS * STACK, PROT_READ | PROT_WRITE, flags, file_fd, 0);
	target_check(stacks != MAP_FAILED, "mmap");
	madvise(stacks, THREADS * STACK, MADV_NOHUGEPAGE);
	madvise(stacks, THREADS * STACK, MADV_RANDOM);
}

static void open_file(const char *dir, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/stack", dir);
	file_fd = open(path, flags | O_CLOEXEC, 0600);
	permitted(file_fd >= 0, path);
}

/* Shared pages cannot be dropped from the cache while they are mapped: those of the frames are not. */
static void drop_cache(void)
{
	for (int i = 0; i < THREADS; i++) {
		off_t from = (off_t)(actors[i].from - (uintptr_t)stacks);
		off_t len = (off_t)(actors[i].to - actors[i].from);

		target_check(fsync(file_fd) == 0 || errno == ENOSYS || errno == EINVAL, "fsync");
		posix_fadvise(file_fd, from, len, POSIX_FADV_DONTNEED);
	}
}

/* Of both stacks, in our page tables or in the page cache. */
static unsigned count_present(void)
{
	static unsigned char cached[THREADS * STACK / 4096];
	static uint64_t entries[THREADS * STACK / 4096];
	size_t n = THREADS * STACK / page_size();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned count = 0;

	target_check(fd >= 0 && pread(fd, entries, n * sizeof(entries[0]),
				      (off_t)((uintptr_t)stacks / page_size() * 8)) > 0,
		     "pagemap");
	close(fd);
	target_check(mincore(stacks, THREADS * STACK, cached) == 0, "mincore");
	for (size_t i = 0; i < n; i++)
		count += (entries[i] >> 63) | (file_fd >= 0 && cached[i] & 1);
	return count;
}

static void prepare(const char *kind, const char *dir)
{
	if (strcmp(kind, "file") == 0) {
		open_file(dir, O_RDWR | O_CREAT | O_TRUNC);
		target_check(ftruncate(file_fd, THREADS * STACK) == 0, "ftruncate");
		map_stacks(MAP_SHARED);
	} else if (strcmp(kind, "fuse") == 0) {
		mount_fuse(dir);
		open_file(dir, O_RDONLY);
		map_stacks(MAP_PRIVATE);
	} else {
		map_stacks(MAP_PRIVATE | MAP_ANONYMOUS);
	}
}

static void answer_signals(const sigset_t *set)
{
	for (;;) {
		if (sigwaitinfo(set, NULL) == SIGUSR1)
			printf("faults %u present %u\n", served->faults, count_present());
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "dropped";
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	target_check(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
	served = mmap(NULL, sizeof(*served), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	target_check(served != MAP_FAILED && pipe(pipe_fds) == 0, "pipe");
	prepare(kind, argc > 2 ? argv[2] : ".");
	if (argc > 3) {
		if (strcmp(kind, "userfault") == 0)
			open_userfaultfd();
		_exit(0);
	}
	start_threads();
	if (strcmp(kind, "userfault") == 0)
		take_faults();
	drop_frames();
	if (file_fd >= 0)
		drop_cache();
	served->late = true;
	target_ready();
	answer_signals(&set);
}
