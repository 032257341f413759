#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# update.sh [NAME...]: run the measurements and put their tables into README.md. Environment as for
# tests/it: STACKSNAP (the binary), TARGETS (the built targets), SRC (the source tree).
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- programs snapshot undisturbed gap cpu-places accuracy truth mutex memory symbols bigdebug
for name; do
	table=$(mktemp)
	bash "$name.sh" >"$table" || echo "$name.sh: exit status $?" >&2
	sed -i -e "/<!-- $name -->/,/<!-- \/$name -->/{/<!-- $name -->/r $table
/<!--/!d}" README.md
	rm -f "$table"
done
