/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.c: the call tree of a profile, from the root: below each function those that it called, the
 * largest first. Nodes are in one array and found by (parent, name). No recursion: a stack may have
 * a million frames. It assumes a valid profile.
 *
 *	      cum   cum%       flat  flat%  function
 *	    1.25s   100%          0     0%  main
 *	    1.20s 96.00%      300ms 24.00%    work
 */
#include "file/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/map64.h"

enum {
	MAX_NODES = 1 << 24,
	MAX_INDENT = 40, /* levels */
	ROOT = 0,        /* of all roots; not shown */
};

#define SMALLEST_SHARE 0.005 /* as in the table */

struct node {
	const char *name;
	int64_t flat, cum;
	uint32_t parent;
	uint32_t first, nchildren; /* in tree.order */
};

struct tree {
	const struct report *report;
	VEC(struct node) nodes;
	struct map64 names; /* name -> number */
	struct map64 found; /* parent and number of the name -> node */
	uint32_t *order;    /* nodes, those of one parent together and sorted */
	int64_t least;      /* smaller nodes are not shown */
	size_t shown, left_out;
};

static void tree_done(struct tree *tree)
{
	vec_done(&tree->nodes);
	map64_done(&tree->names);
	map64_done(&tree->found);
	free(tree->order);
}

/* ---- growing ---- */

/* Names are interned in the profile, or constants: a pointer is a name. -1: no memory. */
static int64_t name_number(struct tree *tree, const char *name)
{
	const uint64_t *found = map64_find(&tree->names, (uintptr_t)name);
	uint64_t number = tree->names.n;

	if (found)
		return (int64_t)*found;
	return map64_put(&tree->names, (uintptr_t)name, number) < 0 ? -1 : (int64_t)number;
}

static int add_node(struct tree *tree, uint64_t key, const struct node *node, uint32_t *ret)
{
	if (tree->nodes.n >= MAX_NODES)
		return -E2BIG;
	if (map64_put(&tree->found, key, tree->nodes.n) < 0 || vec_push(&tree->nodes, *node) < 0)
		return -ENOMEM;
	*ret = (uint32_t)tree->nodes.n - 1;
	return 0;
}

/* The child of this name: found or added. */
static int get_child(struct tree *tree, uint32_t parent, const char *name, uint32_t *ret)
{
	int64_t number = name_number(tree, name);
	uint64_t key = (uint64_t)parent << 32 | (uint32_t)number;
	const uint64_t *found;

	if (number < 0)
		return -ENOMEM;
	found = map64_find(&tree->found, key);
	if (!found)
		return add_node(tree, key, &(struct node){ .name = name, .parent = parent }, ret);
	*ret = (uint32_t)*found;
	return 0;
}

static int add_stack(struct tree *tree, const struct report_names *names, int64_t value)
{
	uint32_t at = ROOT;

	for (size_t i = names->n; i-- > 0;) {
		int r = get_child(tree, at, names->data[i], &at);

		if (r < 0)
			return r;
		tree->nodes.data[at].cum = pprof_sum(tree->nodes.data[at].cum, value);
	}
	tree->nodes.data[at].flat = pprof_sum(tree->nodes.data[at].flat, value);
	return 0;
}

static int add_samples(struct tree *tree, struct report_names *names)
{
	const struct report *report = tree->report;
	int r = vec_push(&tree->nodes, (struct node){ .name = "" });

	for (size_t i = 0; i < report->profile->samples.n; i++) {
		const struct pprof_sample *sample = &report->profile->samples.data[i];
		int64_t value = report_value(report, sample);

		if (r < 0)
			return r;
		if (value == 0 || !report_wants(report, sample))
			continue;
		r = report_stack(report, sample, names);
		if (r == 0)
			r = add_stack(tree, names, value);
	}
	return r;
}

/* ---- sorting ---- */

