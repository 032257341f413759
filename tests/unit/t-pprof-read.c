/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-pprof-read.c: bytes of pprof files. A small good profile is packed by protobuf-c; each test
 * makes one thing of it wrong and expects to be told which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "file/pprof-read.h"
#include "write/profile.pb-c.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- one good profile: a sample work <- [inlined in] main, and one in a file without names ---- */

static const char *const strings[] = { "",       "cpu",  "nanoseconds", "samples", "count",
				       "work",   "main", "main.c",      "/bin/x",  "ab12",
				       "thread", "one",  "tid",         "remark" };

static struct parts {
	Pprof__Profile profile;
	Pprof__ValueType types[2], period_type;
	Pprof__Mapping mapping;
	Pprof__Function functions[2];
	Pprof__Line lines[2];
	Pprof__Location locations[2];
	Pprof__Label labels[2];
	Pprof__Sample samples[2];
	uint64_t stacks[2][2];
	int64_t values[2][2];
	int64_t comment;
	Pprof__ValueType *type_list[2];
	Pprof__Mapping *mapping_list[1];
	Pprof__Function *function_list[2];
	Pprof__Line *line_list[2];
	Pprof__Location *location_list[2];
	Pprof__Label *label_list[2];
	Pprof__Sample *sample_list[2];
} p;

static struct ss_error err;

/* List and number of it. */
#define SET_LIST(message, field, list)             \
	do {                                       \
		(message).field = (list);          \
		(message).n_##field = COUNT(list); \
	} while (0)

static void init_messages(void)
{
	pprof__profile__init(&p.profile);
	pprof__mapping__init(&p.mapping);
	pprof__value_type__init(&p.period_type);
	p.mapping_list[0] = &p.mapping;
	for (size_t i = 0; i < 2; i++) {
		pprof__value_type__init(p.type_list[i] = &p.types[i]);
		pprof__function__init(p.function_list[i] = &p.functions[i]);
		pprof__line__init(p.line_list[i] = &p.lines[i]);
		pprof__location__init(p.location_list[i] = &p.locations[i]);
		pprof__label__init(p.label_list[i] = &p.labels[i]);
		pprof__sample__init(p.sample_list[i] = &p.samples[i]);
	}
}

static void init_lists(void)
{
	SET_LIST(p.profile, sample_type, p.type_list);
	SET_LIST(p.profile, mapping, p.mapping_list);
	SET_LIST(p.profile, function, p.function_list);
	SET_LIST(p.profile, location, p.location_list);
	SET_LIST(p.profile, sample, p.sample_list);
	SET_LIST(p.locations[0], line, p.line_list);
	SET_LIST(p.samples[0], label, p.label_list);
	p.profile.string_table = (char **)(uintptr_t)strings;
	p.profile.n_string_table = COUNT(strings);
	p.profile.period_type = &p.period_type;
	p.profile.comment = &p.comment;
	p.profile.n_comment = 1;
	p.samples[0].location_id = p.stacks[0];
	p.samples[0].n_location_id = 2;
	p.samples[1].location_id = p.stacks[1];
	p.samples[1].n_location_id = 1;
	for (size_t i = 0; i < 2; i++) {
		p.samples[i].value = p.values[i];
		p.samples[i].n_value = 2;
	}
}

static void init_values(void)
{
	p.types[0].type = 3;
	p.types[0].unit = 4;
	p.types[1].type = p.period_type.type = 1;
	p.types[1].unit = p.period_type.unit = 2;
	p.mapping.id = 7;
	p.mapping.filename = 8;
	p.mapping.build_id = 9;
	p.functions[0].id = 300;
	p.functions[0].name = 5;
	p.functions[1].id = 4;
	p.functions[1].name = 6;
	p.functions[0].filename = p.functions[1].filename = 7;
	p.lines[0].function_id = 300;
	p.lines[0].line = 12;
	p.lines[1].function_id = 4;
	p.locations[0].id = 1000000;
	p.locations[1].id = 2;
	p.locations[0].mapping_id = p.locations[1].mapping_id = 7;
	p.labels[0].key = 10;
	p.labels[0].str = 11;
	p.labels[1].key = 12;
	p.labels[1].num = 42;
	p.comment = 13;
}

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	memset(&err, 0, sizeof(err));
	init_messages();
	init_lists();
	init_values();
	p.stacks[0][0] = 1000000;
	p.stacks[0][1] = p.stacks[1][0] = 2;
	p.values[0][0] = 1;
	p.values[0][1] = 10;
	p.values[1][0] = 2;
	p.values[1][1] = -20;
	return 0;
}

