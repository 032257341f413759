/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-fetch.c: how long a server is waited for that takes the question and says nothing. It is a
 * socket of the test's own that nobody accepts from. Skipped without libdebuginfod.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "symbol/fetch.h"

static char home[] = "/tmp/t-fetch-XXXXXX";
static int server = -1;
static unsigned calls;
static bool enough;

static bool note(void *arg, const struct ss_fetch *fetch)
{
	assert_string_equal(fetch->path, "/bin/x");
	assert_int_equal(fetch->bytes, 0);
	assert_int_equal(fetch->is_file, *(bool *)arg);
	calls++;
	return enough;
}

static int setup(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	char url[64];

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!mkdtemp(home) || bind(server, (struct sockaddr *)&address, len) < 0 ||
	    listen(server, 64) < 0 || getsockname(server, (struct sockaddr *)&address, &len) < 0)
		return -1;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", home, 1);
	setenv("no_proxy", "*", 1);
	return 0;
}

static int teardown(void **state)
{
	_cleanup_free_ char *line = NULL;

	(void)state;
	close(server);
	return asprintf(&line, "rm -r %s", home) < 0 ? -1 : system(line);
}

static struct fetcher *new_fetcher(bool *is_file)
{
	struct fetcher *fetcher;

	if (!dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL))
		skip();
	fetcher = fetcher_new(note, is_file);
	assert_non_null(fetcher);
	calls = 0;
	enough = false;
	return fetcher;
}

/*
 * How long a question takes that gets no answer. Each is a new one: the client takes one that was
 * given up for answered, for a while (cache_miss_s).
 */
static uint64_t ask_ns(struct fetcher *fetcher, bool is_file)
{
	static unsigned char id[20];
	uint64_t began_ns = clock_mono_ns();
	int (*find)(struct fetcher *, const unsigned char *, size_t, const char *) =
		is_file ? fetcher_find_file : fetcher_find;

	id[0]++;
	assert_int_equal(find(fetcher, id, sizeof(id), "/bin/x"), -1);
	return clock_mono_ns() - began_ns;
}

/* Its own limit would be 90 s. After a file that took all of its time, no other is waited for. */
static void test_limit_of_a_file(void **state)
{
	bool is_file = false;
	struct fetcher *fetcher = new_fetcher(&is_file);
	unsigned first;

	(void)state;
	fetcher_limit(fetcher, 1500 * NS_PER_MS, 60 * NS_PER_SEC);
	assert_in_range(ask_ns(fetcher, false), 1500 * NS_PER_MS, 30 * NS_PER_SEC);
	first = calls;
	assert_true(first > 0);
	assert_in_range(ask_ns(fetcher, false), 0, 30 * NS_PER_SEC);
	assert_true(calls <= first + 1);
	fetcher_free(fetcher);
}

static void test_limit_of_all(void **state)
{
	bool is_file = true;
	struct fetcher *fetcher = new_fetcher(&is_file);

	(void)state;
	fetcher_limit(fetcher, 60 * NS_PER_SEC, 1500 * NS_PER_MS);
	assert_in_range(ask_ns(fetcher, true), 1500 * NS_PER_MS, 30 * NS_PER_SEC);
	fetcher_free(fetcher);
}

static void test_given_up(void **state)
{
	bool is_file = false;
	struct fetcher *fetcher = new_fetcher(&is_file);

	(void)state;
	enough = true;
	assert_in_range(ask_ns(fetcher, false), 0, 30 * NS_PER_SEC);
	assert_int_equal(calls, 1);
	fetcher_free(fetcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit_of_a_file),
		cmocka_unit_test(test_limit_of_all),
		cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
