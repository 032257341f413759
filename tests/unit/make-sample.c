/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-sample.c: the invented capture of sample-profile.c, written to standard output, so that
 * readers which are not ours can be tried on it: make-sample FORMAT [block|cpu|wall] >FILE
 */
#include "sample-profile.h"

#include <stdio.h>
#include <string.h>

static const struct writer *find_writer(const char *name)
{
	for (size_t i = 0; i < nwriters; i++)
		if (strcmp(writers[i]->name, name) == 0)
			return writers[i];
	return NULL;
}

static enum profile_kind find_kind(const char *name)
{
	if (strcmp(name, "block") == 0)
		return PROFILE_BLOCK;
	return strcmp(name, "cpu") == 0 ? PROFILE_CPU : PROFILE_WALL;
}

static int write_sample(const struct writer *writer, enum profile_kind kind, struct ss_error *err)
{
	static const struct write_options options = { .summary = true };
	struct ss_profile *profile = sample_profile_new(SAMPLE_PID, kind, true);
	const struct ss_profile *const profiles[] = { profile };
	struct out *out;
	int r = out_open("-", &out, err);

	if (r == 0) {
		r = writer->profiles(out, profiles, 1, &options, err);
		if (r < 0)
			out_discard(out);
		else
			r = out_commit(out, err);
	}
	sample_profile_free(profile);
	return r;
}

int main(int argc, char **argv)
{
	const struct writer *writer = argc > 1 ? find_writer(argv[1]) : NULL;
	struct ss_error err;

	if (!writer) {
		fprintf(stderr, "usage: make-sample FORMAT [block|cpu|wall]\n");
		return 64;
	}
	if (write_sample(writer, find_kind(argc > 2 ? argv[2] : "wall"), &err) == 0)
		return 0;
	fprintf(stderr, "make-sample: %s\n", err.message);
	return 2;
}
