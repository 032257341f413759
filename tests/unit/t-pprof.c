/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-pprof.c: the binary profile, unpacked again, against what its readers demand: dense ids, an
 * empty first string, all flags of a mapping or none, exact addresses, inlined functions in order.
 */
#include "write/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sample-profile.h"
#include "write/profile.pb-c.h"

static Pprof__Profile *unpack(const char *data, size_t len)
{
	enum { ROOM = 1 << 20 };
	uint8_t *raw = malloc(ROOM);
	z_stream z = {
		.next_in = (Bytef *)data, .avail_in = (uInt)len, .next_out = raw, .avail_out = ROOM
	};
	Pprof__Profile *profile;

	assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	profile = pprof__profile__unpack(NULL, z.total_out, raw);
	inflateEnd(&z);
	free(raw);
	assert_non_null(profile);
	return profile;
}

static Pprof__Profile *profile_of(const struct write_options *options, size_t processes)
{
	struct ss_snapshot *a = sample_new(SAMPLE_PID), *b = sample_new(77);
	const struct ss_snapshot *const both[] = { a, b };
	size_t len;
	char *data = sample_write(&writer_pprof, both, processes, options, &len);
	Pprof__Profile *profile = unpack(data, len);

	free(data);
	sample_free(a);
	sample_free(b);
	return profile;
}

static void profile_free(Pprof__Profile *profile)
{
	pprof__profile__free_unpacked(profile, NULL);
}

static const char *text_of(const Pprof__Profile *profile, int64_t i)
{
	assert_in_range(i, 0, profile->n_string_table - 1);
	return profile->string_table[i];
}

static const Pprof__Label *label_of(const Pprof__Profile *profile, size_t sample, const char *key)
{
	const Pprof__Sample *s = profile->sample[sample];

	for (size_t i = 0; i < s->n_label; i++)
		if (strcmp(text_of(profile, s->label[i]->key), key) == 0)
			return s->label[i];
	return NULL;
}

static const char *label_text_of(const Pprof__Profile *profile, size_t sample, const char *key)
{
	const Pprof__Label *label = label_of(profile, sample, key);

	return label ? text_of(profile, label->str) : NULL;
}

static const Pprof__Location *location_of(const Pprof__Profile *profile, size_t sample,
					  size_t frame)
{
	return profile->location[profile->sample[sample]->location_id[frame] - 1];
}

static const char *name_of(const Pprof__Profile *profile, const Pprof__Location *location, size_t i)
{
	return text_of(profile, profile->function[location->line[i]->function_id - 1]->name);
}

static void test_head(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_string_equal(p->string_table[0], "");
	assert_int_equal(p->n_sample_type, 1);
	assert_string_equal(text_of(p, p->sample_type[0]->type), "thread");
	assert_string_equal(text_of(p, p->sample_type[0]->unit), "count");
	assert_string_equal(text_of(p, p->period_type->type), "thread");
	assert_int_equal(p->period, 1);
	assert_int_equal(p->time_nanos, 1700000000123456789);
	assert_int_equal(p->duration_nanos, 0);
	profile_free(p);
}

static void test_ids_are_dense(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 2);

	(void)state;
	for (size_t i = 0; i < p->n_mapping; i++)
		assert_int_equal(p->mapping[i]->id, i + 1);
	for (size_t i = 0; i < p->n_function; i++)
		assert_int_equal(p->function[i]->id, i + 1);
	for (size_t i = 0; i < p->n_location; i++) {
		assert_int_equal(p->location[i]->id, i + 1);
		assert_in_range(p->location[i]->mapping_id, 0, p->n_mapping);
	}
	profile_free(p);
}

static void test_mappings(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);
	const Pprof__Mapping *main_map = p->mapping[0], *nameless = p->mapping[2];

	(void)state;
	assert_int_equal(p->n_mapping, 3);
	assert_string_equal(text_of(p, main_map->filename), "/usr/bin/demo");
	assert_string_equal(text_of(p, main_map->build_id), "0123456789abcdef");
	assert_int_equal(main_map->memory_start, 0x401000);
	assert_int_equal(main_map->memory_limit, 0x40a000);
	assert_int_equal(main_map->file_offset, 0x1000);
	assert_true(main_map->has_functions && main_map->has_filenames &&
		    main_map->has_line_numbers && main_map->has_inline_frames);
	assert_false(nameless->has_functions || nameless->has_filenames ||
		     nameless->has_line_numbers || nameless->has_inline_frames);
	profile_free(p);
}

static void test_every_thread_with_a_stack_is_a_sample(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_int_equal(p->n_sample, 5);
	for (size_t i = 0; i < p->n_sample; i++) {
		assert_int_equal(p->sample[i]->n_value, 1);
		assert_int_equal(p->sample[i]->value[0], 1);
	}
	profile_free(p);
}

