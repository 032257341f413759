#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# files.sh: report, diff and merge over files that Go's own runtime/pprof wrote, held against what
# go tool pprof says of the same files.
. "$(dirname "$0")/lib.sh"

pprof_have || t_skip_all "no go"
GOCACHE=$(go env GOCACHE) # what is compiled in an empty one is all of Go's library
export PPROF_TMPDIR=$TMP HOME=$TMP GOFLAGS="" GOCACHE TZ=UTC
mkdir "$TMP/a" "$TMP/b"
A=$TMP/a B=$TMP/b

cat >"$TMP/profiles.go" <<'GO'
// profiles DIR SCALE: write one profile of each kind.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var (
	sink  [][]byte
	mutex sync.Mutex
)

//go:noinline
func spin(d time.Duration) (n int) {
	for end := used() + d; used() < end; n++ {
	}
	return n
}

func used() time.Duration { // of CPU time
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

//go:noinline
func allocate(n int) {
	for i := 0; i < n; i++ {
		sink = append(sink, make([]byte, 4096))
	}
}

//go:noinline
func hold(done *sync.WaitGroup) {
	defer done.Done()
	for i := 0; i < 20; i++ {
		mutex.Lock()
		time.Sleep(time.Millisecond)
		mutex.Unlock()
	}
}

func create(dir, name string) *os.File {
	file, err := os.Create(dir + "/" + name + ".pb.gz")
	if err != nil {
		panic(err)
	}
	return file
}

func main() {
	dir := os.Args[1]
	scale, _ := strconv.Atoi(os.Args[2])
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	pprof.StartCPUProfile(create(dir, "cpu"))
	spin(time.Duration(scale) * 200 * time.Millisecond)
	pprof.StopCPUProfile()
	allocate(scale * 2000)
	var done sync.WaitGroup
	for i := 0; i < 3*scale; i++ {
		done.Add(1)
		go hold(&done)
	}
	done.Wait()
	runtime.GC()
	for _, name := range []string{"heap", "goroutine", "block", "mutex", "threadcreate"} {
		if err := pprof.Lookup(name).WriteTo(create(dir, name), 0); err != nil {
			panic(err)
		}
	}
}
GO
if ! go build -o "$TMP/profiles" "$TMP/profiles.go" 2>"$TMP/build.err"; then
	t_diag "$(cat "$TMP/build.err")"
	t_skip_all "go cannot build"
fi
"$TMP/profiles" "$A" 1 && "$TMP/profiles" "$B" 2 || t_fail "the Go program writes its profiles"

# Without what is meant to differ: marks of inlining, the time (Go 1.26 writes it anew), what a difference says of
# the files and of time.
plain() {
	sed -E '/^Time: /d; s/ \((partial-)?inline\)$//; s/[[:space:]]+$//'
}
# In "Dropped 2 nodes (cum <= X)" go1.19 says a share of the base, but drops by that of the difference
# (internal/report/report.go, reportLabels and newTrimmedGraph).
plain_diff() {
	plain | grep -Ev '^(Base|New|File|Build ID|Time|Duration): ' | sed 's/ (cum <= .*//'
}
go_pprof() {
	"$PPROF" -symbolize=none "$@" 2>/dev/null
}

# ---- the same numbers ----

for kind in cpu heap goroutine block mutex threadcreate; do
	for cum in "" --cum; do
		t_is "$kind: report ${cum:---top}" \
			"$("$STACKSNAP" report $cum "$B/$kind.pb.gz" | plain)" \
			"$(go_pprof -top ${cum:+-cum} "$B/$kind.pb.gz" | plain)"
		t_is "$kind: diff ${cum:---top}" \
			"$("$STACKSNAP" diff $cum "$A/$kind.pb.gz" "$B/$kind.pb.gz" | plain_diff)" \
			"$(go_pprof -top ${cum:+-cum} -diff_base "$A/$kind.pb.gz" "$B/$kind.pb.gz" | plain_diff)"
	done
	t_is "$kind: report --traces" \
		"$("$STACKSNAP" report --traces "$B/$kind.pb.gz" | plain)" \
		"$(go_pprof -traces "$B/$kind.pb.gz" | grep -v '^Time:' | plain)"
	# what -base shows of each function, whatever it calls 100 %
	t_is "$kind: diff has the values of -base" \
		"$("$STACKSNAP" diff -n 0 "$A/$kind.pb.gz" "$B/$kind.pb.gz" --unit ns |
			awk 'on { print $1, $4, $NF } /flat%/ { on = 1 }' | sort)" \
		"$(go_pprof -top -nodefraction=0 -unit=ns -base "$A/$kind.pb.gz" "$B/$kind.pb.gz" | plain |
			awk 'on && ($1 != "0" || $4 != "0") { print $1, $4, $NF } /flat%/ { on = 1 }' | sort)"
	go_pprof -proto -output="$TMP/go-$kind.pb.gz" "$A/$kind.pb.gz" "$B/$kind.pb.gz" >/dev/null
	t_status "$kind: merge" 0 "$STACKSNAP" merge "$A/$kind.pb.gz" "$B/$kind.pb.gz" \
		-o "$TMP/ours-$kind.pb.gz"
	# threadcreate: Go's own has samples without a stack, which its merge leaves out of the total
	t_is "$kind: merged as go tool pprof merges" \
		"$(go_pprof -top -nodefraction=0 "$TMP/ours-$kind.pb.gz" | grep -v "^Showing.*, 0% of")" \
		"$(go_pprof -top -nodefraction=0 "$TMP/go-$kind.pb.gz" | grep -v "^Showing.*, 0% of")"
	t_is "$kind: as many samples" \
		"$(go_pprof -raw "$TMP/ours-$kind.pb.gz" | grep -c '^ .*: [0-9 ]*$')" \
		"$(go_pprof -raw "$TMP/go-$kind.pb.gz" | grep -c '^ .*: [0-9 ]*$')"
