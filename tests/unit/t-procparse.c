/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-procparse.c: texts of /proc as kernels write them, and as hostile processes make them look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "target/procparse.h"

/* ---- stat ---- */

#define STAT_REST                                                                             \
	" S 6495 6495 4134 0 -1 4194304 103 0 0 0 0 0 0 0 20 0 1 0 169780 2998272 414 "       \
	"18446744073709551615 94503853375488 94503853399593 140729894005392 0 0 0 0 0 0 0 0 " \
	"0 17 3 0 0 0 0 0 94503853415440 94503853417056 94504184754176 0 0 0 0 0\n"

static void test_stat(void **state)
{
	struct proc_stat stat;

	(void)state;
	assert_int_equal(procparse_stat("6506 (head)" STAT_REST, &stat), 0);
	assert_int_equal(stat.pid, 6506);
	assert_string_equal(stat.comm, "head");
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.ppid, 6495);
	assert_int_equal(stat.flags, 4194304);
	assert_int_equal(stat.start_time, 169780);
	assert_int_equal(stat.start_stack, 140729894005392);
	assert_int_equal(stat.cpu, 3);
}

static void test_stat_name_with_parenthesis_and_newline(void **state)
{
	struct proc_stat stat;

	(void)state;
	assert_int_equal(procparse_stat("7 (a) R 1 (\n)" STAT_REST, &stat), 0);
	assert_string_equal(stat.comm, "a) R 1 (\n");
	assert_int_equal(stat.state, 'S');
}

static void test_stat_long_name_is_cut(void **state)
{
	char text[1024];
	struct proc_stat stat;

	(void)state;
	snprintf(text, sizeof(text), "7 (%0100d)" STAT_REST, 0);
	assert_int_equal(procparse_stat(text, &stat), 0);
	assert_int_equal(strlen(stat.comm), sizeof(stat.comm) - 1);
}

/* Fields from the tenth on. */
#define STAT_TAIL " 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"

static void test_stat_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"7",
		"7 (",
		"7 (x)",
		"7 (x) ",
		"7 (x) S",
		"7 (x) S 1 2 3",
		"x (x)" STAT_REST,
		"99999999999 (x)" STAT_REST,
		("7 (x) S 1 2 3 4 5 99999999999999999999999999999" STAT_TAIL),
	};
	struct proc_stat stat = { .pid = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(procparse_stat(bad[i], &stat), -EINVAL);
	assert_int_equal(stat.pid, 42);
	assert_int_equal(procparse_stat("7 (x) S 1 2 3 4 5 9" STAT_TAIL, &stat), 0);
}

/* ---- schedstat, syscall, sched ---- */

static void test_schedstat(void **state)
{
	struct look look = { 0 };

	(void)state;
	assert_int_equal(procparse_schedstat("12345 52187 7\n", &look), 0);
	assert_true(look.sched_known);
	assert_int_equal(look.on_cpu_ns, 12345);
	assert_int_equal(look.run_queue_ns, 52187);
	assert_int_equal(look.pcount, 7);
	assert_int_equal(procparse_schedstat("0 0 0\n", &look), 0);
	assert_false(look.sched_known);
	assert_int_equal(procparse_schedstat("1 2\n", &look), -EINVAL);
	assert_int_equal(procparse_schedstat("1 2 -3\n", &look), -EINVAL);
	assert_int_equal(procparse_schedstat("1 2 3 4\n", &look), -EINVAL);
}

static void test_syscall_number(void **state)
{
	struct look look = { 0 };

	(void)state;
	assert_int_equal(procparse_syscall("202 0x7f01 0x89 0x0 0x10 0x0 0xffffffffffffffff "
					   "0x7ffc9175dbb8 0x7ff70610c2ad\n",
					   &look),
			 0);
	assert_int_equal(look.call, CALL_NUMBER);
	assert_int_equal(look.nr, 202);
	assert_int_equal(look.args[0], 0x7f01);
	assert_int_equal(look.args[5], UINT64_MAX);
	assert_int_equal(look.sp, 0x7ffc9175dbb8);
	assert_int_equal(look.pc, 0x7ff70610c2ad);
}

