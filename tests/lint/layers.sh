#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TAP: the layers. Each line below says what one folder of src/ may include besides itself; only
# capture says ptrace; only unwind-*, cfi-*, symbol and target/image see libdw or libunwind; only
# cli/msg prints to stderr.
cd "${SRC:-.}" || exit 1
n=0 bad=0

report() { # NAME OFFENDING-LINES
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

while read -r dir allowed; do
	set -f
	pattern=$(printf '%s' "$dir $allowed" | sed 's/ */\/|/g; s/|$//')
	lines=$(grep -n '^#include "' "src/$dir"/*.[ch] 2>/dev/null |
		grep -Ev "#include \"($pattern|[a-z0-9-]+\.h\")" | grep -v 'profile.pb-c.h')
	set +f
	report "src/$dir includes only: $dir $allowed" "$lines"
done <<LAYERS
base
model base
target base model
capture base model target
unwind base model target
symbol base model target
classify base model
aggregate base model
write base model
file base model write
doctor base model target capture symbol
engine base model target capture unwind symbol classify aggregate write file
cli
LAYERS

report "only capture uses ptrace" \
	"$(grep -nE '\bptrace *\(|<sys/ptrace.h>' src/*/*.[ch] |
		grep -vE '^src/capture/|^[^:]*:[0-9]+:\s*\*')"
report "only unwind, symbol and target's ELF code use libdw, libelf or libunwind" \
	"$(grep -nE '#include <(elfutils/|libelf|gelf|dwarf|libunwind)' src/*/*.[ch] |
		grep -vE '^src/(unwind|symbol)/|^src/target/(image|elffile|elfsection|plainfile|unpack)\.[ch]')"
report "only cli/msg.c and the program's own output print" \
	"$(grep -nE '\b(printf|puts|fputs|perror|fprintf|putchar) *\(' src/*/*.c |
		grep -vE '^src/cli/|^src/completion/')"
report "stderr is cli/msg.c's" "$(grep -nE '[(, ]stderr[,)]' src/*/*.c | grep -v '^src/cli/msg.c')"
report "the library never exits" \
	"$(grep -nE '\b(exit|_exit|abort|err|errx) *\(' src/*/*.c | grep -v '^src/cli/')"
report "the library reads no environment and sets no signal handler" \
	"$(grep -nE '\b(getenv|secure_getenv|signal|sigaction) *\(' src/*/*.c |
		grep -vE '^src/cli/|^[^:]*:[0-9]+:\s*/?\*')"
report "no mutable globals in the library" \
	"$(grep -nE '^static [a-z_ ]+[a-z_0-9]+(\[[^]]*\])?( = .*)?;' src/*/*.c |
		grep -v '^src/cli/' | grep -vE 'static (inline |const )|const ')"
echo "1..$n"
exit $bad
