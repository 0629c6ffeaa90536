//! Describes a crash in a dump: reads what the signal handler wrote into the ring.

use std::collections::HashMap;

use dumpmaker::collect::{describe_thread, thread_name_of};
use flightrec_dump::{Dump, Frame, Module, StackOrigin, Thread, Trace};
use stackwalk::crash::{CrashModule, CrashRecord};

/// An invalid access within this distance of the stack pointer is probably a stack overflow.
const NEAR_STACK: u64 = 64 << 10;
/// An access below this address is probably one through a null pointer, to a field at that offset.
const NULL_PAGE: u64 = 4096;

// The numbers of Linux, the only system where crashes are recorded. Another system may read them.
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
pub(crate) const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const SIGSYS: i32 = 31;
// Codes that come with the signals.
const BUS_ADRALN: i32 = 1;
const BUS_ADRERR: i32 = 2;
const FPE_INTDIV: i32 = 1;
/// The instruction of x86 that is defined to be invalid.
const UD2: [u8; 2] = [0x0f, 0x0b];

/// Adds the signal, its cause and the stacks to the dump of a crash.
pub(crate) fn describe(record: &CrashRecord, dump: &mut Dump) {
    let name = signal_name(record.signal);
    let mut symbols = Symbols::new(record);
    let frames = symbols.frames(record.frames.iter().map(|frame| frame.address));
    let cause = cause(record, &frames);
    if let Some(crash) = &mut dump.crash {
        crash.signal = Some(record.signal);
        crash.signal_name = name.map(str::to_owned);
        crash.code = Some(record.code);
        crash.fault_address = record.fault_address.map(|address| format!("{address:#x}"));
        crash.stack_ended = Some(stack_ended(record));
    }
    let shown = name.map_or_else(|| format!("signal {}", record.signal), str::to_owned);
    let (pid, name) = (dump.process.pid, &record.thread_name);
    let thread_name = thread_name_of(record.thread, name, pid);
    dump.reason.message =
        format!("process {pid} crashed in thread {thread_name:?}: {shown}, {cause}");
    dump.process.thread.clone_from(&thread_name);
    dump.modules = modules(record);

    let mut trace = Trace::default();
    trace.error = format!("{shown}, {cause}");
    trace.origin = StackOrigin::Crash;
    trace.frames.clone_from(&frames);
    dump.stack_traces = vec![trace];

    let mut thread = Thread::default();
    thread.id = record.thread.into();
    thread.name = Some(thread_name);
    thread.frames = frames;
    thread.stack_ended = Some(stack_ended(record));
    thread.crashed = true;
    let others = record.threads.iter().map(|other| {
        let mut thread = describe_thread(other, pid);
        thread.frames = symbols.frames(other.addresses.iter().map(|&address| address as u64));
        thread
    });
    dump.threads = [thread].into_iter().chain(others).collect();
    if record.omitted_threads > 0 {
        let note = format!(
            "{} threads are missing: no room was left",
            record.omitted_threads
        );
        dump.notes.push(note);
    }
}

fn stack_ended(record: &CrashRecord) -> String {
    let mut text = record.end.to_string();
    if record.omitted > 0 {
        let omitted = "between the innermost and the outermost are left out";
        text = format!("{text}; {} frames {omitted}", record.omitted);
    }
    let guessed = record.frames.iter().filter(|frame| frame.guessed).count();
    if guessed > 0 {
        let were = if guessed == 1 {
            "frame was"
        } else {
            "frames were"
        };
        text = format!("{text}; {guessed} {were} found without an unwind table");
    }
    text
}

/// Returns the executable and each module that contains a frame.
fn modules(record: &CrashRecord) -> Vec<Module> {
    let of_crash = record.frames.iter().map(|frame| frame.address);
    let others = record.threads.iter().flat_map(|thread| &thread.addresses);
    let addresses: Vec<u64> = of_crash
        .chain(others.map(|&address| address as u64))
        .collect();
    let is_used = |module: &CrashModule| addresses.iter().any(|&at| module.contains(at));
    let used = record.modules.iter().enumerate();
    used.filter(|(index, module)| *index == 0 || is_used(module))
        .map(|(_, module)| Module::new(&*module.name, module.build_id.clone()))
        .collect()
}

/// Makes frames of addresses of the crashed process. Frames have names if this process has loaded the
/// same binary.
struct Symbols<'a> {
    record: &'a CrashRecord,
    loaded: Vec<stackwalk::Module>,
    /// Threads often wait in the same function.
    cache: HashMap<u64, Vec<Frame>>,
}