static int compare_nodes(const void *a, const void *b, void *arg)
{
	const struct tree *tree = arg;
	const struct node *x = &tree->nodes.data[*(const uint32_t *)a];
	const struct node *y = &tree->nodes.data[*(const uint32_t *)b];
	int64_t p = pprof_magnitude(x->cum), q = pprof_magnitude(y->cum);

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (p != q)
		return p > q ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int sort_nodes(struct tree *tree)
{
	size_t n = tree->nodes.n;

	tree->order = calloc(n, sizeof(*tree->order));
	if (!tree->order)
		return -ENOMEM;
	for (size_t i = 1; i < n; i++)
		tree->order[i] = (uint32_t)i;
	qsort_r(tree->order + 1, n - 1, sizeof(*tree->order), compare_nodes, tree);
	for (size_t i = 1; i < n; i++) {
		struct node *parent = &tree->nodes.data[tree->nodes.data[tree->order[i]].parent];

		if (!parent->nchildren++)
			parent->first = (uint32_t)i;
	}
	return 0;
}

/* What is shown: what has a share worth showing, and of that the largest. */
static int find_least(struct tree *tree)
{
	const struct ss_report_options *options = tree->report->options;
	_cleanup_free_ int64_t *values = calloc(tree->nodes.n, sizeof(*values));
	int64_t nth;

	if (!values)
		return -ENOMEM;
	for (size_t i = 1; i < tree->nodes.n; i++)
		values[i - 1] = tree->nodes.data[i].cum;
	if (!options->small)
		tree->least = (int64_t)((double)tree->report->total * SMALLEST_SHARE);
	nth = report_nth_largest(values, tree->nodes.n - 1, options->rows);
	tree->least = MAX(tree->least, nth);
	return 0;
}

/* ---- writing ---- */

static void put_node(struct tree *tree, struct buf *buf, const struct node *node, size_t depth)
{
	const struct report *report = tree->report;

	report_put_value(report, buf, node->cum, 10);
	buf_putc(buf, ' ');
	top_put_percent(buf, node->cum, report->total);
	buf_putc(buf, ' ');
	report_put_value(report, buf, node->flat, 10);
	buf_putc(buf, ' ');
	top_put_percent(buf, node->flat, report->total);
	buf_printf(buf, "  %*s", 2 * (int)MIN(depth, (size_t)MAX_INDENT), "");
	if (depth > MAX_INDENT)
		buf_printf(buf, "(%zu) ", depth);
	buf_puts_escaped(buf, node->name);
	buf_putc(buf, '\n');
}

static bool is_shown(const struct tree *tree, const struct node *node)
{
	unsigned rows = tree->report->options->rows;

	if (!node->cum && !node->flat && !node->nchildren)
		return false;
	return pprof_magnitude(node->cum) >= tree->least && (!rows || tree->shown < rows);
}

/* The children of one node that are still to be written. */
struct level {
	uint32_t next, end;
};

static struct level level_of(const struct node *node)
{
	return (struct level){ .next = node->first, .end = node->first + node->nchildren };
}

static int put_nodes(struct tree *tree, struct out *out)
{
	_cleanup_(buf_done) struct buf buf = { 0 };
	VEC(struct level) levels = { 0 };
	int r = vec_push(&levels, level_of(&tree->nodes.data[ROOT]));

	while (r == 0 && levels.n) {
		struct level *level = &levels.data[levels.n - 1];
		const struct node *node;

		if (level->next == level->end) {
			levels.n--;
			continue;
		}
		node = &tree->nodes.data[tree->order[level->next++]];
		if (!is_shown(tree, node)) {
			tree->left_out++;
			continue;
		}
		put_node(tree, &buf, node, levels.n - 1);
		tree->shown++;
		out_buf(out, &buf);
		r = vec_push(&levels, level_of(node));
	}
	vec_done(&levels);
	return r;
}

static int write_tree(struct tree *tree, struct out *out)
{
	_cleanup_(buf_done) struct buf buf = { 0 };
	int r;

	report_heading(tree->report, &buf);
	buf_printf(&buf, "%10s %5s%% %10s %5s%%  function\n", "cum", "cum", "flat", "flat");
	out_buf(out, &buf);
	r = put_nodes(tree, out);
	if (r == 0 && tree->left_out)
		buf_printf(&buf, "# left out: %zu smaller subtree%s\n", tree->left_out,
			   tree->left_out > 1 ? "s" : "");
	out_buf(out, &buf);
	return r;
}

static int grow(struct tree *tree)
{
	struct report_names names = { 0 };
	int r = add_samples(tree, &names);

	vec_done(&names);
	if (r == 0)
		r = sort_nodes(tree);
	return r < 0 ? r : find_least(tree);
}

int report_tree(const struct report *report, struct out *out, struct ss_error *err)
{
	_cleanup_(tree_done) struct tree tree = { .report = report };
	int r = grow(&tree);

	if (r == 0)
		r = write_tree(&tree, out);
	if (r == -E2BIG)
		return ss_error_set(err, SS_ERR_FORMAT, E2BIG,
				    "the call tree has more than %d nodes: use --focus", MAX_NODES);
	return r < 0 ? ss_error_oom(err) : out_check(out, err);
}
