/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets.c: /proc/PID/net's socket tables. Owns their texts, read once, and an index from inode to
 * line; lines are put into words only when asked for. A table of a very busy host is cut at its
 * size limit: sockets beyond it stay unknown.
 */
#include "target/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/fileio.h"
#include "base/map64.h"
#include "target/procparse.h"
#include "target/unixpeer.h"

enum table_kind { TABLE_TCP, TABLE_TCP6, TABLE_UDP, TABLE_UDP6, TABLE_UNIX, TABLE_COUNT };

static const char *const table_names[] = {
	[TABLE_TCP] = "tcp",   [TABLE_TCP6] = "tcp6", [TABLE_UDP] = "udp",
	[TABLE_UDP6] = "udp6", [TABLE_UNIX] = "unix",
};

enum {
	TABLE_MAX = 64 << 20,
	INET_TEXT_MAX = 160,
	KIND_SHIFT = 56, /* an index value is kind << 56 | offset of the line */
};

struct sockets {
	struct buf texts[TABLE_COUNT]; /* newlines replaced by NUL */
	struct map64 lines;            /* inode -> where its line is */
	struct map64 ends;             /* hash of a TCP connection's ends -> where its line is */
	bool has_ends;                 /* made when first asked for */
	int peer_fd;                   /* for unixpeer_find, or a negative errno */
};

static bool is_ipv6(enum table_kind kind)
{
	return kind == TABLE_TCP6 || kind == TABLE_UDP6;
}

static int parse_inode(enum table_kind kind, const char *line, uint64_t *ret)
{
	char text[INET_TEXT_MAX];
	const char *path;

	if (kind == TABLE_UNIX)
		return procparse_unix_line(line, ret, &path);
	return procparse_inet_line(line, is_ipv6(kind), ret, text, sizeof(text));
}