/* Return addresses less one; interrupted instructions as they are. */
static void test_addresses(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_int_equal(location_of(p, 0, 0)->address, 0x7f0000090122);
	assert_int_equal(location_of(p, 1, 0)->address, 0x401500);
	assert_int_equal(location_of(p, 4, 3)->address, 0x1f);
	profile_free(p);
}

static void test_inlined_lines_come_innermost_first(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);
	const Pprof__Location *at = location_of(p, 0, 1);

	(void)state;
	assert_int_equal(at->n_line, 2);
	assert_string_equal(name_of(p, at, 0), "std::map<int, char>::at");
	assert_string_equal(name_of(p, at, 1), "main");
	assert_int_equal(at->line[0]->line, 552);
	profile_free(p);
}

/* pprof knows one file a function: lines of another file need a function of their own. */
static void test_a_line_belongs_to_its_file(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);
	const Pprof__Line *a = location_of(p, 0, 1)->line[0], *b = location_of(p, 2, 1)->line[0];
	const Pprof__Function *fa = p->function[a->function_id - 1];
	const Pprof__Function *fb = p->function[b->function_id - 1];

	(void)state;
	assert_int_equal(fa->name, fb->name);
	assert_int_equal(fa->system_name, fb->system_name);
	assert_string_equal(text_of(p, fa->filename), "/usr/include/c++/12/bits/stl_map.h");
	assert_string_equal(text_of(p, fb->filename), "/usr/include/c++/12/bits/stl_tree.h");
	profile_free(p);
}

static void test_nameless_and_jit_locations(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_int_equal(location_of(p, 4, 0)->mapping_id, 3);
	assert_int_equal(location_of(p, 4, 0)->n_line, 0);
	assert_int_equal(location_of(p, 4, 1)->mapping_id, 0);
	assert_int_equal(location_of(p, 4, 1)->n_line, 1);
	assert_int_equal(location_of(p, 4, 2)->n_line, 0);
	profile_free(p);
}

static void test_locations_are_shared(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_int_equal(p->sample[2]->location_id[0], p->sample[3]->location_id[0]);
	assert_int_equal(p->sample[1]->location_id[3], p->sample[2]->location_id[2]);
	profile_free(p);
}

static void test_labels(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_string_equal(label_text_of(p, 0, "thread"), "main\\x1b[2J\\xff");
	assert_string_equal(label_text_of(p, 0, "state"), "blocked");
	assert_string_equal(label_text_of(p, 0, "wait"), "join");
	assert_int_equal(label_of(p, 0, "tid")->num, 3671);
	assert_int_equal(label_of(p, 0, "tid")->str, 0);
	assert_null(label_of(p, 1, "wait"));
	assert_null(label_of(p, 0, "pid"));
	assert_null(label_of(p, 2, "lock"));
	assert_null(label_of(p, 4, "fd"));
	profile_free(p);
}

static void test_volatile_labels(void **state)
{
	struct write_options options = { .all_labels = true };
	Pprof__Profile *p = profile_of(&options, 1);

	(void)state;
	assert_string_equal(label_text_of(p, 2, "lock"), "0x560a7b5d90c0");
	assert_string_equal(label_text_of(p, 4, "fd"), "anon_inode:[eventpoll]\\x0a");
	assert_null(label_of(p, 4, "lock"));
	profile_free(p);
}

static void test_several_processes(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 2);

	(void)state;
	assert_int_equal(p->n_sample, 10);
	assert_int_equal(label_of(p, 0, "pid")->num, SAMPLE_PID);
	assert_int_equal(label_of(p, 5, "pid")->num, 77);
	profile_free(p);
}

static void test_comments_are_the_coverage(void **state)
{
	Pprof__Profile *p = profile_of(NULL, 1);

	(void)state;
	assert_int_equal(p->n_comment, 6);
	assert_string_equal(text_of(p, p->comment[0]), "stacksnap 0-test, process 3671 \"demo\"");
	assert_string_equal(
		text_of(p, p->comment[1]),
		"threads: 6 seen, 5 with a stack, 1 exited while it was read; 1 stopped or frozen");
	profile_free(p);
}

static void test_frame_limit(void **state)
{
	struct write_options options = { .max_frames = 1 };
	Pprof__Profile *p = profile_of(&options, 1);

	(void)state;
	for (size_t i = 0; i < p->n_sample; i++)
		assert_int_equal(p->sample[i]->n_location_id, 1);
	profile_free(p);
}

static void test_equal_snapshots_are_equal_files(void **state)
{
	size_t a_len, b_len;
	char *a = sample_write_one(&writer_pprof, NULL, &a_len);
	char *b = sample_write_one(&writer_pprof, NULL, &b_len);

	(void)state;
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
	assert_memory_equal(a + 4, "\0\0\0\0", 4); /* the time in the gzip header */
	free(a);
	free(b);
}

/* ---- profiles over time ---- */

