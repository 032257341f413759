/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freezer.c: see freezer.h. Looks where cgroups are mounted by custom (systemd's file hierarchy:
 * unified alone, unified beside version 1, version 1); elsewhere nothing is known.
 */
#include "target/freezer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fileio.h"

/* One way in which a hierarchy tells of a frozen group, and is told to thaw it. */
struct place {
	const char *line; /* of /proc/PID/cgroup */
	const char *mount;
	const char *state;  /* file that says so ... */
	const char *frozen; /* ... by this text in it */
	const char *thaw;
};

static const struct place places[] = {
	{ "0::", "/sys/fs/cgroup", "cgroup.events", "frozen 1",
	  "echo 0 | sudo tee %s/cgroup.freeze" },
	{ "0::", "/sys/fs/cgroup/unified", "cgroup.events", "frozen 1",
	  "echo 0 | sudo tee %s/cgroup.freeze" },
	{ ":freezer:", "/sys/fs/cgroup/freezer", "freezer.state", "FR",
	  "echo THAWED | sudo tee %s/freezer.state" },
};

/* Version 1 lines have a number before the prefix: "6:freezer:/group". */
void freezer_parse_cgroup(const char *text, const char *prefix, char *ret, size_t len)
{
	const char *line = text;

	*ret = '\0';
	for (; line; line = strchr(line, '\n')) {
		const char *at;

		line += *line == '\n';
		at = strstr(line, prefix);
		if (!at || at > line + strspn(line, "0123456789"))
			continue;
		at += strlen(prefix);
		snprintf(ret, len, "%.*s", (int)strcspn(at, "\n"), at);
		return;
	}
}

static bool is_frozen(const struct place *place, const char *dir)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%s/%s", dir, place->state);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, place->frozen);
}

static void print_thaw(const struct place *place, const char *dir, char *ret, size_t len)
{
	const char *slot = strstr(place->thaw, "%s");

	snprintf(ret, len, "%.*s%s%s", (int)(slot - place->thaw), place->thaw, dir, slot + 2);
}

bool freezer_find(const struct target *target, char *ret, size_t len)
{
	char text[4096], group[2048], dir[3000];

	if (file_read_at(target->proc_fd, "cgroup", text, sizeof(text)) <= 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		freezer_parse_cgroup(text, places[i].line, group, sizeof(group));
		if (!*group)
			continue;
		snprintf(dir, sizeof(dir), "%s%s", places[i].mount, group);
		if (is_frozen(&places[i], dir)) {
			print_thaw(&places[i], dir, ret, len);
			return true;
		}
	}
	return false;
}
