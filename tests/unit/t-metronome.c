/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-metronome.c: when ticks are due, which are missed, and how far the jitter goes. The clock is
 * invented: the functions of the C library that the metronome calls are replaced here, so nothing
 * sleeps and every run is the same.
 */
#include "engine/metronome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

#define MS     NS_PER_MS
#define START  (7000 * MS)
#define PERIOD (10 * MS)

static uint64_t clock_ns;
static uint64_t slept_until_ns; /* what the latest sleep asked for */

uint64_t clock_mono_ns(void)
{
	return clock_ns;
}

/* Sleeping takes the clock there; a time that has passed is no sleep. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	assert_int_equal(flags, TIMER_ABSTIME);
	assert_in_range(t->tv_nsec, 0, NS_PER_SEC - 1);
	assert_null(left);
	slept_until_ns = (uint64_t)t->tv_sec * NS_PER_SEC + (uint64_t)t->tv_nsec;
	if (slept_until_ns > clock_ns)
		clock_ns = slept_until_ns;
	return 0;
}

static struct metronome start(double rate_hz)
{
	struct metronome metronome;

	clock_ns = START;
	metronome_init(&metronome, rate_hz);
	return metronome;
}

/* Waits for the next tick; where it was due, from the start on. */
static uint64_t tick(struct metronome *metronome, uint64_t end_ns)
{
	metronome_wait(metronome, end_ns);
	return slept_until_ns - START;
}

static void assert_near(uint64_t t, uint64_t due, uint64_t jitter)
{
	assert_in_range(t, due - jitter, due + jitter);
}

static void test_the_first_tick_is_now(void **state)
{
	struct metronome metronome = start(100);

	(void)state;
	assert_int_equal(metronome.period_ns, PERIOD);
	assert_int_equal(metronome.start_ns, START);
	assert_int_equal(tick(&metronome, 0), 0);
}

static void test_ticks_stand_on_a_line(void **state)
{
	struct metronome metronome = start(100);
	uint64_t earliest = PERIOD, latest = 0, t;

	(void)state;
	tick(&metronome, 0);
	for (uint64_t n = 1; n < 2000; n++) {
		t = tick(&metronome, 0);
		assert_near(t, n * PERIOD, PERIOD / 10);
		t = t + PERIOD - n * PERIOD;
		earliest = t < earliest ? t : earliest;
		latest = t > latest ? t : latest;
	}
	/* and the jitter is one: both ends of its range come, nearly */
	assert_true(earliest < PERIOD - PERIOD / 11);
	assert_true(latest > PERIOD + PERIOD / 11);
	assert_int_equal(metronome.missed, 0);
}

static void test_a_slow_look_moves_no_later_tick(void **state)
{
	struct metronome metronome = start(100);

	(void)state;
	tick(&metronome, 0);
	for (uint64_t n = 1; n < 100; n++) {
		clock_ns += 8 * MS;
		assert_near(tick(&metronome, 0), n * PERIOD, PERIOD / 10);
	}
	assert_int_equal(metronome.missed, 0);
}

static void test_what_cannot_be_kept_is_missed(void **state)
{
	struct metronome metronome = start(100);

	(void)state;
	tick(&metronome, 0);
	clock_ns = START + 35 * MS; /* 10 and 20 have passed; 30 is late, and made up for at once */
	assert_near(tick(&metronome, 0), 3 * PERIOD, PERIOD / 10);
	assert_int_equal(metronome.missed, 2);
	assert_int_equal(clock_ns, START + 35 * MS);
	assert_near(tick(&metronome, 0), 4 * PERIOD, PERIOD / 10);
	assert_int_equal(metronome.missed, 2);
}

static void test_the_end_cuts_a_sleep(void **state)
{
	struct metronome metronome = start(1);

	(void)state;
	tick(&metronome, START + 300 * MS);
	assert_int_equal(tick(&metronome, START + 300 * MS), 300 * MS);
	assert_int_equal(clock_ns, START + 300 * MS);
}

static void test_another_period(void **state)
{
	struct metronome metronome = start(100);
	uint64_t last = 5 * PERIOD;

	(void)state;
	for (unsigned n = 0; n <= 5; n++)
		tick(&metronome, 0);
	metronome_change(&metronome, 4 * PERIOD);
	for (unsigned n = 1; n < 10; n++)
		assert_near(tick(&metronome, 0), last + n * 4 * PERIOD, 4 * PERIOD / 10);
	last += 9 * 4 * PERIOD;
	metronome_change(&metronome, PERIOD);
	for (unsigned n = 1; n < 10; n++)
		assert_near(tick(&metronome, 0), last + n * PERIOD, PERIOD / 10);
	assert_int_equal(metronome.missed, 0);
	assert_int_equal(metronome.start_ns, START);
}

static void test_a_change_before_the_first_tick(void **state)
{
	struct metronome metronome = start(100);

	(void)state;
	metronome_change(&metronome, 3 * PERIOD);
	assert_int_equal(tick(&metronome, 0), 0);
	assert_near(tick(&metronome, 0), 3 * PERIOD, 3 * PERIOD / 10);
}

static void test_the_fastest_and_a_slow_one(void **state)
{
	struct metronome metronome = start(1000);

	(void)state;
	tick(&metronome, 0);
	assert_near(tick(&metronome, 0), MS, MS / 10);
	metronome = start(0.1);
	tick(&metronome, 0);
	assert_near(tick(&metronome, 0), 10 * NS_PER_SEC, NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_tick_is_now),
		cmocka_unit_test(test_ticks_stand_on_a_line),
		cmocka_unit_test(test_a_slow_look_moves_no_later_tick),
		cmocka_unit_test(test_what_cannot_be_kept_is_missed),
		cmocka_unit_test(test_the_end_cuts_a_sleep),
		cmocka_unit_test(test_another_period),
		cmocka_unit_test(test_a_change_before_the_first_tick),
		cmocka_unit_test(test_the_fastest_and_a_slow_one),
	};

	return cmocka_run_group_tests_name("metronome", tests, NULL, NULL);
}