static Pprof__Profile *capture_of(enum profile_kind kind)
{
	size_t len;
	char *data = sample_profile_write_one(&writer_pprof, kind, NULL, &len);
	Pprof__Profile *profile = unpack(data, len);

	free(data);
	return profile;
}

static void assert_type(const Pprof__Profile *p, const Pprof__ValueType *t, const char *type,
			const char *unit)
{
	assert_string_equal(text_of(p, t->type), type);
	assert_string_equal(text_of(p, t->unit), unit);
}

static void test_block_profile(void **state)
{
	Pprof__Profile *p = capture_of(PROFILE_BLOCK);

	(void)state;
	assert_int_equal(p->n_sample_type, 2);
	assert_type(p, p->sample_type[0], "contentions", "count");
	assert_type(p, p->sample_type[1], "delay", "nanoseconds");
	assert_type(p, p->period_type, "contentions", "count");
	assert_int_equal(p->period, 1);
	assert_int_equal(p->time_nanos, 1700000000123456789);
	assert_int_equal(p->duration_nanos, 10000000000);
	assert_int_equal(p->n_sample, 6);
	assert_int_equal(p->sample[0]->value[0], 3);
	assert_int_equal(p->sample[0]->value[1], 9900000000);
	profile_free(p);
}

static void test_cpu_profile(void **state)
{
	Pprof__Profile *p = capture_of(PROFILE_CPU);

	(void)state;
	assert_type(p, p->sample_type[0], "samples", "count");
	assert_type(p, p->sample_type[1], "cpu", "nanoseconds");
	assert_type(p, p->period_type, "cpu", "nanoseconds");
	assert_int_equal(p->period, 10101010);
	assert_int_equal(p->n_sample, 3);
	profile_free(p);
}

static void test_wall_profile(void **state)
{
	static const char *const types[] = { "samples", "oncpu", "runnable", "blocked", "wall" };
	Pprof__Profile *p = capture_of(PROFILE_WALL);

	(void)state;
	assert_int_equal(p->n_sample_type, ARRAY_SIZE(types));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		assert_type(p, p->sample_type[i], types[i], i ? "nanoseconds" : "count");
	assert_type(p, p->period_type, "wall", "nanoseconds");
	for (size_t i = 0; i < p->n_sample; i++)
		assert_int_equal(p->sample[i]->value[1] + p->sample[i]->value[2] +
					 p->sample[i]->value[3],
				 p->sample[i]->value[4]);
	profile_free(p);
}

static void test_labels_of_accounts(void **state)
{
	Pprof__Profile *p = capture_of(PROFILE_BLOCK);

	(void)state;
	assert_string_equal(label_text_of(p, 1, "thread"), "worker");
	assert_string_equal(label_text_of(p, 1, "state"), "blocked");
	assert_string_equal(label_text_of(p, 1, "wait"), "mutex");
	assert_int_equal(label_of(p, 1, "tid")->num, 3674);
	assert_string_equal(label_text_of(p, 5, "wait"), "syscall wait4");
	assert_null(label_of(p, 2, "wait")); /* short waits: many kinds */
	assert_null(label_of(p, 1, "pid"));
	profile_free(p);
}

static void test_comments_tell_both_totals(void **state)
{
	Pprof__Profile *p = capture_of(PROFILE_BLOCK);

	(void)state;
	assert_string_equal(text_of(p, p->comment[2]),
			    "blocked: 33.2 s (threads: 6), of it idle: 10.0 s (threads: 1), "
			    "counted here; --no-idle leaves it out");
	profile_free(p);
}

static void test_comments_tell_counted_samples(void **state)
{
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, PROFILE_CPU, false);
	const struct ss_profile *const profiles[] = { profile };
	Pprof__Profile *p;
	size_t len;
	char *data;

	(void)state;
	profile->counted_samples = true;
	data = sample_profile_write(&writer_pprof, profiles, 1, NULL, &len);
	p = unpack(data, len);
	assert_non_null(strstr(text_of(p, p->comment[1]),
			       "without schedstat: times are samples times the period"));
	profile_free(p);
	free(data);
	sample_profile_free(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_ids_are_dense),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_every_thread_with_a_stack_is_a_sample),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_inlined_lines_come_innermost_first),
		cmocka_unit_test(test_a_line_belongs_to_its_file),
		cmocka_unit_test(test_nameless_and_jit_locations),
		cmocka_unit_test(test_locations_are_shared),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_volatile_labels),
		cmocka_unit_test(test_several_processes),
		cmocka_unit_test(test_comments_are_the_coverage),
		cmocka_unit_test(test_frame_limit),
		cmocka_unit_test(test_equal_snapshots_are_equal_files),
		cmocka_unit_test(test_block_profile),
		cmocka_unit_test(test_cpu_profile),
		cmocka_unit_test(test_wall_profile),
		cmocka_unit_test(test_labels_of_accounts),
		cmocka_unit_test(test_comments_tell_both_totals),
		cmocka_unit_test(test_comments_tell_counted_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
