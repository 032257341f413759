/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index-names.c: names, files and lines of DIEs. Everything that leaves here is interned in the
 * index, so callers never hold pointers into libdw. Assumes nothing of the DIEs: references are
 * followed a bounded number of times, and what is missing is "" or 0.
 */
#include "symbol/index-internal.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

enum {
	ORIGINS_MAX = 8,
	SCOPES_MAX = 128,
};

static const char *intern(struct symbol_index *index, const char *s)
{
	const char *interned = s && *s ? index_intern(index, s, strnlen(s, INDEX_STRING_MAX))
				       : NULL;

	if (s && *s && !interned)
		index->lacks = true;
	return interned ? interned : "";
}

/* ---- files ---- */

static const char *string_of(struct symbol_index *index, Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute attr;

	return index_string(index, dwarf_attr_integrate(die, attribute, &attr));
}

/* The length of directory and a slash if path begins with them, or 0. */
static size_t below(const char *directory, const char *path)
{
	size_t len = strlen(directory);

	while (len > 0 && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 && path[len] == '/' ? len + 1 : 0;
}

static bool begins_with_dot(const char *path)
{
	return path[0] == '.' && (path[1] == '/' || path[1] == '\0');
}

/* The first component behind "./" is the same. */
static bool begin_alike(const char *directory, const char *path)
{
	size_t first = strncmp(directory, "./", 2) == 0 ? strcspn(directory + 2, "/") : 0;

	return strncmp(path, directory, 2 + first) == 0 && first > 0 && path[2 + first] == '/';
}

/*
 * Debian and others build with -ffile-prefix-map=/build/x=. so that the directory of the
 * compilation ("./obj") and once absolute file names ("./nptl/a.c") are both relative to the source
 * tree. That a name with "./" is one of these, and not relative to the directory, tells the name of
 * the unit. And whatever the root is mapped to ("foo"), libdw may have put the directory
 * ("foo/src") before the name already. Joining would make "obj/nptl/a.c", "foo/src/foo/src/a.c".
 *
 * What of path begins at the mapped root; NULL: it is relative to the directory.
 */
static const char *from_mapped_root(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu,
				    const char *directory, const char *path)
{
	size_t len = below(directory, path);

	if (begins_with_dot(directory) && begins_with_dot(path + len)) {
		Dwarf_Die *named = cu->cu == unit->die.cu ? &unit->body : cu;
		const char *name = string_of(index, named, DW_AT_name);

		if (name && begins_with_dot(name))
			return path + len;
	}
	return len > 0 || begin_alike(directory, path) ? path : NULL;
}

/* Without "./" components; ".." stays, since it may follow a symbolic link. */
static void add_path(struct buf *buf, const char *p)
{
	while (*p) {
		size_t len = strcspn(p, "/");

		len += p[len] == '/';
		if (!(len == 2 && p[0] == '.' && p[1] == '/'))
			buf_add(buf, p, len);
		p += len;
	}
}

/*
 * libdw 0.188 puts the directory entry of the line table before a file's name, but not the
 * compilation's directory before that. In a .dwo or a partial unit only the main unit tells it.
 */
static const char *intern_path(struct symbol_index *index, struct unit *unit, Dwarf_Die *cu,
			       const char *path)
{
	_cleanup_(buf_done) struct buf buf;
	const char *directory = string_of(index, cu, DW_AT_comp_dir), *mapped = NULL;

	if (!directory)
		directory = string_of(index, &unit->die, DW_AT_comp_dir);
	if (directory && *directory != '/' && *path != '/')
		mapped = from_mapped_root(index, unit, cu, directory, path);
	buf_init(&buf);
	if (directory && *path != '/' && !mapped) {
		add_path(&buf, directory);
		if (buf.len > 0 && buf.data[buf.len - 1] != '/')
			buf_putc(&buf, '/');
	}
	add_path(&buf, mapped ? mapped : path);
	return buf.failed ? "" : intern(index, buf.data);
}

/*
 * A file number of the unit that the attribute is in, which may be another one (LTO, dwz). That of
 * a .dwo means its skeleton's table: the one in the .dwo is of its type units, but libdw 0.188 takes
 * it.
 */
static const char *file_name(struct symbol_index *index, struct unit *unit, Dwarf_Attribute *attr)
{
	Dwarf_CU *owner = attr->cu == unit->body.cu ? unit->die.cu : attr->cu;
	Dwarf_Die cu;
	Dwarf_Files *files;
	Dwarf_Half version;
	Dwarf_Word i;
	size_t n;
	const char *name;

	if (dwarf_formudata(attr, &i) != 0 ||
	    !dwarf_cu_die(owner, &cu, &version, NULL, NULL, NULL, NULL, NULL) ||
	    !linetable_is_bounded(index, unit, &cu) || dwarf_getsrcfiles(&cu, &files, &n) != 0)
		return "";
	/*
	 * 0 is "no file" up to DWARF 4 and the unit's main file since; dwarf_decl_file of elfutils
	 * 0.188 takes it for "no file" always
	 */
	if (i >= n || (i == 0 && version < 5))
		return "";
	name = dwarf_filesrc(files, i, NULL, NULL);
	return name ? intern_path(index, unit, &cu, name) : "";
}

static unsigned number_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr_integrate(die, attribute, &attr) || dwarf_formudata(&attr, &value) != 0 ||
	    value > UINT32_MAX)
		return 0;
	return (unsigned)value;
}

static const char *file_of(struct symbol_index *index, struct unit *unit, Dwarf_Die *die,
			   unsigned attribute)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, attribute, &attr) ? file_name(index, unit, &attr) : "";
}