done
t_is "heap: --sample-index" \
	"$("$STACKSNAP" report --sample-index alloc_objects "$B/heap.pb.gz" | plain)" \
	"$(go_pprof -top -sample_index=alloc_objects "$B/heap.pb.gz" | plain)"
t_is "block: --focus" \
	"$("$STACKSNAP" report --focus Mutex "$B/block.pb.gz" | plain | sed 1,/flat%/d)" \
	"$(go_pprof -top -focus Mutex "$B/block.pb.gz" | plain | sed 1,/flat%/d)"
t_like "block: --tree" "$("$STACKSNAP" report --tree "$B/block.pb.gz")" '[0-9]%  +main\.hold$'
gzip -dc "$B/block.pb.gz" >"$TMP/plain.pb"
t_is "not gzipped" "$("$STACKSNAP" report "$TMP/plain.pb")" "$("$STACKSNAP" report "$B/block.pb.gz")"
t_is "standard input" "$("$STACKSNAP" report - <"$B/block.pb.gz")" \
	"$("$STACKSNAP" report "$B/block.pb.gz")"
t_is "a difference from itself" \
	"$("$STACKSNAP" diff -n 0 "$B/block.pb.gz" "$B/block.pb.gz" | sed 1,/flat%/d)" ""

# ---- output ----

t_is "merge: mode" "$(stat -c %a "$TMP/ours-cpu.pb.gz")" 600
t_status "an output that is an input" 0 "$STACKSNAP" merge "$TMP/go-cpu.pb.gz" "$TMP/go-cpu.pb.gz" \
	-o "$TMP/go-cpu.pb.gz"
t_status "report -o" 0 "$STACKSNAP" report -o "$TMP/report.txt" "$B/cpu.pb.gz"
t_like "report -o: content" "$(cat "$TMP/report.txt")" '^Type: cpu$'
echo old >"$TMP/kept.pb.gz"
t_status "merge of different types" 2 "$STACKSNAP" merge "$A/cpu.pb.gz" "$B/heap.pb.gz" \
	-o "$TMP/kept.pb.gz"