static void test_syscall_none_and_running(void **state)
{
	struct look look = { 0 };

	(void)state;
	assert_int_equal(procparse_syscall("-1 0x7ffc9175dbb8 0x7ff7\n", &look), 0);
	assert_int_equal(look.call, CALL_NONE);
	assert_int_equal(look.nr, -1);
	assert_int_equal(look.pc, 0x7ff7);
	assert_int_equal(procparse_syscall("running\n", &look), 0);
	assert_int_equal(look.call, CALL_RUNNING);
}

static void test_syscall_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"runnin",
		"running!",
		"-1 0x1\n",
		"-1 0x1 0x2 0x3\n",
		"0 0x1 0x2 0x3\n",
		"1 1 2 3 4 5 6 7 8\n",
		"-1 0x 0x2\n",
		"-1 0x11112222333344445 0x2\n",
		"- 0x1 0x2\n",
	};
	struct look look = { .call = CALL_UNREADABLE };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(procparse_syscall(bad[i], &look), -EINVAL);
	assert_int_equal(look.call, CALL_UNREADABLE);
}

static void test_exec_start(void **state)
{
	uint64_t ns = 0;

	(void)state;
	assert_int_equal(procparse_exec_start(
				 "cat (6511, #threads: 1)\n------------\n"
				 "se.exec_start                        :       1697734.953650\n"
				 "se.vruntime                          :           135.824315\n",
				 &ns),
			 0);
	assert_int_equal(ns, 1697734953650);
}

static void test_exec_start_name_cannot_fake_it(void **state)
{
	uint64_t ns = 0;

	(void)state;
	assert_int_equal(procparse_exec_start("\nse.exec_start: (6511, #threads: 1)\n-----\n"
					      "se.exec_start    :  7.000001\n",
					      &ns),
			 0);
	assert_int_equal(ns, 7000001);
	assert_int_equal(procparse_exec_start("se.exec_start : -7.000001\n", &ns), -EINVAL);
	assert_int_equal(procparse_exec_start("se.exec_start : 7.01\n", &ns), -EINVAL);
	assert_int_equal(procparse_exec_start("se.exec_start", &ns), -EINVAL);
	assert_int_equal(procparse_exec_start("", &ns), -EINVAL);
}

