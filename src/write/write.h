/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write.h: the formats. A writer turns snapshots or profiles into bytes in an `out`, one const
 * instance per format. Writers do no system calls; out (out.h) does.
 */
#ifndef SS_WRITE_WRITE_H
#define SS_WRITE_WRITE_H

#include <regex.h>
#include <stdbool.h>

#include "base/error.h"
#include "model/profile.h"
#include "model/snapshot.h"
#include "write/out.h"

/* ss_write_options with the regular expressions compiled; made by the engine. */
struct write_options {
	bool go, color, all_labels;
	const regex_t *focus, *ignore; /* NULL: no such filter */
	unsigned max_frames;           /* 0: all */
	bool no_idle, summary;
	bool chains;       /* text of snapshots: the chains only */
	unsigned max_rows; /* 0: the default */
};

struct writer {
	const char *name;   /* "pprof" */
	const char *suffix; /* ".pb.gz"; NULL if no suffix asks for it */
	/*
	 * Write n >= 1 snapshots, or profiles of one kind, of different processes as one document.
	 * NULL: the format does not fit.
	 */
	int (*snapshots)(struct out *out, const struct ss_snapshot *const *snapshots, size_t n,
			 const struct write_options *options, struct ss_error *err);
	int (*profiles)(struct out *out, const struct ss_profile *const *profiles, size_t n,
			const struct write_options *options, struct ss_error *err);
};

extern const struct writer writer_dump, writer_count, writer_pprof, writer_folded, writer_json,
	writer_speedscope, writer_html;

/* By enum ss_format. */
extern const struct writer *const writers[];
extern const size_t nwriters;

/* ---- shared by writers ---- */

/*
 * False if focus or ignore leave the stack out (NULL: there is none). Matching is on the names of
 * all functions, inlined ones too.
 */
bool write_wants_stack(const struct stack *stack, const struct write_options *options);
bool write_wants_thread(const struct thread *thread, const struct write_options *options);

/* Frames of the stack to write: stack->n, or options->max_frames if that is less. */
unsigned write_frame_count(const struct stack *stack, const struct write_options *options);

/*
 * What the thread does, in one phrase: "on-cpu", "runnable", "mutex", "syscall wait4", "stopped",
 * "zombie".
 */
void write_state(struct buf *buf, const struct thread *thread);

/*
 * The wait in words: "waits for mutex 0x55..., timeout 1.00 s", "in read of fd 5 (pipe:[77])"; ""
 * if nothing is known. The owner's name is looked up in the snapshot.
 */
void write_wait(struct buf *buf, const struct ss_snapshot *snapshot, const struct thread *thread);

/* "glibc pthread_mutex, recursive, robust"; "" if nothing is known. */
void write_lock_type(struct buf *buf, const struct wait *wait);

/* True if the thread has a stack with frames; one without frames is never written as a sample. */
static inline bool write_has_stack(const struct thread *thread)
{
	return thread->stack && thread->stack->n > 0;
}

/* Why there is none, in words. */
const char *write_no_stack_words(const struct thread *thread);

/* Foreign text in double quotes; a double quote in it is written as a single one. */
void write_quoted(struct buf *buf, const char *s);

/* The line that begins each process when there are several: "=== 4711 name ===". */
void write_process_header(struct buf *buf, pid_t pid, const char *comm);

/*
 * A function name without template arguments: "std::vector::push_back". operator<, operator->> stay
 * whole.
 */
void write_short_name(struct buf *buf, const char *name);

/* Does the regular expression find something in the name, whole or as write_short_name shows it? */
bool write_name_matches(const regex_t *regex, const char *name);

/* "libc.so.6+0x1234", or "0x7f..." in no file. */
void write_raw_location(struct buf *buf, const struct location *location);

/* The frame's location; one made of its pc in *room if it was never symbolized. */
const struct location *write_location(const struct frame *frame, struct location *room);

/*
 * "# shown: 3 of 10 threads" if focus or ignore may have left some out; things is the plural of
 * what is counted.
 */
void write_shown(struct buf *buf, const struct write_options *options, size_t shown, size_t all,
		 const char *things, const char *prefix);

/* The coverage block, each line begun with `prefix`: what was seen, and everything that was not. */
void write_coverage(struct buf *buf, const struct ss_snapshot *snapshot, const char *prefix);

/* ", timer=NAME (why a better one could not be had)"; nothing if none was needed. */
void write_timer(struct buf *buf, const char *timer, const char *refusal);

/* The same four lines of any coverage: threads, stops, stacks, frames. */
void write_coverage_counts(struct buf *buf, const struct ss_coverage *coverage, const char *prefix);

/* "12.3 s" */
void write_duration(struct buf *buf, uint64_t ns);

const char *write_last_part(const char *path);

#endif
