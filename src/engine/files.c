/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.c: the part of the public interface that works with profile files. It reads the bytes and
 * puts the file's name into messages; what the bytes mean is for src/file. It looks at no process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/fileio.h"
#include "engine/offline.h"
#include "engine/output.h"
#include "file/diff.h"
#include "file/merge.h"
#include "file/pprof-read.h"
#include "file/pprof-write.h"
#include "file/report.h"

struct ss_file {
	char *name; /* for messages */
	struct pprof *profile;
};

static int read_bytes(const char *path, const char *name, struct buf *ret, struct ss_error *err)
{
	int r = file_read_whole_at(AT_FDCWD, path, PPROF_MAX_FILE, ret);

	if (r == -EFBIG)
		return ss_error_set(err, SS_ERR_FORMAT, EFBIG, "%s: it is larger than %zu MiB",
				    name, PPROF_MAX_FILE >> 20);
	return r < 0 ? ss_error_sys(err, -r, "cannot read %s", name) : 0;
}

static int parse_profile(const struct buf *bytes, struct ss_file *file, struct ss_error *err)
{
	int r = pprof_read((const uint8_t *)bytes->data, bytes->len, &file->profile, err);

	return r < 0 ? ss_error_wrap(err, "%s", file->name) : 0;
}

static int read_profile(const char *path, struct ss_file *file, struct ss_error *err)
{
	_cleanup_(buf_done) struct buf bytes = { 0 };
	int r = read_bytes(path, file->name, &bytes, err);

	return r < 0 ? r : parse_profile(&bytes, file, err);
}

static void file_close_p(struct ss_file **file)
{
	ss_file_close(*file);
}

/* An empty file of that name. */
static int new_file(const char *name, struct ss_file **ret, struct ss_error *err)
{
	_cleanup_(file_close_p) struct ss_file *file = calloc(1, sizeof(*file));

	if (file)
		file->name = strdup(name);
	if (!file || !file->name)
		return ss_error_oom(err);
	*ret = steal_ptr(file);
	return 0;
}

int ss_file_open(const char *path, struct ss_file **ret, struct ss_error *err)
{
	_cleanup_(file_close_p) struct ss_file *file = NULL;
	bool is_stdin = strcmp(path, "-") == 0;
	int r = new_file(is_stdin ? "standard input" : path, &file, err);

	if (r == 0)
		r = read_profile(is_stdin ? "/dev/stdin" : path, file, err);
	if (r == 0)
		*ret = steal_ptr(file);
	return r;
}

static int write_profiles(const struct ss_profile *const *profiles, size_t n,
			  const struct ss_write_options *options, struct buf *bytes,
			  struct ss_error *err)
{
	struct ss_write_options pprof = *options;
	struct ss_output output;
	int r = out_open_memory(bytes, &output.out, err);

	if (r < 0)
		return r;
	pprof.format = SS_FORMAT_PPROF;
	r = ss_output_profiles(&output, profiles, n, &pprof, err);
	if (r == 0)
		return out_commit(output.out, err);
	out_discard(output.out);
	return r;
}

/* Through the bytes of the file: what is checked is then what any reader of it would see. */
int ss_file_of_profiles(const struct ss_profile *const *profiles, size_t n,
			const struct ss_write_options *options, struct ss_file **ret,
			struct ss_error *err)
{
	_cleanup_(file_close_p) struct ss_file *file = NULL;
	_cleanup_(buf_done) struct buf bytes = { 0 };
	int r = new_file("the capture", &file, err);

	if (r == 0)
		r = write_profiles(profiles, n, options, &bytes, err);
	if (r == 0)
		r = parse_profile(&bytes, file, err);
	if (r == 0)
		*ret = steal_ptr(file);
	return r;
}

void ss_file_close(struct ss_file *file)
{
	if (!file)
		return;
	pprof_free(file->profile);
	free(file->name);
	free(file);
}

/* ---- reports ---- */

static int write_report(struct ss_output *output, const struct pprof *profile,
			const struct pprof *whole, const char *title,
			const struct ss_report_options *options, struct ss_error *err)
{
	struct report report;
	int r = report_init(&report, profile, whole, options, err);

	if (r < 0)
		return r;
	report.title = title;
	r = report_write(&report, output->out, err);
	report_done(&report);
	return r;
}

int ss_file_report(struct ss_output *output, const struct ss_file *file,
		   const struct ss_report_options *options, struct ss_error *err)
{
	return write_report(output, file->profile, file->profile, NULL, options, err);
}

static int make_diff(const struct ss_file *base, const struct ss_file *file, struct pprof **ret,
		     struct ss_error *err)
{
	const struct diff_side from = { .profile = base->profile, .name = base->name };
	const struct diff_side to = { .profile = file->profile, .name = file->name };

	return diff_make(&from, &to, ret, err);
}

static void pprof_free_p(struct pprof **profile)
{
	pprof_free(*profile);
}

int ss_file_diff(struct ss_output *output, const struct ss_file *base, const struct ss_file *file,
		 const struct ss_report_options *options, struct ss_error *err)
{
	_cleanup_(pprof_free_p) struct pprof *diff = NULL;
	_cleanup_(buf_done) struct buf title = { 0 };
	int r = make_diff(base, file, &diff, err);

	if (r < 0)
		return r;
	buf_puts(&title, "Base: ");
	buf_puts_escaped(&title, base->name);
	buf_puts(&title, "\nNew: ");
	buf_puts_escaped(&title, file->name);
	buf_putc(&title, '\n');
	if (title.failed)
		return ss_error_oom(err);
	return write_report(output, diff, base->profile, title.data, options, err);
}

int ss_file_check(const struct ss_file *base, const struct ss_file *file,
		  const struct ss_report_options *options, const struct ss_threshold *threshold,
		  struct ss_over *ret, struct ss_error *err)
{
	_cleanup_(pprof_free_p) struct pprof *diff = NULL;
	int r = base ? make_diff(base, file, &diff, err) : 0;

	return r < 0 ? r : diff_check(base ? diff : file->profile, options, threshold, ret, err);
}

/* ---- sums ---- */

static void merge_free_p(struct merge **merge)
{
	merge_free(*merge);
}

int ss_file_merge(struct ss_output *output, const struct ss_file *const *files, size_t n,
		  struct ss_error *err)
{
	_cleanup_(merge_free_p) struct merge *merge = merge_new();
	_cleanup_(pprof_free_p) struct pprof *sum = NULL;
	int r = merge ? 0 : ss_error_oom(err);

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct merge_part part = {
			.profile = files[i]->profile,
			.name = files[i]->name,
		};

		r = merge_add(merge, &part, err);
	}
	if (r == 0)
		r = merge_finish(merge, &sum, err);
	return r < 0 ? r : pprof_write(sum, output->out, err);
}

/* ---- names ---- */

int ss_file_symbolize(struct ss_file *file, const struct ss_symbolize_options *options,
		      struct ss_symbolized *ret, struct ss_error *err)
{
	return offline_symbolize(file->profile, options, ret, err);
}

int ss_file_write(struct ss_output *output, const struct ss_file *file, struct ss_error *err)
{
	return pprof_write(file->profile, output->out, err);
}