static uint8_t *pack(size_t *ret_len)
{
	uint8_t *data;

	*ret_len = pprof__profile__get_packed_size(&p.profile);
	data = malloc(*ret_len + 1);
	assert_non_null(data);
	pprof__profile__pack(&p.profile, data);
	return data;
}

static int read_packed(struct pprof **ret)
{
	size_t len;
	uint8_t *data = pack(&len);
	int r = pprof_read(data, len, ret, &err);

	free(data);
	return r;
}

static void assert_says(const char *text)
{
	assert_int_equal(err.kind, SS_ERR_FORMAT);
	if (!strstr(err.message, text))
		fail_msg("'%s' does not say '%s'", err.message, text);
}

static void assert_refused(const char *text)
{
	struct pprof *profile = NULL;

	assert_true(read_packed(&profile) < 0);
	assert_null(profile);
	assert_says(text);
}

/* ---- what is read ---- */

static void test_good(void **state)
{
	struct pprof *profile;

	(void)state;
	assert_int_equal(read_packed(&profile), 0);
	assert_int_equal(profile->types.n, 2);
	assert_string_equal(profile->types.data[1].type, "cpu");
	assert_string_equal(profile->period_type.unit, "nanoseconds");
	assert_int_equal(profile->samples.n, 2);
	assert_int_equal(profile->values.data[3], -20);
	assert_string_equal(profile->comments.data[0], "remark");
	assert_string_equal(profile->mappings.data[0].build_id, "ab12");
	pprof_free(profile);
}

/* Ids are any numbers in any order: they become indexes. */
static void test_ids(void **state)
{
	struct pprof *profile;

	(void)state;
	assert_int_equal(read_packed(&profile), 0);
	assert_int_equal(profile->stacks.data[0], 0);
	assert_int_equal(profile->stacks.data[1], 1);
	assert_int_equal(profile->lines.data[0].function, 0);
	assert_int_equal(profile->lines.data[0].line, 12);
	assert_int_equal(profile->lines.data[1].function, 1);
	assert_int_equal(profile->locations.data[0].mapping, 0);
	pprof_free(profile);
}

static void test_names(void **state)
{
	const struct pprof_location *locations;
	struct pprof *profile;

	(void)state;
	p.locations[1].mapping_id = 0;
	assert_int_equal(read_packed(&profile), 0);
	locations = profile->locations.data;
	assert_int_equal(pprof_name_count(&locations[0]), 2);
	assert_string_equal(pprof_name(profile, &locations[0], 0), "work");
	assert_string_equal(pprof_name(profile, &locations[0], 1), "main");
	assert_int_equal(pprof_name_count(&locations[1]), 1);
	assert_string_equal(pprof_name(profile, &locations[1], 0), "<unknown>");
	pprof_free(profile);
}

static void test_mapping_is_a_name(void **state)
{
	struct pprof *profile;

	(void)state;
	assert_int_equal(read_packed(&profile), 0);
	assert_string_equal(pprof_name(profile, &profile->locations.data[1], 0), "[x]");
	pprof_free(profile);
}

static void test_labels(void **state)
{
	struct pprof *profile;

	(void)state;
	assert_int_equal(read_packed(&profile), 0);
	assert_int_equal(profile->samples.data[0].nlabels, 2);
	assert_string_equal(profile->labels.data[0].str, "one");
	assert_null(profile->labels.data[1].str);
	assert_int_equal(profile->labels.data[1].num, 42);
	pprof_free(profile);
}

static void test_no_samples(void **state)
{
	struct pprof *profile;

	(void)state;
	p.profile.n_sample = 0;
	assert_int_equal(read_packed(&profile), 0);
	assert_int_equal(profile->samples.n, 0);
	pprof_free(profile);
}

/* ---- what does not hold together ---- */

static void test_missing_location(void **state)
{
	(void)state;
	p.stacks[1][0] = 99;
	assert_refused("sample 1: there is no location 99");
}

static void test_missing_function(void **state)
{
	(void)state;
	p.lines[1].function_id = 0;
	assert_refused("location 0: there is no function 0");
}

