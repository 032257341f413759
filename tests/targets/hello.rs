// SPDX-License-Identifier: GPL-2.0-or-later
//! hello.rs: a Rust program whose threads wait in a Mutex, a Condvar, an RwLock, thread::park, a
//! sleep, a channel and a join. Thread r-NAME blocks in hello::waits::in_NAME.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;

struct Shared {
    mutex: Mutex<u32>,
    rwlock: RwLock<u32>,
    gate: Mutex<bool>,
    opened: Condvar,
    arrived: AtomicUsize,
}

mod waits {
    use super::*;

    #[inline(never)]
    pub fn in_mutex(shared: &Shared) -> u32 {
        let value = shared.mutex.lock().unwrap();
        *value + 1
    }

    #[inline(never)]
    pub fn in_rwlock(shared: &Shared) -> u32 {
        let value = shared.rwlock.read().unwrap();
        *value + 1
    }

    #[inline(never)]
    pub fn in_condvar(shared: &Shared) -> u32 {
        let mut open = shared.gate.lock().unwrap();
        while !*open {
            open = shared.opened.wait(open).unwrap();
        }
        1
    }

    #[inline(never)]
    pub fn in_park(_: &Shared) -> u32 {
        loop {
            thread::park();
        }
    }

    #[inline(never)]
    pub fn in_sleep(_: &Shared) -> u32 {
        thread::sleep(Duration::from_secs(24 * 3600));
        1
    }

    #[inline(never)]
    pub fn in_channel(_: &Shared) -> u32 {
        let (sender, receiver) = mpsc::channel::<u32>();
        let value = receiver.recv().unwrap_or(0);
        drop(sender);
        value
    }

    #[inline(never)]
    pub fn in_join(_: &Shared) -> u32 {
        let child = thread::Builder::new()
            .name("r-joined".into())
            .spawn(|| loop {
                thread::park();
            })
            .unwrap();
        child.join().map(|_: ()| 1).unwrap_or(0)
    }
}

#[inline(never)]
fn generic_frame<T: Into<u64>>(shared: &Shared, wait: fn(&Shared) -> u32, extra: T) -> u64 {
    shared.arrived.fetch_add(1, Ordering::SeqCst);
    u64::from(wait(shared)) + extra.into()
}

fn start(shared: &Arc<Shared>, name: &str, wait: fn(&Shared) -> u32) {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(format!("r-{name}"))
        .spawn(move || std::hint::black_box(generic_frame(&shared, wait, 7u32)))
        .unwrap();
}

/// True if every thread but this one sleeps.
fn all_asleep() -> bool {
    let me = std::process::id();
    let asleep = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().unwrap_or("").trim_start().chars().next();
        entry.file_name().to_string_lossy() == me.to_string() || state == Some('S')
    };
    std::fs::read_dir("/proc/self/task").unwrap().flatten().all(asleep)
}

fn main() {
    let shared = Arc::new(Shared {
        mutex: Mutex::new(0),
        rwlock: RwLock::new(0),
        gate: Mutex::new(false),
        opened: Condvar::new(),
        arrived: AtomicUsize::new(0),
    });
    let _held = shared.mutex.lock().unwrap();
    let _written = shared.rwlock.write().unwrap();
    let waits: [(&str, fn(&Shared) -> u32); 7] = [
        ("mutex", waits::in_mutex),
        ("rwlock", waits::in_rwlock),
        ("condvar", waits::in_condvar),
        ("park", waits::in_park),
        ("sleep", waits::in_sleep),
        ("channel", waits::in_channel),
        ("join", waits::in_join),
    ];
    for (name, wait) in waits {
        start(&shared, name, wait);
    }
    while shared.arrived.load(Ordering::SeqCst) < waits.len() || !all_asleep() {
        thread::sleep(Duration::from_millis(1));
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    loop {
        thread::park();
    }
}
