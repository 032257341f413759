// SPDX-License-Identifier: GPL-2.0-or-later

// goprog: a Go program, built without cgo, whose goroutines wait in a mutex, a channel, a sleep, a
// select and a blocking read; the read and a locked nap keep threads of their own.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var mutex sync.Mutex

//go:noinline
func inMutex() {
	mutex.Lock()
	mutex.Unlock()
}

//go:noinline
func inChannel(c chan int) int {
	return <-c
}

//go:noinline
func inSelect(a, b chan int) int {
	select {
	case v := <-a:
		return v
	case v := <-b:
		return v
	}
}

//go:noinline
func inSleep() {
	time.Sleep(24 * time.Hour)
}

// inRead blocks its thread: the pipe is no file of the runtime's poller.
//
//go:noinline
func inRead(fd int) int {
	var b [1]byte
	n, _ := syscall.Read(fd, b[:])
	return n
}

//go:noinline
func inLockedSleep() {
	runtime.LockOSThread()
	ts := syscall.Timespec{Sec: 24 * 3600}
	for {
		_ = syscall.Nanosleep(&ts, nil)
	}
}

func main() {
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		panic(err)
	}
	mutex.Lock()
	go inMutex()
	go inChannel(make(chan int))
	go inSelect(make(chan int), make(chan int))
	go inSleep()
	go inRead(fds[0])
	go inLockedSleep()
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	os.Stdout.Sync()
	inChannel(make(chan int))
}