static void test_missing_mapping(void **state)
{
	(void)state;
	p.locations[1].mapping_id = 8;
	assert_refused("location 1: there is no mapping 8");
}

static void test_same_id(void **state)
{
	(void)state;
	p.functions[1].id = 300;
	assert_refused("function 1: its id 300 is not its own");
}

static void test_id_zero(void **state)
{
	(void)state;
	p.locations[1].id = 0;
	assert_refused("location 1: its id is 0");
}

static void test_text_out_of_range(void **state)
{
	(void)state;
	p.functions[1].name = COUNT(strings);
	assert_refused("function 1: its text 14 is not one of the 14 there are");
	p.functions[1].name = -1;
	assert_refused("function 1: its text -1");
}

static void test_label_text_out_of_range(void **state)
{
	(void)state;
	p.labels[1].num_unit = 77;
	assert_refused("sample 0: its text 77");
}

static void test_number_of_values(void **state)
{
	(void)state;
	p.samples[1].n_value = 1;
	assert_refused("sample 1: it has 1 values for 2 sample types");
}

static void test_no_type(void **state)
{
	(void)state;
	p.profile.n_sample_type = 0;
	assert_refused("no sample type");
}

static void test_first_string(void **state)
{
	(void)state;
	p.profile.string_table = (char **)(uintptr_t)(strings + 1);
	p.profile.n_string_table = COUNT(strings) - 1;
	assert_refused("string 0: it is not empty");
}

/* ---- bytes ---- */

static void test_every_cut(void **state)
{
	size_t len;
	uint8_t *data = pack(&len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		uint8_t *cut =
			malloc(i + 1); /* of its own size, so that a sanitizer sees its end */
		struct pprof *profile = NULL;

		assert_non_null(cut);
		memcpy(cut, data, i);
		if (pprof_read(cut, i, &profile, &err) < 0)
			assert_int_equal(err.kind, SS_ERR_FORMAT);
		pprof_free(profile);
		free(cut);
	}
	free(data);
}

static void test_damage_has_a_place(void **state)
{
	/* two good fields, then one that says it is longer than the file */
	static const uint8_t data[] = { 0x32, 0, 0x50, 1, 0x12, 100, 1, 2 };
	struct pprof *profile;

	(void)state;
	assert_true(pprof_read(data, sizeof(data), &profile, &err) < 0);
	assert_says("byte 4 of 8");
}

static void test_damage_inside_a_part(void **state)
{
	/* an empty text, then a sample whose only field is cut */
	static const uint8_t data[] = { 0x32, 0, 0x12, 2, 0x0a, 100 };
	struct pprof *profile;

	(void)state;
	assert_true(pprof_read(data, sizeof(data), &profile, &err) < 0);
	assert_says("byte 2 of 6");
}

static void test_empty(void **state)
{
	struct pprof *profile;

	(void)state;
	assert_true(pprof_read(NULL, 0, &profile, &err) < 0);
	assert_says("empty");
}

static void test_text(void **state)
{
	static const char text[] = "--- contention:\ncycles/second=1000000000\n";
	struct pprof *profile;

	(void)state;
	assert_true(pprof_read((const uint8_t *)text, sizeof(text) - 1, &profile, &err) < 0);
	assert_says("it is text");
}

/* ---- gzip ---- */

static uint8_t *zip(const uint8_t *data, size_t len, size_t *ret_len)
{
	z_stream z = { 0 };
	uint8_t *to;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	*ret_len = deflateBound(&z, len);
	to = malloc(*ret_len);
	assert_non_null(to);
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = to;
	z.avail_out = (uInt)*ret_len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*ret_len = z.total_out;
	deflateEnd(&z);
	return to;
}

static uint8_t *zip_profile(size_t *ret_len)
{
	size_t len;
	uint8_t *data = pack(&len), *zipped = zip(data, len, ret_len);

	free(data);
	return zipped;
}

static void test_gzip(void **state)
{
	struct pprof *profile;
	size_t len;
	uint8_t *data = zip_profile(&len);

	(void)state;
	assert_int_equal(pprof_read(data, len, &profile, &err), 0);
	assert_int_equal(profile->samples.n, 2);
	pprof_free(profile);
	free(data);
}