static void test_status(void **state)
{
	static const char outside[] = "Name:\tx\nState:\tS (sleeping)\nTgid:\t12\nPPid:\t1\n"
				      "NSpid:\t12\n";
	static const char inside[] = "Name:\tState:\nState:\tZ (zombie)\nTgid:\t4000\n"
				     "PPid:\t3999\nNSpid:\t4001\t12\t2\nNSpgid:\t7\n";
	static const char *const bad[] = {
		"",
		"State:\tS\nTgid:\t1\nPPid:\t1\nNSpid:\t\n",
		"State:\tS\nTgid:\t1\nPPid:\t1\nNSpid:\t1 x\n",
		"State:\tS\nTgid:\t1\nPPid:\t1\nNSpid:\t99999999999\n",
		"State:\tS\nTgid:\t1\nPPid:\t1\n",
		"State:\tS\nPPid:\t1\nNSpid:\t1\n",
		"Tgid:\t1\nPPid:\t1\nNSpid:\t1\n",
	};
	struct proc_status status;

	(void)state;
	assert_int_equal(procparse_status(outside, &status), 0);
	assert_int_equal(status.state, 'S');
	assert_int_equal(status.tgid, 12);
	assert_int_equal(status.ppid, 1);
	assert_int_equal(status.inner_tid, 12);
	assert_int_equal(status.levels, 1);
	assert_int_equal(procparse_status(inside, &status), 0);
	assert_int_equal(status.state, 'Z');
	assert_int_equal(status.tgid, 4000);
	assert_int_equal(status.inner_tid, 2);
	assert_int_equal(status.levels, 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(procparse_status(bad[i], &status), -EINVAL);
}

static void test_status_number(void **state)
{
	static const char status[] = "Name:\tx\nTgid:\t12\nUid:\t1000\t1001\nCapEff:\t000001ff\n";
	uint64_t value = 0;

	(void)state;
	assert_int_equal(procparse_status_number(status, "Tgid", 10, &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(procparse_status_number(status, "Uid", 10, &value), 0);
	assert_int_equal(value, 1000);
	assert_int_equal(procparse_status_number(status, "CapEff", 16, &value), 0);
	assert_int_equal(value, 0x1ff);
	assert_int_equal(procparse_status_number(status, "Tg", 10, &value), -EINVAL);
	assert_int_equal(procparse_status_number(status, "Name", 10, &value), -EINVAL);
	assert_int_equal(procparse_status_number("", "Tgid", 10, &value), -EINVAL);
}

/* ---- maps lines ---- */

static int parse_line(const char *line, struct map *map, struct buf *paths)
{
	buf_reset(paths);
	return procparse_maps_line(line, strlen(line), map, paths);
}

static void test_maps_line(void **state)
{
	struct buf paths = { 0 };
	struct map map;

	(void)state;
	assert_int_equal(parse_line("5603df35c000-5603df362000 r-xp 00002000 fe:00 247498      "
				    "               /usr/bin/head",
				    &map, &paths),
			 0);
	assert_int_equal(map.start, 0x5603df35c000);
	assert_int_equal(map.end, 0x5603df362000);
	assert_int_equal(map.perm, MAP_PERM_R | MAP_PERM_X);
	assert_int_equal(map.offset, 0x2000);
	assert_int_equal(map.dev, makedev(0xfe, 0));
	assert_int_equal(map.inode, 247498);
	assert_false(map.deleted);
	assert_string_equal(paths.data + map.path, "/usr/bin/head");
	buf_done(&paths);
}

static void test_maps_line_paths(void **state)
{
	static const struct {
		const char *line, *path;
		bool deleted;
	} cases[] = {
		{ "1000-2000 rw-p 00000000 00:00 0 ", "", false },
		{ "1000-2000 rw-p 00000000 00:00 0", "", false },
		{ "1000-2000 rw-p 00000000 00:00 0    [stack]", "[stack]", false },
		{ "1000-2000 r-xp 00000000 08:01 9    /tmp/a b (deleted)", "/tmp/a b", true },
		{ "1000-2000 r-xp 00000000 08:01 9    /tmp/x\\012y", "/tmp/x\ny", false },
		{ "1000-2000 r-xp 00000000 08:01 9    /tmp/x\\101\\01", "/tmp/x\\101\\01", false },
		{ "1000-2000 r-xp 00000000 08:01 9    [x] (deleted)", "[x] (deleted)", false },
		{ "1000-2000 rw-s 00000000 00:01 9    /memfd:a (deleted)", "/memfd:a", true },
	};
	struct buf paths = { 0 };
	struct map map;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse_line(cases[i].line, &map, &paths), 0);
		assert_string_equal(paths.data + map.path, cases[i].path);
		assert_int_equal(map.deleted, cases[i].deleted);
	}
	buf_done(&paths);
}

static void test_maps_line_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"1000",
		"1000-",
		"2000-1000 r--p 0 0:0 0",
		"1000-1000 r--p 0 0:0 0",
		"1000-2000 r--q 0 0:0 0",
		"1000-2000 x--p 0 0:0 0",
		"1000-2000 r--p 0 0:0 0x",
		"1000-2000 r--p 0 100000000:0 0",
		"1000-10000000000000000 r--p 0 0:0 0",
	};
	struct buf paths = { 0 };
	struct map map = { .start = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_line(bad[i], &map, &paths), -EINVAL);
	assert_int_equal(map.start, 42);
	assert_int_equal(paths.len, 0);
	buf_done(&paths);
}

/* ---- sockets ---- */

static void test_inet_line(void **state)
{
	uint64_t inode = 0;
	char text[160];

	(void)state;
	assert_int_equal(
		procparse_inet_line("   0: 00000000:07E8 00000000:0000 0A 00000000:00000000"
				    " 00:00000000 00000000     0        0 1147 1 0000 100",
				    false, &inode, text, sizeof(text)),
		0);
	assert_int_equal(inode, 1147);
	assert_string_equal(text, "0.0.0.0:2024");
	assert_int_equal(
		procparse_inet_line("  12: 0100007F:18EB 0200000A:C4EC 01 00000000:00000000"
				    " 00:00000000 00000000  1000        0 77 1 0000",
				    false, &inode, text, sizeof(text)),
		0);
	assert_string_equal(text, "127.0.0.1:6379 -> 10.0.0.2:50412");
}