static int index_table(struct sockets *sockets, enum table_kind kind)
{
	struct buf *text = &sockets->texts[kind];
	char *end = text->data + text->len;

	for (char *line = text->data, *newline; line < end; line = newline + 1) {
		uint64_t inode;

		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline)
			break;
		*newline = '\0';
		if (parse_inode(kind, line, &inode) < 0 || inode == 0)
			continue;
		if (map64_put(&sockets->lines, inode,
			      (uint64_t)kind << KIND_SHIFT | (uint64_t)(line - text->data)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_table(struct sockets *sockets, const struct target *target, enum table_kind kind)
{
	struct buf *text = &sockets->texts[kind];
	char path[48];
	int r;

	snprintf(path, sizeof(path), "%d/net/%s", (int)target->anchor, table_names[kind]);
	r = file_read_whole_at(target->task_fd, path, TABLE_MAX, text);
	if (r == -ENOMEM)
		return r;
	return text->len ? index_table(sockets, kind) : 0;
}

struct sockets *sockets_read(const struct target *target)
{
	struct sockets *sockets = calloc(1, sizeof(*sockets));

	if (!sockets)
		return NULL;
	map64_init(&sockets->lines);
	map64_init(&sockets->ends);
	sockets->peer_fd = unixpeer_open(target);
	for (int kind = 0; kind < TABLE_COUNT; kind++) {
		if (read_table(sockets, target, kind) < 0) {
			sockets_free(sockets);
			return NULL;
		}
	}
	return sockets;
}

void sockets_free(struct sockets *sockets)
{
	if (!sockets)
		return;
	for (int kind = 0; kind < TABLE_COUNT; kind++)
		buf_done(&sockets->texts[kind]);
	map64_done(&sockets->lines);
	map64_done(&sockets->ends);
	close_p(&sockets->peer_fd);
	free(sockets);
}

static const char *line_at(const struct sockets *sockets, const struct map64 *map, uint64_t key,
			   enum table_kind *ret)
{
	const uint64_t *place = key == MAP64_NO_KEY ? NULL : map64_find(map, key);

	if (!place)
		return NULL;
	*ret = (enum table_kind)(*place >> KIND_SHIFT);
	return sockets->texts[*ret].data + (*place & ((1ull << KIND_SHIFT) - 1));
}

static const char *find_line(const struct sockets *sockets, uint64_t inode, enum table_kind *ret)
{
	return line_at(sockets, &sockets->lines, inode, ret);
}

/* The name that the UNIX socket was bound to, "" if none or unknown. */
static const char *unix_name(const struct sockets *sockets, uint64_t inode)
{
	enum table_kind kind;
	const char *line = find_line(sockets, inode, &kind), *path;
	uint64_t same;

	if (!line || kind != TABLE_UNIX || procparse_unix_line(line, &same, &path) < 0)
		return "";
	return path;
}

static void describe_unix(const struct sockets *sockets, uint64_t inode, struct buf *ret)
{
	const char *name = unix_name(sockets, inode);
	uint32_t peer;

	buf_printf(ret, "unix %s", name[0] ? name : "(unnamed)");
	if (name[0] || sockets->peer_fd < 0 || inode > UINT32_MAX ||
	    unixpeer_find(sockets->peer_fd, (uint32_t)inode, &peer) < 0)
		return;
	name = unix_name(sockets, peer);
	buf_printf(ret, " -> inode %u%s%s", peer, name[0] ? " " : "", name);
}

static void describe_inet(enum table_kind kind, const char *line, struct buf *ret)
{
	char text[INET_TEXT_MAX];
	bool is_tcp = kind == TABLE_TCP || kind == TABLE_TCP6, listens;
	uint64_t inode;

	if (procparse_inet_line(line, is_ipv6(kind), &inode, text, sizeof(text)) < 0)
		return;
	/* A TCP socket that is in the table and has no remote end can only listen. */
	listens = is_tcp && !strstr(text, " -> ");
	buf_printf(ret, "%s %s%s", table_names[kind], listens ? "listen " : "", text);
}

bool sockets_describe(struct sockets *sockets, uint64_t inode, struct buf *ret)
{
	enum table_kind kind;
	const char *line = find_line(sockets, inode, &kind);

	if (!line)
		return false;
	if (kind == TABLE_UNIX)
		describe_unix(sockets, inode, ret);
	else
		describe_inet(kind, line, ret);
	return true;
}

/* ---- other ends ---- */

/* FNV-1a */
static uint64_t hash_ends(const struct inet_ends *ends)
{
	const unsigned char *bytes = (const unsigned char *)ends;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(*ends); i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash == MAP64_NO_KEY ? 0 : hash;
}

/*
 * Connections without an inode belong to nobody yet or any more (TIME_WAIT); another socket with
 * the same ends can only be in another network namespace.
 */
static void index_ends(struct sockets *sockets, enum table_kind kind)
{
	const struct buf *text = &sockets->texts[kind];
	size_t len;

	for (size_t at = 0; at < text->len; at += len + 1) {
		struct inet_ends ends;
		uint64_t inode;

		len = strlen(text->data + at);
		if (procparse_inet_ends(text->data + at, is_ipv6(kind), &inode, &ends) == 0 &&
		    inode)
			/* Without memory a peer is not found, which is not to say there is none. */
			map64_put(&sockets->ends, hash_ends(&ends),
				  (uint64_t)kind << KIND_SHIFT | at);
	}
}

/* 127.0.0.1 is here as "::ffff:127.0.0.1" if a socket of either family has it. */
static uint64_t find_swapped(struct sockets *sockets, const struct inet_ends *ends)
{
	const struct inet_ends want = { .local = ends->remote, .remote = ends->local };
	struct inet_ends found;
	enum table_kind kind;
	const char *line;
	uint64_t inode;

	if (!sockets->has_ends) {
		index_ends(sockets, TABLE_TCP);
		index_ends(sockets, TABLE_TCP6);
		sockets->has_ends = true;
	}
	line = line_at(sockets, &sockets->ends, hash_ends(&want), &kind);
	if (!line || procparse_inet_ends(line, is_ipv6(kind), &inode, &found) < 0 ||
	    memcmp(&found, &want, sizeof(found)) != 0)
		return 0;
	return inode;
}

static bool find_inet_peer(struct sockets *sockets, enum table_kind kind, const char *line,
			   struct sockets_peer *ret)
{
	bool is_tcp = kind == TABLE_TCP || kind == TABLE_TCP6;
	struct inet_ends ends;
	char text[INET_TEXT_MAX];
	const char *remote;
	uint64_t inode;

	if (procparse_inet_ends(line, is_ipv6(kind), &inode, &ends) < 0 ||
	    procparse_inet_line(line, is_ipv6(kind), &inode, text, sizeof(text)) < 0)
		return false;
	remote = strstr(text, " -> ");
	ret->inet = true;
	ret->connected = remote;
	ret->listens = is_tcp && !remote;
	ret->open = !is_tcp;
	if (remote)
		snprintf(ret->remote, sizeof(ret->remote), "%s", remote + strlen(" -> "));
	if (is_tcp && remote)
		ret->inode = find_swapped(sockets, &ends);
	return true;
}

static bool find_unix_peer(const struct sockets *sockets, uint64_t inode, const char *line,
			   struct sockets_peer *ret)
{
	uint32_t peer;
	int type;

	if (procparse_unix_type(line, &type, &ret->listens) < 0)
		return false;
	ret->open = type == SOCK_DGRAM && unix_name(sockets, inode)[0];
	if (sockets->peer_fd >= 0 && inode <= UINT32_MAX &&
	    unixpeer_find(sockets->peer_fd, (uint32_t)inode, &peer) == 0)
		ret->inode = peer;
	return true;
}

bool sockets_find_peer(struct sockets *sockets, uint64_t inode, struct sockets_peer *ret)
{
	enum table_kind kind;
	const char *line = find_line(sockets, inode, &kind);
	struct sockets_peer peer = { 0 };

	if (!line || !(kind == TABLE_UNIX ? find_unix_peer(sockets, inode, line, &peer)
					  : find_inet_peer(sockets, kind, line, &peer)))
		return false;
	*ret = peer;
	return true;
}
