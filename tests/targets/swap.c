/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swap.c, two in one: with -DPLUGIN=NAME a library whose one function naps until it is told to leave;
 * else the program that loads swapone.so, has it nap until SIGUSR1, unloads it, and loads swaptwo.so in
 * its place, at the same addresses, for good.
 */
#include "target.h"

#include <dlfcn.h>

#ifdef PLUGIN

void PLUGIN(const volatile sig_atomic_t *leave);

void PLUGIN(const volatile sig_atomic_t *leave)
{
	while (!*leave)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

#else

static volatile sig_atomic_t leave;

static void note(int signo)
{
	(void)signo;
	leave = 1;
}

static void run(const char *dir, const char *name)
{
	char path[512], function[64];
	void (*plugin)(const volatile sig_atomic_t *leave);
	void *library;

	snprintf(path, sizeof(path), "%s/swap%s.so", dir, name);
	snprintf(function, sizeof(function), "plugin_%s", name);
	library = dlopen(path, RTLD_NOW);
	target_check(library != NULL, "dlopen");
	*(void **)&plugin = dlsym(library, function);
	target_check(plugin != NULL, "dlsym");
	leave = 0;
	target_ready();
	plugin(&leave);
	dlclose(library);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = note };
	char *slash = strrchr(argv[0], '/');

	(void)argc;
	target_begin();
	target_check(slash != NULL, "needs its path");
	*slash = '\0';
	sigaction(SIGUSR1, &action, NULL);
	run(argv[0], "one");
	run(argv[0], "two");
}

#endif
