/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * swap.c, two in one: with -DPLUGIN=NAME a library whose one function naps until a time; else the
 * program that loads swapone.so, has it nap for one second from "ready" on, unloads it, and loads
 * swaptwo.so in its place, at the same addresses, for good.
 */
#include "target.h"

#include <dlfcn.h>

#ifdef PLUGIN

void PLUGIN(int64_t end_ns);

void PLUGIN(int64_t end_ns)
{
	while (target_now_ns() < end_ns)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

#else

static void run(const char *dir, const char *name, int64_t ns)
{
	char path[512], function[64];
	void (*plugin)(int64_t end_ns);
	void *library;

	snprintf(path, sizeof(path), "%s/swap%s.so", dir, name);
	snprintf(function, sizeof(function), "plugin_%s", name);
	library = dlopen(path, RTLD_NOW);
	target_check(library != NULL, "dlopen");
	*(void **)&plugin = dlsym(library, function);
	target_check(plugin != NULL, "dlsym");
	if (strcmp(name, "one") == 0)
		target_ready();
	plugin(target_now_ns() + ns);
	dlclose(library);
}

int main(int argc, char **argv)
{
	char *slash = strrchr(argv[0], '/');

	(void)argc;
	target_begin();
	target_check(slash != NULL, "needs its path");
	*slash = '\0';
	run(argv[0], "one", NS_PER_S);
	run(argv[0], "two", 1000 * NS_PER_S);
}

#endif