t_is "merge of different types: the old file is kept" "$(cat "$TMP/kept.pb.gz")" old

# ---- thresholds ----

over() { # NAME STATUS REGEX ARGUMENT...
	local name=$1 status=$2 regex=$3
	shift 3
	snap "$@"
	t_is "$name: status" "$STATUS" "$status"
	t_like "$name: message" "$ERR" "$regex"
}

over "grew by more" 4 "--fail-over main.spin=\+50ms: the change of cum of main.spin is \+" \
	diff --fail-over 'main.spin=+50ms' "$A/cpu.pb.gz" "$B/cpu.pb.gz"
t_like "grew by more: shown all the same" "$OUT" 'main\.spin'
over "grew by less" 0 '^$' diff --fail-over 'main.spin=+1h' "$A/cpu.pb.gz" "$B/cpu.pb.gz"
over "shrank by more" 4 'is -' diff --fail-over 'main.spin=-50ms' "$B/cpu.pb.gz" "$A/cpu.pb.gz"
over "the second of two" 4 'spin=0' \
	diff --fail-over 'main.spin=1h' --fail-over 'spin=0' "$A/cpu.pb.gz" "$B/cpu.pb.gz"
over "report" 4 'cum of main.spin is [0-9.]+ms' report --fail-over 'spin=100ms' "$B/cpu.pb.gz"
over "nothing matches" 0 'no function matches' report --fail-over 'nobody=1' "$B/cpu.pb.gz"
over "bytes have no duration" 64 'a threshold is a time' \
	report --fail-over 'main=1' "$B/heap.pb.gz"

# ---- mistakes ----

over "no file" 2 'cannot read .*: No such file' report "$TMP/none.pb.gz"
over "no file given" 64 'usage: stacksnap report FILE' report
over "one file for diff" 64 'usage: stacksnap diff BASE NEW' diff "$A/cpu.pb.gz"
over "merge without -o" 64 'merge needs -o' merge "$A/cpu.pb.gz"
over "symbolize without -o" 64 'symbolize needs -o' symbolize "$A/cpu.pb.gz"
over "different types" 2 'different types: .*samples/count.*alloc' diff "$A/cpu.pb.gz" "$B/heap.pb.gz"
over "text" 2 'it is text' report "$TMP/profiles.go"
head -c 300 "$B/heap.pb.gz" >"$TMP/cut.pb.gz"
over "cut off" 2 'cut\.pb\.gz: the gzip data is cut off after 300 bytes' report "$TMP/cut.pb.gz"
head -c 300 "$TMP/plain.pb" >"$TMP/cut.pb"
over "cut off inside" 2 'cut\.pb: not a' report "$TMP/cut.pb"
head -c 100000000 /dev/zero | gzip -9 >"$TMP/bomb.pb.gz"
over "bomb" 2 'bomb' report "$TMP/bomb.pb.gz"
over "two reports" 64 '--top and --tree are two reports' report --top --tree "$B/cpu.pb.gz"
over "bad regular expression" 64 "'\(':" report --focus '(' "$B/cpu.pb.gz"
over "bad threshold" 64 'is not REGEX=TIME' report --fail-over main "$B/cpu.pb.gz"
over "bad duration" 64 "is no duration" report --fail-over main=x "$B/cpu.pb.gz"
over "negative in a report" 64 'not negative' report --fail-over main=-1s "$B/cpu.pb.gz"
over "option of another command" 64 'unknown or ambiguous option --tree' \
	merge --tree "$A/cpu.pb.gz" -o "$TMP/x"
for command in report diff merge symbolize; do
	t_status "$command --help" 0 "$STACKSNAP" $command --help
	t_like "$command --help: usage" "$("$STACKSNAP" $command -h)" "^usage: stacksnap $command "
	t_is "$command: the table has four columns" \
		"$("$STACKSNAP" $command --help=options | awk -F'\t' 'NF != 4')" ""
done
"$STACKSNAP" report "$B/cpu.pb.gz" >/dev/full 2>"$TMP/err"
t_is "full disk: status" "$?" 2
t_done
