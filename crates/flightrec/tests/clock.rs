//! No record is missing from a dump if the processor's counter restarts from zero, as after some sleep
//! states and when a virtual machine is restored, or jumps ahead.
//!
//! The kernel can make a program trap when it reads the counter. The child process of this test uses this,
//! and its handler returns a counter that the test sets.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

mod common;

use std::arch::x86_64::_rdtsc;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use common::{child, dumps, quiet, scenario, stderr};
use flightrec::Dump;
use log::debug;
use tempfile::tempdir;

/// How many records there are, and how many are kept.
const RECORDS: u64 = 1_500;
const KEPT: u64 = 200;

/// Added to the counter when the program reads it.
static AHEAD: AtomicI64 = AtomicI64::new(0);
static TRAPS: AtomicU64 = AtomicU64::new(0);

fn set_traps(on: bool) -> bool {
    let mode = if on {
        libc::PR_TSC_SIGSEGV
    } else {
        libc::PR_TSC_ENABLE
    };
    // SAFETY: it changes what `rdtsc` does in this thread and in those that it starts.
    unsafe { libc::prctl(libc::PR_SET_TSC, mode) == 0 }
}

fn real_counter() -> i64 {
    // SAFETY: every x86-64 processor has it.
    unsafe { _rdtsc() }.cast_signed()
}

/// Emulates a read of the counter. The vDSO, the kernel's code for the system's clocks, gets the real
/// counter.
extern "C" fn on_trap(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes the context of the interrupted thread, which nothing else uses.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let registers = &mut context.uc_mcontext.gregs;
    let at = registers[libc::REG_RIP as usize];
    // SAFETY: the thread was executing the instruction there.
    let code = unsafe { std::slice::from_raw_parts(at as *const u8, 3) };
    let length = match code {
        [0x0f, 0x31, ..] => 2,
        [0x0f, 0x01, 0xf9] => 3,
        // A real crash.
        _ => std::process::abort(),
    };
    // SAFETY: it reads a number.
    let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as i64;
    let is_vdso = (vdso..vdso + 0x4000).contains(&at);
    set_traps(false);
    let mut counter = real_counter();
    set_traps(true);
    if !is_vdso {
        counter = counter.wrapping_add(AHEAD.load(Ordering::Relaxed));
        TRAPS.fetch_add(1, Ordering::Relaxed);
    }
    registers[libc::REG_RAX as usize] = counter & 0xffff_ffff;
    registers[libc::REG_RDX as usize] = (counter >> 32) & 0xffff_ffff;
    registers[libc::REG_RIP as usize] += length;
}

fn install_traps() -> bool {
    // SAFETY: all fields may be zero. The required ones are set below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_trap as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    // SAFETY: the handler is async-signal-safe, and the structure is valid for the call.
    let installed = unsafe { libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()) == 0 };
    installed && set_traps(true)
}

fn assert_last_records(dump: &Dump, records: u64) {
    let kept: Vec<_> = dump.latest_logs.iter().map(|log| log.msg.clone()).collect();
    let first = records.saturating_sub(KEPT);
    let expected: Vec<_> = (first..records)
        .map(|number| format!("record {number}"))
        .collect();
    assert_eq!(kept, expected);
}

/// The child process: its counter jumps while two threads log.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let recorder = quiet(&dir)
        .keep_lines(KEPT as usize)
        .crash_safe(scenario == "in a file")
        .install()
        .unwrap();
    assert!(install_traps(), "{}", std::io::Error::last_os_error());
    let (turn, to_other) = mpsc::channel::<u64>();
    let (done, from_other) = mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        for number in to_other {
            debug!("record {number}");
            done.send(()).unwrap();
        }
    });
    let uptime = real_counter();
    for number in 0..RECORDS {
        let ahead = match number {
            100 => -uptime,
            300 => -uptime / 2,
            500 => uptime,
            501 => -uptime,
            900 => uptime * 4,
            1_100 => 0,
            _ if number == RECORDS - 10 => -uptime,
            _ => AHEAD.load(Ordering::Relaxed),
        };
        AHEAD.store(ahead, Ordering::Relaxed);
        // One thread logs many records in a row, so that it fills segments alone.
        if number % 7 < 2 || number % 300 > 250 {
            turn.send(number).unwrap();
            from_other.recv().unwrap();
        } else {
            debug!("record {number}");
        }
        if number % 50 == 0 || number == 501 {
            assert_last_records(&recorder.snapshot(), number + 1);
        }
    }
    drop(turn);
    other.join().unwrap();
    println!("\n{} reads of the counter", TRAPS.load(Ordering::Relaxed));
    recorder.run(|| Err::<ExitCode, _>("the end"));
    std::process::exit(0);
}

#[test]
fn no_record_is_missing_from_a_dump_if_the_counter_jumps() {
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    if std::fs::read(source).is_ok_and(|name| name.trim_ascii() != b"tsc") {
        println!(
            "not tried: the kernel does not trust the counter, so the recorder does not either"
        );
        return;
    }
    for scenario in ["in memory", "in a file"] {
        if scenario == "in a file" && cfg!(not(feature = "crash-safe")) {
            continue;
        }
        let dir = tempdir().unwrap();
        let output = child("program", scenario, dir.path());
        assert!(output.status.success(), "{output:?}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let reads = stdout.lines().find_map(|line| {
            let number = line.strip_suffix(" reads of the counter")?;
            number.parse::<u64>().ok()
        });
        assert!(
            reads.is_some_and(|reads| reads >= RECORDS),
            "the recorder does not read the counter: {stdout}"
        );
        let dumps = dumps(dir.path());
        let [(_, dump)] = &dumps[..] else {
            panic!("{} dumps: {}", dumps.len(), stderr(&output));
        };
        assert_last_records(dump, RECORDS);
        // Times are within the life of the process, and in the order of the records.
        let slack = Duration::from_secs(1);
        let times: Vec<_> = dump
            .latest_logs
            .iter()
            .map(|log| log.time.system_time())
            .collect();
        assert!(times.is_sorted());
        assert!(times[0] >= dump.process.started_at.system_time() - slack);
        assert!(times[times.len() - 1] <= dump.created_at.system_time() + slack);
    }
}
