# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the designated initializers of the name table in syscalls.c:
#	awk -f gen-syscalls.awk syscalls.in > syscalls-table.h
# Which numbers they get is left to the target's <sys/syscall.h>, so a cross build needs nothing
# special. POSIX awk only.

BEGIN {
	print "/* Made by gen-syscalls.awk from syscalls.in: do not edit. */"
}

/^#/ || NF == 0 {
	next
}

$1 !~ /^[a-z_][a-z0-9_]*$/ || NF > 2 || (NF == 2 && $2 !~ /^[0-9]+$/) {
	printf "%s:%d: expected NAME [NUMBER]\n", FILENAME, FNR > "/dev/stderr"
	exit 1
}

{
	printf "#ifdef SYS_%s\n\t[SYS_%s] = \"%s\",\n", $1, $1, $1
	if (NF == 2)
		printf "#else\n\t[%d] = \"%s\",\n", $2, $1
	print "#endif"
}
