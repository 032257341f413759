# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# programs.lib.sh: starts well-known programs, each in its state of rest with a private directory
# under $TMP and no network but loopback. Sourced after tests/it/lib.sh. Each start_NAME sets
# TARGET_PID and fails if the program is not there; end with target_stop.


start_redis() {
	command -v redis-server >/dev/null || return 1
	mkdir -p "$TMP/redis"
	program_start redis-server --port 0 --unixsocket "$TMP/redis/sock" --dir "$TMP/redis" --save ''
	wait_until 10 test -S "$TMP/redis/sock"
}

# Threads in sleep, a queue, a condition, a socket, a lock, a child's end, and a pool.
start_python() {
	[ -x /usr/bin/python3 ] || return 1
	cat >"$TMP/threads.py" <<'PY'
import queue, socket, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
lock, left, right = threading.Lock(), *socket.socketpair()
lock.acquire()
child = subprocess.Popen(["sleep", "1000"])
def outer(function, *args):
    return function(*args)
def in_condition():
    with condition:
        condition.wait()
condition = threading.Condition()
waits = [(time.sleep, 1000), (queue.Queue().get,), (left.recv, 1), (lock.acquire,), (in_condition,),
         (threading.Event().wait, 1000), (child.wait,)]
for wait in waits:
    threading.Thread(target=outer, args=wait, daemon=True).start()
pool = ThreadPoolExecutor(4)
list(pool.map(lambda n: time.sleep(0.01), range(8)))
while threading.active_count() < len(waits) + 5:
    time.sleep(0.01)
time.sleep(0.2)
open(sys.argv[1], "w").close()
time.sleep(1000)
PY
	program_start /usr/bin/python3 "$TMP/threads.py" "$TMP/python.ready"
	wait_until 20 test -e "$TMP/python.ready"
}

start_java() {
	command -v java >/dev/null || return 1
	cat >"$TMP/Waits.java" <<'JAVA'
import java.nio.file.*;
import java.util.concurrent.*;
public class Waits {
	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(4);
		for (int i = 0; i < 4; i++)
			pool.submit(() -> { });
		Object lock = new Object();
		Thread sleeper = new Thread(() -> {
			try { Thread.sleep(1000000); } catch (InterruptedException e) { }
		}, "sleeper");
		Thread waiter = new Thread(() -> {
			synchronized (lock) { try { lock.wait(); } catch (InterruptedException e) { } }
		}, "waiter");
		sleeper.start();
		waiter.start();
		while (waiter.getState() != Thread.State.WAITING)
			Thread.sleep(10);
		Files.createFile(Path.of(args[0]));
		Thread.sleep(1000000);
	}
}
JAVA
	# Run from source where there is a compiler, else there is nothing to run.
	(cd "$TMP" && javac Waits.java 2>/dev/null) || return 1
	program_start java -Xmx64m -Xshare:auto -cp "$TMP" Waits "$TMP/java.ready"
	wait_until 30 test -e "$TMP/java.ready"
}

# One worker is looked at: the master only sleeps in sigsuspend.
start_nginx() {
	command -v nginx >/dev/null || return 1
	mkdir -p "$TMP/nginx"
	cat >"$TMP/nginx/conf" <<CONF
daemon off; master_process off; pid $TMP/nginx/pid; error_log $TMP/nginx/error.log;
thread_pool default threads=4;
events { }
http { access_log off; aio threads; server { listen unix:$TMP/nginx/sock; root $TMP/nginx; } }
CONF
	program_start nginx -p "$TMP/nginx" -c "$TMP/nginx/conf" -e "$TMP/nginx/error.log"
	wait_until 10 test -S "$TMP/nginx/sock"
}

# The checkpointer: one of the server's processes, in the state in which it is nearly always.
start_postgres() {
	local bin user=nobody
	bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
	[ -x "$bin/initdb" ] && command -v setpriv >/dev/null && [ "$(id -u)" = 0 ] || return 1
	! id postgres >/dev/null 2>&1 || user=postgres
	chmod 711 "$TMP"
	install -d -o $user -m 700 "$TMP/pg"
	local as=(setpriv --reuid=$user --regid="$(id -g $user)" --clear-groups)
	(cd "$TMP/pg" && "${as[@]}" "$bin/initdb" -D "$TMP/pg/data" -A trust -N >/dev/null 2>&1) || return 1
	cd "$TMP/pg" || return 1
	program_start "${as[@]}" "$bin/postgres" -D "$TMP/pg/data" -k "$TMP/pg" -c listen_addresses=
	cd - >/dev/null || return 1
	wait_until 20 test -S "$TMP/pg/.s.PGSQL.5432"
}

start_rust() {
	target_have hello && target_start hello
}

start_go() {
	target_have goprog && target_start goprog
}

start_waits() {
	target_start waits
}
