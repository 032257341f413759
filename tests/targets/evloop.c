/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evloop.c: event loops that are in and out of epoll_wait all the time, so that a stop often meets a
 * thread on its way into a call that a stop breaks off. Usage: evloop [PAIRS [SPINNERS]]: pairs of
 * threads wake each other, spinners make CPUs scarce. No signal comes, so no call may fail: SIGUSR1
 * prints "rounds N eintr N failed N".
 */
#include "target.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

struct player {
	int event_fd, epoll_fd;
	struct player *peer;
};

static _Atomic uint64_t rounds, eintr, failed;
static _Atomic uint64_t spins;

static void await_event(const struct player *player)
{
	struct epoll_event event;
	uint64_t count;
	int n;

	do {
		n = epoll_wait(player->epoll_fd, &event, 1, -1);
		eintr += n < 0 && errno == EINTR;
		failed += n == 0 || (n < 0 && errno != EINTR);
	} while (n <= 0);
	failed += read(player->event_fd, &count, sizeof(count)) != sizeof(count);
}

static void *play(void *arg)
{
	const struct player *player = arg;
	uint64_t one = 1;

	for (;;) {
		await_event(player);
		target_spin_ns(target_around(20 * 1000));
		failed += write(player->peer->event_fd, &one, sizeof(one)) != sizeof(one);
		rounds++;
	}
	return NULL;
}

static void *spin(void *unused)
{
	for (;;)
		atomic_fetch_add_explicit(&spins, 1, memory_order_relaxed);
	return unused;
}

static void player_init(struct player *player, struct player *peer, unsigned first)
{
	player->peer = peer;
	player->event_fd = eventfd(first, EFD_CLOEXEC);
	player->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	target_check(epoll_ctl(player->epoll_fd, EPOLL_CTL_ADD, player->event_fd,
			       &(struct epoll_event){ .events = EPOLLIN }) == 0,
		     "epoll");
}

static void start_pair(void)
{
	struct player *pair = calloc(2, sizeof(*pair));

	target_check(pair != NULL, "calloc");
	player_init(&pair[0], &pair[1], 1);
	player_init(&pair[1], &pair[0], 0);
	target_thread("loop", 0, play, &pair[0]);
	target_thread("loop", 0, play, &pair[1]);
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 4, spinners = argc > 2 ? atoi(argv[2]) : 0;
	sigset_t set;

	target_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < pairs; i++)
		start_pair();
	for (int i = 0; i < spinners; i++)
		target_thread("spinner", 0, spin, NULL);
	target_ready();
	for (;;)
		if (sigwaitinfo(&set, NULL) == SIGUSR1)
			printf("rounds %llu eintr %llu failed %llu\n", (unsigned long long)rounds,
			       (unsigned long long)eintr, (unsigned long long)failed);
}
