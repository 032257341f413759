#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A page that userfaultfd has to serve, read from another process: process_vm_readv waits until the
# target's handler has served it (here after two seconds), and the handler sees a fault that its own
# program never caused; pread on /proc/PID/mem fails with EIO at once and causes no fault. The two are
# taken for the same thing. A debugger that reads a stopped thread's stack the first way keeps the
# thread stopped for as long as the handler takes.
#
# Seen on Linux 6.18 (x86-64). Why: process_vm_rw pins pages with a `locked` that lets the fault be
# retried, so handle_userfault sleeps; access_remote_vm (mem, ptrace peeks) does not, and gets SIGBUS.
#
# Exit status 0: as described; 1: this kernel behaves otherwise; 77: userfaultfd is not permitted here.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/ways.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LATE_S = 2 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The target: two pages that are served late; a byte goes to `faults` for each fault. */
static int serve(char *pages, size_t page, int ready, int faults)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { (uintptr_t)pages, 2 * page },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg message;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))
		return 77;
	(void)!write(ready, "x", 1);
	while (read(fd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_zeropage zero = {
			.range = { message.arg.pagefault.address & ~(page - 1), page }
		};

		(void)!write(faults, "x", 1);
		sleep(LATE_S);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	}
	return 0;
}

static int count(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char c;
	int n = 0;

	while (poll(&ready, 1, 100) == 1 && read(fd, &c, 1) == 1)
		n++;
	return n;
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ready[2], faults[2], mem, mem_errno, mem_faults, vm_faults;
	struct iovec local = { .iov_len = 8 }, remote = { pages, 8 };
	char path[64], c, word[8];
	double begin, mem_s, vm_s;
	ssize_t mem_n, vm_n;
	pid_t pid;

	if (pipe(ready) || pipe(faults))
		return 77;
	pid = fork();
	if (pid == 0)
		_exit(serve(pages, page, ready[1], faults[1]));
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		return 77;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY);
	begin = now();
	mem_n = pread(mem, word, sizeof(word), (off_t)(uintptr_t)(pages + page));
	mem_errno = errno;
	mem_s = now() - begin;
	mem_faults = count(faults[0]);
	local.iov_base = word;
	begin = now();
	vm_n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	vm_s = now() - begin;
	vm_faults = count(faults[0]);
	printf("/proc/PID/mem:    %zd (%s), %s, faults served %d\n", mem_n,
	       mem_n < 0 ? strerror(mem_errno) : "", mem_s < 1 ? "at once" : "after the handler", mem_faults);
	printf("process_vm_readv: %zd, %s, faults served %d\n", vm_n,
	       vm_s < 1 ? "at once" : "after the handler", vm_faults);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return !(mem_n < 0 && mem_errno == EIO && mem_faults == 0 && vm_n == 8 && vm_s > 1 &&
		 vm_faults == 1);
}
C
cc -O1 -o "$dir/ways" "$dir/ways.c"
uname -sr
"$dir/ways"