static void test_inet_line_ipv6(void **state)
{
	uint64_t inode = 0;
	char text[160];

	(void)state;
	assert_int_equal(procparse_inet_line("   0: 00000000000000000000000001000000:0050 "
					     "0000000000000000FFFF00000200000A:0009 01 0:0 00:0 0 "
					     "0 0 5",
					     true, &inode, text, sizeof(text)),
			 0);
	assert_int_equal(inode, 5);
	assert_string_equal(text, "[::1]:80 -> [::ffff:10.0.0.2]:9");
}

static void test_inet_line_refuses(void **state)
{
	static const char *const bad[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
		"",
		"0:",
		"0: 0100007F",
		"0: 0100007F:",
		"0: 0100007F:12345 0100007F:1 01 0 0 0 0 0 5",
		"0: 0100007:1 0100007F:1 01 0 0 0 0 0 5",
		"0: 0100007F:1 0100007F:1 01 0 0 0 0\n0 5",
	};
	uint64_t inode = 42;
	char text[160];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(procparse_inet_line(bad[i], false, &inode, text, sizeof(text)),
				 -EINVAL);
	assert_int_equal(inode, 42);
}

static void test_unix_line(void **state)
{
	uint64_t inode = 0;
	const char *path;

	(void)state;
	assert_int_equal(procparse_unix_line("00000000adc79849: 00000003 00000000 00000000 0001 03 "
					     " 1144",
					     &inode, &path),
			 0);
	assert_int_equal(inode, 1144);
	assert_string_equal(path, "");
	assert_int_equal(procparse_unix_line("0000: 00000002 00000000 00010000 0001 01 17 /run/a b",
					     &inode, &path),
			 0);
	assert_string_equal(path, "/run/a b");
	assert_int_equal(procparse_unix_line("0000: 2 0 0 1 1 17 @x@", &inode, &path), 0);
	assert_string_equal(path, "@x@");
	assert_int_equal(procparse_unix_line("Num       RefCount Protocol Flags Type St Inode Path",
					     &inode, &path),
			 -EINVAL);
	assert_int_equal(procparse_unix_line("0000: 2 0 0 1 1", &inode, &path), -EINVAL);
}

static void test_unix_type(void **state)
{
	bool listens = true;
	int type = 0;

	(void)state;
	assert_int_equal(procparse_unix_type("00000000adc79849: 00000003 00000000 00000000 0001 03 "
					     " 1144",
					     &type, &listens),
			 0);
	assert_int_equal(type, 1);
	assert_false(listens);
	assert_int_equal(procparse_unix_type("0000: 00000002 00000000 00010000 0005 01 17 /run/a b",
					     &type, &listens),
			 0);
	assert_int_equal(type, 5);
	assert_true(listens);
	assert_int_equal(procparse_unix_type("Num       RefCount Protocol Flags Type St Inode Path",
					     &type, &listens),
			 -EINVAL);
}

static void test_inet_ends(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };
	struct inet_ends v4, v6;
	uint64_t inode = 0;

	(void)state;
	assert_int_equal(procparse_inet_ends("0: 0100007F:0050 0200000A:0009 01 0:0 00:0 0 0 0 6",
					     false, &inode, &v4),
			 0);
	assert_int_equal(inode, 6);
	assert_int_equal(v4.local.port, 80);
	assert_memory_equal(v4.remote.address, mapped, 16);
	assert_int_equal(procparse_inet_ends("   0: 00000000000000000000000001000000:0050 "
					     "0000000000000000FFFF00000200000A:0009 01 0:0 00:0 0 "
					     "0 0 5",
					     true, &inode, &v6),
			 0);
	assert_memory_equal(&v6.remote, &v4.remote, sizeof(v4.remote));
	assert_int_equal(procparse_inet_ends("0: 0100007F:", false, &inode, &v4), -EINVAL);
	assert_int_equal(inode, 5);
}

/* ---- file locks ---- */

static void assert_lock(const char *line, unsigned wait, enum proc_lock_kind kind, bool write,
			pid_t pid, uint64_t start, uint64_t end)
{
	struct proc_lock lock;

	assert_int_equal(procparse_lock(line, &lock), 0);
	assert_int_equal(lock.id, 2);
	assert_int_equal(lock.wait, wait);
	assert_int_equal(lock.kind, kind);
	assert_int_equal(lock.write, write);
	assert_int_equal(lock.pid, pid);
	assert_int_equal(lock.start, start);
	assert_int_equal(lock.end, end);
}

