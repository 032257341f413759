// SPDX-License-Identifier: GPL-2.0-or-later
//! foreign.rs: Rust's own locks, none of which records who holds it. Thread f-NAME blocks in
//! in_NAME. What the locks protect begins 8 bytes behind the futex word and reads like the rest of
//! a glibc mutex: owner (the main thread), one user, kind 0.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::Duration;

type Data = [u32; 8];

struct Shared {
    mutex: Mutex<Data>,
    read: RwLock<Data>,
    write: RwLock<Data>,
    pair: Mutex<Data>,
    changed: Condvar,
    barrier: Barrier,
    once: Once,
    arrived: AtomicUsize,
}

#[inline(never)]
fn in_mutex(shared: &Shared) -> u32 {
    shared.mutex.lock().unwrap()[0] + 1
}

#[inline(never)]
fn in_read(shared: &Shared) -> u32 {
    shared.read.read().unwrap()[0] + 1
}

#[inline(never)]
fn in_write(shared: &Shared) -> u32 {
    shared.write.write().unwrap()[0] + 1
}

#[inline(never)]
fn in_condvar(shared: &Shared) -> u32 {
    let mut data = shared.pair.lock().unwrap();
    while data[0] != 0 {
        data = shared.changed.wait(data).unwrap();
    }
    data[1]
}

#[inline(never)]
fn in_park(_: &Shared) -> u32 {
    loop {
        thread::park();
    }
}

#[inline(never)]
fn in_recv(_: &Shared) -> u32 {
    let (sender, receiver) = mpsc::channel::<u32>();
    let value = receiver.recv().unwrap_or(0);
    drop(sender);
    value
}

#[inline(never)]
fn in_send(_: &Shared) -> u32 {
    let (sender, receiver) = mpsc::sync_channel::<u32>(0);
    let _ = sender.send(1);
    drop(receiver);
    1
}

#[inline(never)]
fn in_barrier(shared: &Shared) -> u32 {
    shared.barrier.wait().is_leader() as u32
}

#[inline(never)]
fn in_once(shared: &Shared) -> u32 {
    shared.once.call_once(|| {});
    1
}

fn rest() -> ! {
    loop {
        thread::sleep(Duration::from_secs(24 * 3600));
    }
}

type Wait = fn(&Shared) -> u32;

fn start(shared: &'static Shared, name: &str, wait: Wait) {
    let body = move || {
        shared.arrived.fetch_add(1, Ordering::SeqCst);
        wait(shared)
    };
    let name = format!("f-{name}");
    thread::Builder::new().name(name).spawn(body).unwrap();
}

// Runs the Once until the end of the program.
fn start_once(shared: &'static Shared) {
    let begun: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    thread::spawn(move || {
        shared.once.call_once(|| {
            begun.wait();
            rest()
        })
    });
    begun.wait();
}

fn asleep() -> usize {
    let mut n = 0;
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = entry.unwrap().path().join("stat");
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        n += (stat.contains("(f-") && stat.contains(") S ")) as usize;
    }
    n
}

fn main() {
    let me = std::process::id();
    let data: Data = [me, 1, 0, 0, 0, 0, 0, 0];
    let shared: &'static Shared = Box::leak(Box::new(Shared {
        mutex: Mutex::new(data),
        read: RwLock::new(data),
        write: RwLock::new(data),
        pair: Mutex::new(data),
        changed: Condvar::new(),
        barrier: Barrier::new(2),
        once: Once::new(),
        arrived: AtomicUsize::new(0),
    }));
    let waits: [(&str, Wait); 9] = [
        ("mutex", in_mutex),
        ("read", in_read),
        ("write", in_write),
        ("condvar", in_condvar),
        ("park", in_park),
        ("recv", in_recv),
        ("send", in_send),
        ("barrier", in_barrier),
        ("once", in_once),
    ];
    let _held = (
        shared.mutex.lock().unwrap(),
        shared.read.write().unwrap(),
        shared.write.read().unwrap(),
    );
    start_once(shared);
    for (name, wait) in waits {
        start(shared, name, wait);
    }
    while shared.arrived.load(Ordering::SeqCst) < waits.len() || asleep() < waits.len() {
        thread::sleep(Duration::from_millis(1));
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    rest();
}
