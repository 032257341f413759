/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demangle.c: readable names out of linker names, through libiberty. Pure: a name in, a name out.
 * It assumes nothing of its input, which comes from foreign files; a name that cannot be read is
 * returned as it is. It never prints parameters.
 */
#include "symbol/demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>
#undef ARRAY_SIZE /* libiberty.h has its own */

#include "base/attr.h"

enum {
	DEMANGLE_MAX = 16 * 1024,
	READABLE_MAX = 4096,
	DLANG_MAX = 1 << 20, /* before the names of types are written out, which are short */
};

/* What a compiler appends to the name of a function that it copied or cut in two. */
static const struct suffix {
	const char *text;
	bool number_needed; /* ".isra.0", but ".cold" and ".cold.1" */
} suffixes[] = {
	{ ".isra", true },   { ".part", true },        { ".constprop", true },
	{ ".clone", true },  { ".lto_priv", true },    { ".llvm", true },
	{ ".__uniq", true }, { ".localalias", false }, { ".cold", false },
};

/* Past ".123", or s itself if there is no number. */
static const char *skip_number(const char *s)
{
	const char *p = s + 1;

	if (*s != '.' || !isdigit((unsigned char)*p))
		return s;
	while (isdigit((unsigned char)*p))
		p++;
	return p;
}

/* Past one clone suffix at s, or NULL if there is none. */
static const char *skip_suffix(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t len = strlen(suffixes[i].text);
		const char *end;

		if (strncmp(s, suffixes[i].text, len) != 0)
			continue;
		end = skip_number(s + len);
		if (end == s + len && suffixes[i].number_needed)
			continue;
		return end;
	}
	return NULL;
}

static bool all_suffixes(const char *s)
{
	while (s && *s)
		s = skip_suffix(s);
	return s != NULL;
}

/* Cut name where nothing but clone suffixes follow. */
static void cut_suffixes(char *name)
{
	if (!*name)
		return;
	for (char *dot = strchr(name + 1, '.'); dot; dot = strchr(dot + 1, '.'))
		if (all_suffixes(dot)) {
			*dot = '\0';
			return;
		}
}

/* "app.run!(int).go(int)" -> "app.run!(int).go": libiberty prints D parameters always. */
static void cut_parameters(char *name)
{
	size_t len = strlen(name), i = len;
	int open = 0;

	if (len == 0 || name[len - 1] != ')')
		return;
	while (i-- > 1) {
		open += (name[i] == ')') - (name[i] == '(');
		if (open == 0)
			break;
	}
	if (open == 0 && i > 0 && name[i - 1] != '!')
		name[i] = '\0';
}

/* The place that the back reference at name[i] points to, "Q" and a number to the base 26; -1: none. */
static ptrdiff_t dlang_target(const char *name, size_t i)
{
	size_t distance = 0, at = i + 1;

	while (isupper((unsigned char)name[at]) && distance <= i)
		distance = distance * 26 + (size_t)(name[at++] - 'A');
	if (!islower((unsigned char)name[at]))
		return -1;
	distance = distance * 26 + (size_t)(name[at] - 'a');
	return distance > 0 && distance <= i ? (ptrdiff_t)(i - distance) : -1;
}

/*
 * A type may refer back to earlier ones, each of them twice: libiberty 2.40 writes 218 MB for 143
 * bytes, and exits when memory is out. Here each reference to a type counts as all that stands
 * between it and there; one to an identifier begins with a digit, and grows nothing.
 */
static bool dlang_is_bounded(const char *name, size_t len)
{
	_cleanup_free_ size_t *sizes = malloc((len + 1) * sizeof(*sizes)); /* of all before */

	if (!sizes)
		return false;
	sizes[0] = 0;
	for (size_t i = 0; i < len; i++) {
		ptrdiff_t target = name[i] == 'Q' ? dlang_target(name, i) : -1;
		bool is_type = target >= 0 && !isdigit((unsigned char)name[target]);

		sizes[i + 1] = sizes[i] + 1 + (is_type ? sizes[i] - sizes[target] : 0);
		if (sizes[i + 1] > DLANG_MAX)
			return false;
	}
	return true;
}

static char *demangle_dlang(const char *name)
{
	char *s = dlang_is_bounded(name, strlen(name)) ? cplus_demangle(name, DMGL_DLANG) : NULL;

	if (s)
		cut_parameters(s);
	return s;
}

/*
 * What libiberty prints, piece by piece. Template arguments refer to earlier ones, so that 300 bytes
 * can stand for a quarter of a megabyte, and 600 for more than there is memory: once there is enough
 * it is not returned to (it holds no memory while it prints).
 */
struct output {
	char text[READABLE_MAX + 2];
	size_t len;
	jmp_buf full;
};

static void take(const char *piece, size_t len, void *arg)
{
	struct output *output = arg;
	size_t room = sizeof(output->text) - 1 - output->len;

	memcpy(output->text + output->len, piece, MIN(len, room));
	output->len += MIN(len, room);
	if (len > room)
		longjmp(output->full, 1);
}

/*
 * Without DMGL_PARAMS also return types, clone suffixes and (without DMGL_VERBOSE) Rust's hashes
 * are left out. The recursion limit of libiberty holds: it refuses C++ names of more than 1024
 * bytes (d_demangle_callback in cp-demangle.c). Rust's legacy names look like C++.
 */
static bool print(const char *name, struct output *output)
{
	const int options = DMGL_AUTO | DMGL_ANSI;

	if (setjmp(output->full))
		return true;
	if (rust_demangle_callback(name, options, take, output))
		return true;
	output->len = 0;
	return strncmp(name, "_Z", 2) == 0 &&
	       cplus_demangle_v3_callback(name, options, take, output);
}

static char *demangle_any(const char *name)
{
	struct output output;

	if (strncmp(name, "_D", 2) == 0)
		return demangle_dlang(name);
	if (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0)
		return NULL;
	output.len = 0;
	if (!print(name, &output))
		return NULL;
	output.text[output.len] = '\0';
	return strdup(output.text);
}

char *demangle_cut(char *name)
{
	size_t depth = 0, at = 0;

	if (strlen(name) <= READABLE_MAX)
		return name;
	for (size_t i = 0; i < READABLE_MAX - 8; i++) {
		if (name[i] == '<' && depth++ == 0)
			at = i;
		else if (name[i] == '>' && depth && name[i - 1] != '-')
			depth--;
	}
	strcpy(name + (depth && at ? at : READABLE_MAX - 8), depth && at ? "<...>" : "...");
	return name;
}

static char *append_plt(char *name)
{
	char *s = realloc(name, strlen(name) + sizeof("@plt"));

	if (!s)
		free(name);
	return s ? strcat(s, "@plt") : NULL;
}

char *demangle(const char *name)
{
	size_t len = strlen(name);
	char *copy = strdup(name), *readable;
	bool plt;

	if (!copy || len > DEMANGLE_MAX)
		return copy ? demangle_cut(copy) : NULL;
	plt = len > 4 && strcmp(copy + len - 4, "@plt") == 0;
	if (plt)
		copy[len - 4] = '\0';
	cut_suffixes(copy);
	readable = demangle_any(copy);
	if (readable) {
		free(copy);
		copy = readable;
	}
	demangle_cut(copy);
	return plt ? append_plt(copy) : copy;
}
