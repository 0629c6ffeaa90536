//! `handlers PEER before|after END [DIR]`
//!
//! A program with a peer that handles signals or panics, which ends in a given way. If a directory is
//! given, it also has a recorder, and the peer is installed before or after it. With and without the
//! recorder, the program must print the same and end in the same way.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

mod peers;

use std::arch::asm;
use std::hint::black_box;
use std::process::ExitCode;

use flightrec::FlightRecorder;
use flightrec::stackerr::Error;

fn main() -> ExitCode {
    // SAFETY: no preconditions. The alarm ends a program that hangs.
    unsafe { libc::alarm(60) };
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [peer, order, end, dir @ ..] = &args[..] else {
        panic!("handlers PEER before|after END [DIR]");
    };
    let install = || dir.first().map(|dir| install(dir));
    let (peer, recorder) = match order.as_str() {
        "before" => (peers::install(peer), install()),
        "after" => {
            let recorder = install();
            (peers::install(peer), recorder)
        }
        other => panic!("unknown order {other:?}"),
    };
    let has_recorder = recorder.is_some();
    let body = move || {
        log::debug!("the peer works");
        println!("{}", peer.work());
        if has_recorder {
            // Also captures the stacks of the peer's threads, which must continue.
            for _ in 0..20 {
                let threads = stackwalk::threads::capture();
                assert!(threads.is_ok_and(|threads| !threads.is_empty()));
            }
        }
        println!("{}", peer.work());
        log::debug!("the last record");
        match end.as_str() {
            "well" => {}
            "crash" => crash(),
            "crash in a thread" => {
                let _ = std::thread::spawn(|| crash()).join();
            }
            "crash in a callback" => peer.call(crash),
            "abort" => std::process::abort(),
            "panic" => panic!("a panic"),
            "own end" => peer.end(),
            other => panic!("unknown end {other:?}"),
        }
        Ok::<(), Error>(())
    };
    match recorder {
        Some(recorder) => recorder.run(body),
        None => body().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
    }
}

fn install(dir: &str) -> FlightRecorder {
    let builder = flightrec::builder("handlers").dir(dir).crash_safe(true);
    let builder = builder.console(log::LevelFilter::Off);
    builder.install().expect("the recorder is the first logger")
}

#[inline(never)]
extern "C" fn crash() {
    // SAFETY: unsound on purpose: this is the fault.
    unsafe { asm!("mov byte ptr [{0}], 1", in(reg) black_box(0x1234_5678_9000_usize)) };
}
