/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkup.c: see checkup.h. In the text a line a finding, the verdict first, and under what is not
 * right the command that changes it; programs find the same in JSON, and need no parsing of texts.
 */
#include "write/checkup.h"

#include "write/jsonvalue.h"

static const char *const words[] = {
	[SS_VERDICT_OK] = "ok",
	[SS_VERDICT_LIMITED] = "limited",
	[SS_VERDICT_NO] = "no",
};

static const char *const colors[] = {
	[SS_VERDICT_OK] = "\033[32m",
	[SS_VERDICT_LIMITED] = "\033[33m",
	[SS_VERDICT_NO] = "\033[31m",
};

static const char *const conclusions[] = {
	[SS_VERDICT_OK] = "a complete snapshot is possible",
	[SS_VERDICT_LIMITED] = "a snapshot is possible, but not a complete one",
	[SS_VERDICT_NO] = "no snapshot is possible",
};

static void put_verdict(struct buf *buf, enum ss_verdict verdict, bool color)
{
	if (color)
		buf_puts(buf, colors[verdict]);
	buf_printf(buf, "%-8s", words[verdict]);
	if (color)
		buf_puts(buf, "\033[0m");
}

static void put_finding(struct buf *buf, const struct ss_finding *finding, bool color)
{
	put_verdict(buf, finding->verdict, color);
	buf_printf(buf, "%s: ", finding->name);
	buf_puts_escaped(buf, finding->text);
	if (finding->optional && finding->verdict != SS_VERDICT_OK)
		buf_puts(buf, " (optional)");
	buf_putc(buf, '\n');
	if (!finding->fix)
		return;
	buf_puts(buf, "        try: ");
	buf_puts_escaped(buf, finding->fix);
	buf_putc(buf, '\n');
}

void checkup_write_text(struct buf *buf, const struct checkup_view *view, bool color)
{
	for (size_t i = 0; i < view->n; i++)
		put_finding(buf, &view->findings[i], color);
	put_verdict(buf, view->verdict, color);
	buf_printf(buf, "in all: %s\n", conclusions[view->verdict]);
}

void checkup_write_json(struct buf *buf, const struct checkup_view *view)
{
	struct json j = { .buf = buf };

	json_open(&j, '{');
	json_text(&j, "verdict", words[view->verdict]);
	json_open_key(&j, "findings", '[');
	for (size_t i = 0; i < view->n; i++) {
		const struct ss_finding *finding = &view->findings[i];

		json_line(&j);
		json_open(&j, '{');
		json_text(&j, "name", finding->name);
		json_text(&j, "verdict", words[finding->verdict]);
		json_bool(&j, "optional", finding->optional);
		json_text(&j, "text", finding->text);
		json_text_or_null(&j, "fix", finding->fix);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	buf_putc(buf, '\n');
}