impl<'a> Symbols<'a> {
    fn new(record: &'a CrashRecord) -> Symbols<'a> {
        Symbols {
            record,
            loaded: stackwalk::modules(),
            cache: HashMap::new(),
        }
    }

    fn frames(&mut self, addresses: impl Iterator<Item = u64>) -> Vec<Frame> {
        let (record, loaded, cache) = (self.record, &self.loaded, &mut self.cache);
        let frames = addresses.flat_map(|address| {
            let frames = cache
                .entry(address)
                .or_insert_with(|| frames_at(address, record, loaded));
            frames.clone()
        });
        frames.collect()
    }
}

/// Returns the frame at an address, and the functions that are inlined there.
fn frames_at(at: u64, record: &CrashRecord, loaded: &[stackwalk::Module]) -> Vec<Frame> {
    let mut unnamed = Frame::default();
    Frame::UNKNOWN.clone_into(&mut unnamed.name);
    let Some(module) = record.modules.iter().find(|module| module.contains(at)) else {
        unnamed.address = format!("{at:#x}");
        return vec![unnamed];
    };
    let address = at.wrapping_sub(module.base);
    unnamed.address = format!("{address:#x}");
    unnamed.module = Some(module.name.clone());
    let same = loaded
        .iter()
        .find(|its| its.build_id().is_some() && its.build_id() == module.build_id.as_deref());
    let here = same.and_then(|same| {
        let here = same.base().checked_add(usize::try_from(address).ok()?)?;
        same.contains(here.checked_sub(1)?).then_some(here)
    });
    let Some(here) = here else {
        return vec![unnamed];
    };
    let mut frames: Vec<Frame> = stackerr::frames_at(&[here])
        .iter()
        .map(dumpmaker::stacks::frame)
        .collect();
    for frame in &mut frames {
        frame.module.clone_from(&unnamed.module);
    }
    if frames.is_empty() {
        vec![unnamed]
    } else {
        frames
    }
}

/// Returns the name of a signal that requests the end of a process.
pub(crate) fn request_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        SIGHUP => "SIGHUP",
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => return None,
    })
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        SIGSEGV => "SIGSEGV",
        SIGBUS => "SIGBUS",
        SIGILL => "SIGILL",
        SIGFPE => "SIGFPE",
        SIGABRT => "SIGABRT",
        SIGTRAP => "SIGTRAP",
        SIGSYS => "SIGSYS",
        _ => return None,
    })
}

fn cause(record: &CrashRecord, frames: &[Frame]) -> String {
    if record.signal == SIGABRT {
        return abort_cause(frames).unwrap_or("aborted").to_owned();
    }
    // A signal that a process sent has a code of 0 or below.
    if record.code <= 0 {
        return "sent by a process".to_owned();
    }
    let innermost = record.frames.first();
    let ip = innermost.map(|frame| frame.address.wrapping_sub(1));
    match (record.signal, record.code, record.fault_address) {
        (SIGSEGV, _, Some(address)) if ip == Some(address) && address < NULL_PAGE => {
            format!("jump to {address:#x} (null function pointer?)")
        }
        (SIGSEGV, _, Some(address)) if ip == Some(address) => {
            format!("jump to {address:#x}, where there is no code")
        }
        (SIGSEGV, _, Some(address)) if address < NULL_PAGE => {
            format!("invalid access to {address:#x} (null pointer?)")
        }
        (SIGSEGV, _, Some(address)) if address.abs_diff(record.stack_pointer) < NEAR_STACK => {
            format!("invalid access to {address:#x}, near the stack pointer (stack overflow?)")
        }
        (SIGSEGV, _, Some(address)) => format!("invalid access to {address:#x}"),
        // The kernel reports no address if it is not canonical.
        (SIGSEGV, _, None) => "invalid access (non-canonical address?)".to_owned(),
        (SIGBUS, BUS_ADRALN, _) => "misaligned access".to_owned(),
        (SIGBUS, BUS_ADRERR, Some(address)) => {
            format!("access to {address:#x}, which no file backs (mapped file truncated?)")
        }
        (SIGBUS, _, _) => "access to memory that can't be read".to_owned(),
        (SIGILL, _, _) if record.instruction.starts_with(&UD2) => {
            "aborted by the instruction ud2, as `core::intrinsics::abort` does".to_owned()
        }
        (SIGILL, _, _) => "illegal instruction".to_owned(),
        (SIGFPE, FPE_INTDIV, _) => {
            "integer division by zero, or its result is too large".to_owned()
        }
        (SIGFPE, _, _) => "erroneous arithmetic operation".to_owned(),
        (SIGTRAP, _, _) => "breakpoint or trap".to_owned(),
        (SIGSYS, _, _) => "forbidden system call".to_owned(),
        _ => "a fatal signal".to_owned(),
    }
}

/// Returns why a program aborted, if the names of the functions on the stack say so.
fn abort_cause(frames: &[Frame]) -> Option<&'static str> {
    // The first of these that is on the stack counts, because it may call later ones.
    const CAUSES: &[(&str, &str)] = &[
        (
            "panic_in_cleanup",
            "aborted because a destructor panicked during unwinding",
        ),
        (
            "panic_cannot_unwind",
            "aborted because a panic left a function that must not unwind",
        ),
        (
            "rust_panic_without_hook",
            "aborted because a panic could not unwind",
        ),
        ("handle_alloc_error", "aborted because an allocation failed"),
        ("panic_abort", "aborted because of a panic"),
        ("malloc_printerr", "aborted because the heap is corrupted"),
        (
            "__stack_chk_fail",
            "aborted because the stack is corrupted (buffer overflow?)",
        ),
        ("__assert_fail", "aborted because an assertion in C failed"),
        ("std::process::abort", "aborted by `std::process::abort`"),
    ];
    let is_called = |function: &str| frames.iter().any(|frame| frame.name.contains(function));
    let found = CAUSES.iter().find(|(function, _)| is_called(function));
    found.map(|(_, cause)| *cause)
}
