/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procparse-net.c: the part of procparse.h that is about sockets: lines of /proc/net/{tcp,udp,unix}
 * and the like.
 */
#include "target/procparse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "target/scan.h"

/* Addresses are 32-bit words in network order, printed as host integers (net/ipv4/tcp_ipv4.c). */
static bool scan_inet_address(const char **p, bool ipv6, uint32_t words[4], unsigned *ret_port)
{
	unsigned n = ipv6 ? 4 : 1;
	char part[9] = { 0 };
	uint64_t value;

	scan_blanks(p);
	for (unsigned i = 0; i < n; i++) {
		const char *digits = part;

		if (strnlen(*p, 8) < 8)
			return false;
		memcpy(part, *p, 8);
		if (!scan_digits(&digits, 16, &value) || *digits)
			return false;
		words[i] = (uint32_t)value;
		*p += 8;
	}
	if (!scan_char(p, ':') || !scan_digits(p, 16, &value) || value > UINT16_MAX)
		return false;
	*ret_port = (unsigned)value;
	return true;
}

enum { INET_TEXT_MAX = INET6_ADDRSTRLEN + 16 };

static void format_inet(char ret[INET_TEXT_MAX], bool ipv6, const uint32_t words[4], unsigned port)
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(ipv6 ? AF_INET6 : AF_INET, words, address, sizeof(address));
	snprintf(ret, INET_TEXT_MAX, ipv6 ? "[%s]:%u" : "%s:%u", address, port);
}

struct inet_line {
	uint64_t inode;
	uint32_t local[4], remote[4];
	unsigned local_port, remote_port;
};

static int scan_inet_line(const char *p, bool ipv6, struct inet_line *ret)
{
	struct inet_line line = { 0 };
	uint64_t slot;

	if (!scan_number(&p, 10, &slot) || !scan_char(&p, ':') ||
	    !scan_inet_address(&p, ipv6, line.local, &line.local_port) ||
	    !scan_inet_address(&p, ipv6, line.remote, &line.remote_port))
		return -EINVAL;
	/* st tx:rx tr:when retrnsmt uid timeout */
	for (int i = 0; i < 6; i++) {
		if (!scan_word(&p))
			return -EINVAL;
	}
	if (!scan_number(&p, 10, &line.inode))
		return -EINVAL;
	*ret = line;
	return 0;
}

int procparse_inet_line(const char *text, bool ipv6, uint64_t *ret_inode, char *ret, size_t len)
{
	char a[INET_TEXT_MAX], b[INET_TEXT_MAX];
	struct inet_line line;

	if (scan_inet_line(text, ipv6, &line) < 0)
		return -EINVAL;
	*ret_inode = line.inode;
	format_inet(a, ipv6, line.local, line.local_port);
	format_inet(b, ipv6, line.remote, line.remote_port);
	if (line.remote_port)
		snprintf(ret, len, "%s -> %s", a, b);
	else
		snprintf(ret, len, "%s", a);
	return 0;
}

static struct inet_end inet_end(bool ipv6, const uint32_t words[4], unsigned port)
{
	struct inet_end end = { .port = (uint16_t)port };

	if (ipv6) {
		memcpy(end.address, words, 16);
	} else {
		end.address[10] = end.address[11] = 0xff;
		memcpy(end.address + 12, words, 4);
	}
	return end;
}

int procparse_inet_ends(const char *text, bool ipv6, uint64_t *ret_inode, struct inet_ends *ret)
{
	struct inet_line line;

	if (scan_inet_line(text, ipv6, &line) < 0)
		return -EINVAL;
	*ret_inode = line.inode;
	ret->local = inet_end(ipv6, line.local, line.local_port);
	ret->remote = inet_end(ipv6, line.remote, line.remote_port);
	return 0;
}

int procparse_unix_line(const char *line, uint64_t *ret_inode, const char **ret_path)
{
	const char *p = line;
	uint64_t inode;

	/* Num: RefCount Protocol Flags Type St */
	for (int i = 0; i < 6; i++) {
		if (!scan_word(&p))
			return -EINVAL;
		if (i == 0 && p[-1] != ':')
			return -EINVAL;
	}
	if (!scan_number(&p, 10, &inode) || (*p != ' ' && *p != '\0'))
		return -EINVAL;
	*ret_inode = inode;
	/* One blank, then the path, which may begin with blanks itself. */
	*ret_path = *p ? p + 1 : p;
	return 0;
}

int procparse_unix_type(const char *line, int *ret_type, bool *ret_listens)
{
	const char *p = line;
	uint64_t flags, type;

	/* Num: RefCount Protocol */
	for (int i = 0; i < 3; i++) {
		if (!scan_word(&p))
			return -EINVAL;
		if (i == 0 && p[-1] != ':')
			return -EINVAL;
	}
	if (!scan_number(&p, 16, &flags) || !scan_number(&p, 16, &type) || type > INT32_MAX)
		return -EINVAL;
	*ret_type = (int)type;
	*ret_listens = flags & 0x10000; /* __SO_ACCEPTCON, include/uapi/linux/net.h */
	return 0;
}
