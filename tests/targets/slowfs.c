/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slowfs: a file system that stops answering, for root. `slowfs DIR SOURCE` mounts on DIR the regular
 * files of SOURCE, which is flat, and prints ready. SIGUSR1: from now on requests are held, and it
 * prints holding. SIGUSR2: it answers those that it holds, and all others, and prints released and
 * how many it held. It releases them by itself after HOLD_S, and unmounts at SIGTERM: whoever waits
 * here is served late, not never. The kernel is told to cache no names and no attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 18, HELD_MAX = 256, NODES_MAX = 256, HOLD_S = 60 };

static int fuse_fd, source_fd;
static char *nodes[NODES_MAX]; /* names by inode number - 2 */
static unsigned nnodes;
static char *held[HELD_MAX];
static unsigned nheld;
static int holding;
static time_t since;

static void reply(uint64_t unique, int error, const void *data, size_t len)
{
	struct fuse_out_header out = { (uint32_t)(sizeof(out) + len), error, unique };
	static char room[ROOM];

	memcpy(room, &out, sizeof(out));
	if (len)
		memcpy(room + sizeof(out), data, len);
	if (write(fuse_fd, room, out.len) < 0 && errno != ENOENT)
		perror("write to /dev/fuse");
}

static unsigned node_of(const char *name)
{
	unsigned i = 0;

	while (i < nnodes && strcmp(nodes[i], name) != 0)
		i++;
	if (i == nnodes && nnodes < NODES_MAX)
		nodes[nnodes++] = strdup(name);
	return i + 2;
}

static int fill_attr(uint64_t node, struct fuse_attr *ret)
{
	struct stat st;

	if (fstatat(source_fd, node == 1 ? "." : nodes[node - 2], &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct fuse_attr){
		.ino = node,
		.size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks,
		.mtime = (uint64_t)st.st_mtime,
		.ctime = (uint64_t)st.st_ctime,
		.mtimensec = (uint32_t)st.st_mtim.tv_nsec,
		.mode = st.st_mode,
		.nlink = 1,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.blksize = 4096,
	};
	return 0;
}

static void do_lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = { 0 };
	struct stat st;

	if (fstatat(source_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		reply(in->unique, -ENOENT, NULL, 0);
		return;
	}
	out.nodeid = node_of(name);
	fill_attr(out.nodeid, &out.attr);
	reply(in->unique, 0, &out, sizeof(out));
}

static void do_read(const struct fuse_in_header *in, const struct fuse_read_in *arg)
{
	static char room[ROOM];
	int fd = openat(source_fd, nodes[in->nodeid - 2], O_RDONLY | O_CLOEXEC);
	size_t want = arg->size < ROOM - 64 ? arg->size : ROOM - 64;
	ssize_t n = fd < 0 ? -1 : pread(fd, room, want, (off_t)arg->offset);

	reply(in->unique, n < 0 ? -EIO : 0, room, n < 0 ? 0 : (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void do_init(const struct fuse_in_header *in, const struct fuse_init_in *arg)
{
	const struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
					   .minor = 31,
					   .max_readahead = arg->max_readahead,
					   .max_write = 4096 };

	reply(in->unique, 0, &out, sizeof(out));
}

static void answer(const char *request)
{
	const struct fuse_in_header *in = (const void *)request;
	const void *arg = in + 1;
	struct fuse_attr_out attr = { 0 };
	struct fuse_open_out opened = { 0 };
	struct fuse_statfs_out statfs = { .st = { .bsize = 4096, .namelen = 255 } };
	int r;

	switch (in->opcode) {
	case FUSE_INIT:
		do_init(in, arg);
		break;
	case FUSE_LOOKUP:
		do_lookup(in, arg);
		break;
	case FUSE_GETATTR:
		r = fill_attr(in->nodeid, &attr.attr);
		reply(in->unique, r, &attr, r ? 0 : sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		reply(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		do_read(in, arg);
		break;
	case FUSE_STATFS:
		reply(in->unique, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_READDIR:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		reply(in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(in->unique, -ENOSYS, NULL, 0);
	}
}

static int must_answer(const char *request)
{
	uint32_t opcode = ((const struct fuse_in_header *)request)->opcode;

	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

static void take_request(void)
{
	static char request[ROOM];
	ssize_t n = read(fuse_fd, request, sizeof(request));

	if (n < 0 && errno == ENODEV)
		exit(0); /* unmounted */
	if (n < (ssize_t)sizeof(struct fuse_in_header))
		return;
	if (!holding || must_answer(request) || nheld == HELD_MAX) {
		answer(request);
		return;
	}
	held[nheld] = malloc((size_t)n);
	memcpy(held[nheld++], request, (size_t)n);
}

static void release(void)
{
	unsigned n = nheld;

	holding = 0;
	for (unsigned i = 0; i < n; i++) {
		answer(held[i]);
		free(held[i]);
	}
	nheld = 0;
	printf("released %u\n", n);
}

static void take_signal(int fd, const char *dir)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		holding = 1;
		since = time(NULL);
		puts("holding");
	} else if (info.ssi_signo == SIGUSR2) {
		release();
	} else {
		release();
		umount2(dir, MNT_DETACH);
		exit(0);
	}
}

static int open_signals(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < 3; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int mount_on(const char *dir)
{
	char options[128];

	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fuse_fd);
	return mount("slowfs", dir, "fuse.slowfs", MS_NODEV, options);
}

int main(int argc, char **argv)
{
	struct pollfd pollers[2] = { { .events = POLLIN }, { .events = POLLIN } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	source_fd = argc == 3 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	pollers[1].fd = open_signals();
	if (source_fd < 0 || mount_on(argv[1]) < 0) {
		perror("slowfs");
		return 1;
	}
	pollers[0].fd = fuse_fd;
	puts("ready");
	for (;;) {
		poll(pollers, 2, 1000);
		if (pollers[0].revents)
			take_request();
		if (pollers[1].revents)
			take_signal(pollers[1].fd, argv[1]);
		if (holding && time(NULL) - since > HOLD_S)
			release();
	}
}
