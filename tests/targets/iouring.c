// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iouring.c: io_uring with workers of the kernel in the process: iou-wrk waits in a read of a pipe that
 * was handed to it, and with the argument "poll" iou-sqp watches the ring. A byte on standard input is
 * what the reads wait for; then it says how each of them ended. Without io_uring: "none", and status 0.
 */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "target.h"

enum { READS = 2, ENTRIES = 8 };

struct ring {
	int fd;
	char *submissions, *completions;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static bool ring_open(struct ring *ring, bool poll)
{
	struct io_uring_params *p = &ring->params;

	memset(ring, 0, sizeof(*ring));
	if (poll) {
		p->flags = IORING_SETUP_SQPOLL;
		p->sq_thread_idle = 50; /* ms, then it sleeps */
	}
	ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, p);
	if (ring->fd < 0)
		return false;
	ring->submissions = mmap(NULL, p->sq_off.array + p->sq_entries * sizeof(unsigned),
				 PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->completions = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
				 PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	target_check(ring->submissions != MAP_FAILED && ring->completions != MAP_FAILED &&
			     ring->entries != MAP_FAILED,
		     "mmap of a ring");
	return true;
}

/* A worker has each of them to wait for: it would block. */
static void submit_reads(struct ring *ring, int fd, char bytes[READS])
{
	const struct io_uring_params *p = &ring->params;
	unsigned *array = (unsigned *)(ring->submissions + p->sq_off.array);

	for (unsigned i = 0; i < READS; i++) {
		ring->entries[i] = (struct io_uring_sqe){
			.opcode = IORING_OP_READ,
			.flags = IOSQE_ASYNC,
			.fd = fd,
			.addr = (uintptr_t)&bytes[i],
			.len = 1,
		};
		array[i] = i;
	}
	__atomic_store_n((unsigned *)(ring->submissions + p->sq_off.tail), READS, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring->fd, READS, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
}

static unsigned completed(const struct ring *ring)
{
	return __atomic_load_n((unsigned *)(ring->completions + ring->params.cq_off.tail),
			       __ATOMIC_ACQUIRE);
}

static void tell(const struct ring *ring)
{
	const struct io_uring_cqe *results =
		(const struct io_uring_cqe *)(ring->completions + ring->params.cq_off.cqes);

	for (unsigned i = 0; i < READS; i++)
		printf("read ended with %d\n", results[i].res);
}

int main(int argc, char **argv)
{
	struct ring ring;
	char bytes[READS], c;
	int data[2];

	target_begin();
	if (!ring_open(&ring, argc > 1 && strcmp(argv[1], "poll") == 0)) {
		puts("none");
		return 0;
	}
	target_check(pipe(data) == 0, "pipe");
	submit_reads(&ring, data[0], bytes);
	target_nap_ms(200);
	target_ready();
	target_check(read(STDIN_FILENO, &c, 1) == 1, "read");
	target_check(write(data[1], "xx", READS) == READS, "write");
	while (completed(&ring) < READS)
		target_nap_ms(1);
	tell(&ring);
	fflush(stdout);
	return 0;
}