static void test_lock(void **state)
{
	struct proc_lock lock;

	(void)state;
	assert_lock("2: POSIX  ADVISORY  WRITE 13369 fe:00:10952831 5 14\n", 0, LOCK_POSIX, true,
		    13369, 5, 14);
	assert_lock("2: -> POSIX  ADVISORY  READ 13412 fe:00:10952831 5 14", 1, LOCK_POSIX, false,
		    13412, 5, 14);
	assert_lock("2:   -> FLOCK  ADVISORY  WRITE 13 fe:00:1 0 EOF", 3, LOCK_FLOCK, true, 13, 0,
		    UINT64_MAX);
	assert_lock("2: OFDLCK ADVISORY  WRITE -1 fe:00:10952831 100 109", 0, LOCK_OFD, true, -1,
		    100, 109);
	assert_lock("2: LEASE  BREAKING  READ 13369 fe:00:10953808 0 EOF", 0, LOCK_LEASE, false,
		    13369, 0, UINT64_MAX);
	assert_lock("2: -> LEASE  BREAKER   READ 13415 <none>:0 0 EOF", 1, LOCK_LEASE, false, 13415,
		    0, UINT64_MAX);
	assert_int_equal(procparse_lock("1: FLOCK  ADVISORY  WRITE 7 fe:0a:9 0 EOF", &lock), 0);
	assert_int_equal(lock.dev, makedev(0xfe, 0x0a));
	assert_int_equal(lock.inode, 9);
}

static void test_lock_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"2",
		"2:",
		"2: ->",
		"2: ACCESS ADVISORY  WRITE 7 fe:00:9 0 EOF",
		"2: POSIX  ADVISORY  WRITE 7 fe:00:9 0",
		"2: POSIX  ADVISORY  WRITE 7 fe:00 0 EOF",
		"2: POSIX  ADVISORY  WRITE 99999999999 fe:00:9 0 EOF",
		"2: POSIX  ADVISORY  7 fe:00:9 0 EOF",
		"2: POSIX  ADVISORY  WRITE 7 fe:00:9 0 EOF 1",
	};
	struct proc_lock lock = { .pid = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(procparse_lock(bad[i], &lock), -EINVAL);
	assert_int_equal(lock.pid, 42);
}

static void test_cpu_steal(void **state)
{
	static const char stat[] = "cpu  3641 0 3261 330875 978 0 77 25 0 0\n"
				   "cpu0 1296 0 1182 166937 38 0 7 8 0 0\n"
				   "cpu11 2344 0 2079 163937 940 0 69 16 0 0\nintr 1 2 3\n";
	uint64_t ticks = 0;

	(void)state;
	assert_int_equal(procparse_cpu_steal(stat, 0, &ticks), 0);
	assert_int_equal(ticks, 8);
	assert_int_equal(procparse_cpu_steal(stat, 11, &ticks), 0);
	assert_int_equal(ticks, 16);
	assert_int_equal(procparse_cpu_steal(stat, 1, &ticks), -ENOENT);
	assert_int_equal(procparse_cpu_steal(stat, -1, &ticks), -ENOENT);
	assert_int_equal(procparse_cpu_steal("cpu0 1 2 3", 0, &ticks), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_name_with_parenthesis_and_newline),
		cmocka_unit_test(test_stat_long_name_is_cut),
		cmocka_unit_test(test_stat_refuses),
		cmocka_unit_test(test_schedstat),
		cmocka_unit_test(test_syscall_number),
		cmocka_unit_test(test_syscall_none_and_running),
		cmocka_unit_test(test_syscall_refuses),
		cmocka_unit_test(test_exec_start),
		cmocka_unit_test(test_exec_start_name_cannot_fake_it),
		cmocka_unit_test(test_status_number),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_maps_line),
		cmocka_unit_test(test_maps_line_paths),
		cmocka_unit_test(test_maps_line_refuses),
		cmocka_unit_test(test_inet_line),
		cmocka_unit_test(test_inet_line_ipv6),
		cmocka_unit_test(test_inet_line_refuses),
		cmocka_unit_test(test_unix_line),
		cmocka_unit_test(test_unix_type),
		cmocka_unit_test(test_inet_ends),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_refuses),
		cmocka_unit_test(test_cpu_steal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