/* RFC 1952: members one after the other are one file. */
static void test_gzip_members(void **state)
{
	size_t len, half, first_len, second_len;
	uint8_t *data = pack(&len), *first, *second, *both;
	struct pprof *profile;

	(void)state;
	half = len / 2;
	first = zip(data, half, &first_len);
	second = zip(data + half, len - half, &second_len);
	both = malloc(first_len + second_len);
	assert_non_null(both);
	memcpy(both, first, first_len);
	memcpy(both + first_len, second, second_len);
	assert_int_equal(pprof_read(both, first_len + second_len, &profile, &err), 0);
	pprof_free(profile);
	free(data);
	free(first);
	free(second);
	free(both);
}

static void test_gzip_cut(void **state)
{
	struct pprof *profile;
	size_t len;
	uint8_t *data = zip_profile(&len);

	(void)state;
	assert_true(pprof_read(data, len - 1, &profile, &err) < 0);
	assert_says("cut off");
	free(data);
}

static void test_gzip_damaged(void **state)
{
	struct pprof *profile;
	size_t len;
	uint8_t *data = zip_profile(&len);

	(void)state;
	data[len - 6] ^= 1; /* of the checksum */
	assert_true(pprof_read(data, len, &profile, &err) < 0);
	assert_says("damaged at byte");
	free(data);
}

static void test_bomb(void **state)
{
	enum { LARGE = 64 << 20 };
	uint8_t *zeros = calloc(1, LARGE), *data;
	struct pprof *profile;
	size_t len;

	(void)state;
	assert_non_null(zeros);
	data = zip(zeros, LARGE, &len);
	/* zeros become 1030 times as much, and the bound is 1000 times and 1 MiB */
	assert_true(pprof_read(data, len, &profile, &err) < 0);
	assert_says("bomb");
	free(zeros);
	free(data);
}

/* Two bytes a sample: more messages than bytes to hold them. */
static void test_many_parts(void **state)
{
	enum { PAIRS = 1 << 20 };
	uint8_t *data = malloc(2 * PAIRS);
	struct pprof *profile;

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < PAIRS; i++) {
		data[2 * i] = 0x12;
		data[2 * i + 1] = 0;
	}
	assert_true(pprof_read(data, 2 * PAIRS, &profile, &err) < 0);
	assert_int_equal(err.kind, SS_ERR_FORMAT);
	free(data);
}

/* One location with many lines, in many frames. */
static void test_too_many_frames(void **state)
{
	enum { LINES = 2000, FRAMES = 2000 };
	static Pprof__Line *line_list[LINES];
	static uint64_t stack[FRAMES];

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		line_list[i] = &p.lines[0];
	for (size_t i = 0; i < FRAMES; i++)
		stack[i] = 1000000;
	SET_LIST(p.locations[0], line, line_list);
	SET_LIST(p.samples[1], location_id, stack);
	assert_refused("sample 1: too many frames: 4000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_ids, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_mapping_is_a_name, setup),
		cmocka_unit_test_setup(test_labels, setup),
		cmocka_unit_test_setup(test_no_samples, setup),
		cmocka_unit_test_setup(test_missing_location, setup),
		cmocka_unit_test_setup(test_missing_function, setup),
		cmocka_unit_test_setup(test_missing_mapping, setup),
		cmocka_unit_test_setup(test_same_id, setup),
		cmocka_unit_test_setup(test_id_zero, setup),
		cmocka_unit_test_setup(test_text_out_of_range, setup),
		cmocka_unit_test_setup(test_label_text_out_of_range, setup),
		cmocka_unit_test_setup(test_number_of_values, setup),
		cmocka_unit_test_setup(test_no_type, setup),
		cmocka_unit_test_setup(test_first_string, setup),
		cmocka_unit_test_setup(test_every_cut, setup),
		cmocka_unit_test_setup(test_damage_has_a_place, setup),
		cmocka_unit_test_setup(test_damage_inside_a_part, setup),
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_gzip, setup),
		cmocka_unit_test_setup(test_gzip_members, setup),
		cmocka_unit_test_setup(test_gzip_cut, setup),
		cmocka_unit_test_setup(test_gzip_damaged, setup),
		cmocka_unit_test_setup(test_bomb, setup),
		cmocka_unit_test_setup(test_many_parts, setup),
		cmocka_unit_test_setup(test_too_many_frames, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
