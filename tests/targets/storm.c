/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm.c: no target but a tormentor: sends signals to a process, one every MICROSECONDS in turn,
 * until SECONDS are over or it gets SIGTERM, and then SIGCONT. Usage: storm PID MICROSECONDS SECONDS SIGNAL...
 * Prints "sent N": the number of signals without the last SIGCONT. A real-time signal that the
 * kernel cannot queue is sent again, and counted once.
 */
#include "target.h"

static volatile sig_atomic_t over;

static void end(int signo)
{
	(void)signo;
	over = 1;
}

static int number_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = { { "STOP", SIGSTOP }, { "CONT", SIGCONT }, { "TSTP", SIGTSTP },
		      { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "TRAP", SIGTRAP },
		      { "USR2", SIGUSR2 } };

	if (strcmp(name, "RTMIN") == 0)
		return SIGRTMIN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].number;
	errno = EINVAL;
	target_check(false, name);
	return 0;
}

static void send_signal(pid_t pid, int number)
{
	union sigval value = { 0 };

	/* kill would send it without its place in the queue, and it might be lost: signal(7) */
	while (sigqueue(pid, number, value) != 0 && errno == EAGAIN)
		target_nap_ms(1);
}

int main(int argc, char **argv)
{
	int64_t end_ns, nap_ns;
	unsigned long sent = 0;
	pid_t pid;

	target_begin();
	signal(SIGTERM, end);
	errno = EINVAL;
	target_check(argc > 4, "usage: storm PID MICROSECONDS SECONDS SIGNAL...");
	pid = atoi(argv[1]);
	nap_ns = atol(argv[2]) * 1000;
	end_ns = target_now_ns() + atol(argv[3]) * NS_PER_S;
	for (; !over && target_now_ns() < end_ns; sent++) {
		send_signal(pid, number_of(argv[4 + sent % (unsigned)(argc - 4)]));
		target_nap_ns(target_around(nap_ns));
	}
	kill(pid, SIGCONT);
	printf("sent %lu\n", sent);
	return 0;
}
