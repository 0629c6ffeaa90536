// A library with Go's runtime. Go handles SIGSEGV: it turns an access through a nil pointer into a panic.
package main

// typedef void (*callback)(void);
// static void call(callback f) { f(); }
import "C"

import "runtime"

var none *int

func panics() (recovered bool) {
	defer func() { recovered = recover() != nil }()
	*none = 1
	return false
}

// Panics and recovers in several goroutines, while others allocate and the collector runs.
//
//export peer_work
func peer_work() C.int {
	const workers, rounds = 4, 50
	counts := make(chan int)
	for n := 0; n < workers; n++ {
		go func() {
			count := 0
			for m := 0; m < rounds; m++ {
				if panics() {
					count++
				}
				_ = make([]byte, 1<<16)
				runtime.Gosched()
			}
			counts <- count
		}()
	}
	sum := 0
	for n := 0; n < workers; n++ {
		sum += <-counts
	}
	runtime.GC()
	return C.int(sum)
}

//export peer_call
func peer_call(f C.callback) { C.call(f) }

// A panic that is not recovered: Go ends the process.
//
//export peer_end
func peer_end() { *none = 1 }

func main() {}