/* The files of the lines are those of unit->die: a .dwo has no line table for code. */
void index_name_line(struct symbol_index *index, struct unit *unit, uint64_t addr,
		     struct index_frame *frame)
{
	Dwarf_Line *line = linetable_is_bounded(index, unit, &unit->die)
				   ? dwarf_getsrc_die(&unit->die, addr)
				   : NULL;
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	frame->file = file ? intern_path(index, unit, &unit->die, file) : "";
	if (!line || dwarf_lineno(line, &number) != 0 || number < 0)
		number = 0;
	frame->line = (unsigned)number;
}

void index_name_call(struct symbol_index *index, struct unit *unit, Dwarf_Die *die,
		     struct index_frame *frame)
{
	if (!abbrevs_of_origins_are_bounded(index, die)) {
		frame->file = "";
		frame->line = 0;
		return;
	}
	frame->file = file_of(index, unit, die, DW_AT_call_file);
	frame->line = number_of(die, DW_AT_call_line);
}

/* ---- functions ---- */

/* The DIE that stands where the function was declared: in its class or namespace. */
static Dwarf_Die declaration(const Dwarf_Die *die)
{
	static const unsigned links[] = { DW_AT_abstract_origin, DW_AT_specification };
	Dwarf_Die at = *die;

	for (unsigned n = 0; n < ORIGINS_MAX; n++) {
		Dwarf_Attribute attr;
		Dwarf_Die next;
		size_t i = 0;

		while (i < ARRAY_SIZE(links) && !dwarf_attr(&at, links[i], &attr))
			i++;
		if (i == ARRAY_SIZE(links) || !dwarf_formref_die(&attr, &next))
			break;
		at = next;
	}
	return at;
}

static bool has_namespaces(struct unit *unit)
{
	int language = dwarf_srclang(&unit->body);

	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_Rust:
		return true;
	default:
		return false;
	}
}

static const char *scope_name(struct symbol_index *index, Dwarf_Die *die)
{
	const char *name = string_of(index, die, DW_AT_name);

	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
		return name ? name : "(anonymous namespace)";
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		return name ? name : "(anonymous)";
	default:
		return NULL;
	}
}

/*
 * *at becomes its child that is, or is around, the DIE at `inner`: the last one that does not lie
 * behind it.
 */
static bool enter(struct symbol_index *index, Dwarf_Die *at, const void *inner)
{
	Dwarf_Die next;

	if (dwarf_child(at, &next) != 0 || next.addr > inner)
		return false;
	do {
		if (!effort_step(&index->effort))
			return false;
		*at = next;
	} while (dwarf_siblingof(at, &next) == 0 && next.addr > at->addr && next.addr <= inner);
	return true;
}

/*
 * "ns::Class::" of a DIE in them. dwarf_getscopes_die of elfutils 0.188 tells the same, but calls
 * itself for every level, until the stack is full.
 */
static void add_scopes(struct symbol_index *index, Dwarf_Die *die, struct buf *buf)
{
	Dwarf_Die at;

	if (!dwarf_diecu(die, &at, NULL, NULL))
		return;
	for (unsigned i = 0; i < SCOPES_MAX && enter(index, &at, die->addr); i++) {
		const char *scope = at.addr == die->addr ? NULL : scope_name(index, &at);

		if (at.addr == die->addr)
			return;
		buf_puts(buf, scope ? scope : "");
		buf_puts(buf, scope ? "::" : "");
	}
	buf_reset(buf); /* it is nowhere */
}

/* "ns::Class::name" */
static const char *qualify(struct symbol_index *index, Dwarf_Die *die, const char *name)
{
	_cleanup_(buf_done) struct buf buf;

	buf_init(&buf);
	effort_begin(&index->effort);
	add_scopes(index, die, &buf);
	effort_end(&index->effort);
	buf_puts(&buf, name);
	return buf.failed ? "" : intern(index, buf.data);
}

/* To find what is around a DIE its unit is searched from the beginning, hence the cache. */
static const char *qualified_name(struct symbol_index *index, const Dwarf_Die *die,
				  const char *name)
{
	Dwarf_Die origin = declaration(die);
	uint64_t key = (uintptr_t)origin.addr;
	const uint64_t *known = map64_find(&index->qualified, key);
	const char *qualified;

	if (known)
		return (const char *)(uintptr_t)*known;
	qualified = qualify(index, &origin, name);
	map64_put(&index->qualified, key, (uintptr_t)qualified);
	return qualified;
}

void index_name_function(struct symbol_index *index, struct unit *unit, Dwarf_Die *die,
			 struct index_frame *frame)
{
	const char *name, *linkage;

	*frame = (struct index_frame){ .linkage_name = "",
				       .name = "",
				       .decl_file = "",
				       .file = frame->file,
				       .line = frame->line };
	if (!abbrevs_of_origins_are_bounded(index, die))
		return;
	name = string_of(index, die, DW_AT_name);
	linkage = string_of(index, die, DW_AT_linkage_name);
	if (!linkage)
		linkage = string_of(index, die, DW_AT_MIPS_linkage_name);
	frame->linkage_name = intern(index, linkage ? linkage : name);
	if (name && !linkage && has_namespaces(unit))
		frame->name = qualified_name(index, die, name);
	else
		frame->name = intern(index, name);
	frame->decl_file = file_of(index, unit, die, DW_AT_decl_file);
	frame->decl_line = number_of(die, DW_AT_decl_line);
}
