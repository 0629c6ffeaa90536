//! Real crashes of child processes, with and without the handlers.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

use stackwalk::crash::{AREA_BYTES, CrashRecord, StackEnd, arm};
use stackwalk::threads::Outcome;
use std::arch::asm;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::{process, ptr, thread};

/// Runs in the child: installs the handlers if an area is given, and crashes.
#[test]
fn program() {
    let Ok(death) = std::env::var("DEATH") else {
        return;
    };
    match death.as_str() {
        "chained" => install_own_handler(),
        "signal-hook" => register_with_signal_hook(),
        "overflow in C" => undo_std(),
        "repaired" => install_repairing_handler(),
        "given back" => install_handler_that_gives_back(),
        "handled" | "abort that is handled" => handle_with_signal_hook(),
        _ => {}
    }
    if let Some(path) = std::env::var_os("AREA") {
        arm(map(&PathBuf::from(&path))).unwrap();
        if death == "cut area" {
            // Now the handler's write raises SIGBUS.
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(0)
                .unwrap();
        }
    }
    match death.as_str() {
        "signal-hook afterwards" => register_with_signal_hook(),
        "handled afterwards" | "abort that is handled afterwards" => handle_with_signal_hook(),
        "among threads" | "overflow among threads" | "abort among threads" => start_threads(),
        _ => {}
    }
    die(&death);
}

/// Starts threads that wait in different ways.
fn start_threads() {
    let ready = Arc::new(Barrier::new(3));
    let begins = [Arc::clone(&ready), Arc::clone(&ready)];
    let [reads, blocks] = begins;
    let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .unwrap()
    };
    let (reader, writer) = UnixStream::pair().unwrap();
    // The writer stays open, so that the reader waits.
    std::mem::forget(writer);
    start(
        "reader",
        Box::new(move || {
            reads.wait();
            reads_from(reader);
        }),
    );
    start(
        "blocker",
        Box::new(move || {
            // SAFETY: a live set.
            unsafe {
                let mut all = std::mem::zeroed();
                libc::sigfillset(&raw mut all);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
            }
            blocks.wait();
            loop {
                thread::park();
            }
        }),
    );
    ready.wait();
    // Waits until the reader sleeps in the system call.
    while !stackwalk::threads::capture()
        .unwrap()
        .iter()
        .any(|thread| thread.name == "reader" && thread.system_call_name() == Some("recvfrom"))
    {
    }
}

#[inline(never)]
fn reads_from(mut stream: UnixStream) {
    let read = stream.read(&mut [0; 8]);
    black_box(read).unwrap();
}

/// Starts a thread in a system call that returns -1 if the thread is asked for its stack.
fn start_sleeper() -> thread::JoinHandle<i32> {
    let sleeper = thread::spawn(|| {
        // SAFETY: no descriptors.
        unsafe { libc::poll(ptr::null_mut(), 0, 500) }
    });
    // Waits until the thread is in the call.
    while fs::read_dir("/proc/self/task").unwrap().all(|task| {
        let call = fs::read_to_string(task.unwrap().path().join("syscall"));
        !call.is_ok_and(|call| call.starts_with(&format!("{} ", libc::SYS_poll)))
    }) {}
    sleeper
}

/// Like the handlers of virtual machines: the program continues after the instruction.
fn install_repairing_handler() {
    unsafe extern "C" fn repair(
        _: libc::c_int,
        _: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel's argument. The instruction of `null_access` has 3 bytes.
        unsafe {
            let context = &mut *context.cast::<libc::ucontext_t>();
            context.uc_mcontext.gregs[libc::REG_RIP as usize] += 3;
        }
    }
    // SAFETY: the handler is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = repair as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut());
    }
}

fn map(path: &Path) -> &'static [AtomicU8] {
    let file = File::options().read(true).write(true).open(path).unwrap();
    file.set_len(AREA_BYTES as u64).unwrap();
    // SAFETY: a new mapping of a file that keeps its length; it is never unmapped.
    unsafe {
        let at = libc::mmap(
            ptr::null_mut(),
            AREA_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(at, libc::MAP_FAILED);
        std::slice::from_raw_parts(at.cast::<AtomicU8>(), AREA_BYTES)
    }
}

fn install_own_handler() {
    extern "C" fn own(_: libc::c_int) {
        let text = b"own handler\n";
        // SAFETY: the buffer is live; both functions are safe in a handler.
        unsafe {
            libc::write(2, text.as_ptr().cast(), text.len());
            libc::_exit(77);
        }
    }
    // SAFETY: the handler is async-signal-safe.
    unsafe { libc::signal(libc::SIGSEGV, own as *const () as usize) };
}

/// Prints a line and restores the handler that it had replaced, as crash reporters do.
fn install_handler_that_gives_back() {
    static EARLIER: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn gives_back(_: libc::c_int) {
        let text = b"crash reporter\n";
        // SAFETY: the buffer is live; both functions are safe in a handler.
        unsafe {
            libc::write(2, text.as_ptr().cast(), text.len());
            libc::signal(libc::SIGSEGV, EARLIER.load(Ordering::SeqCst));
        }
    }
    extern "C" fn earlier(_: libc::c_int) {
        // SAFETY: safe in a handler.
        unsafe { libc::_exit(79) };
    }
    EARLIER.store(earlier as *const () as usize, Ordering::SeqCst);
    // SAFETY: the handler is async-signal-safe.
    unsafe { libc::signal(libc::SIGSEGV, gives_back as *const () as usize) };
}

fn register_with_signal_hook() {
    let action = |_: &libc::siginfo_t| {
        let text = b"registered action\n";
        // SAFETY: the buffer is live; both functions are safe in a handler.
        unsafe {
            libc::write(2, text.as_ptr().cast(), text.len());
            libc::_exit(78);
        }
    };
    // SAFETY: the action is async-signal-safe.
    unsafe { signal_hook_registry::register_unchecked(libc::SIGSEGV, action) }.unwrap();
}

/// Handles signals that the process sends to itself, and continues.
fn handle_with_signal_hook() {
    for signal in HANDLED {
        let action = |_: &libc::siginfo_t| {
            let text = b"registered action\n";
            // SAFETY: the buffer is live; the function is safe in a handler.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
            WAS_HANDLED.fetch_add(1, Ordering::SeqCst);
        };
        // SAFETY: the action is async-signal-safe.
        unsafe { signal_hook_registry::register_unchecked(signal, action) }.unwrap();
    }
}

static WAS_HANDLED: AtomicUsize = AtomicUsize::new(0);
const HANDLED: [libc::c_int; 3] = [libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];

std::arch::global_asm!(
    ".globl stackwalk_test_smash",
    "stackwalk_test_smash:",
    "mov qword ptr [rsp], 0x1234",
    "ret",
    // The bytes before the function are not a call.
    ".balign 16",
    ".skip 16, 0x90",
    ".globl stackwalk_test_smash_before_function",
    "stackwalk_test_smash_before_function:",
    ".cfi_startproc",
    "nop",
    "lea rax, [rip + stackwalk_test_smash_before_function + 1]",
    "mov qword ptr [rsp], rax",
    "push 0x1234",
    "ret",
    ".cfi_endproc",
);

unsafe extern "C" {
    /// Overwrites its return address.
    fn stackwalk_test_smash();
    /// Leaves the address of a function on the stack, and jumps to an address without code.
    fn stackwalk_test_smash_before_function();
}

/// Undoes the preparations of std, as in a program whose `main` is not Rust's.
fn undo_std() {
    let none = libc::stack_t {
        ss_sp: ptr::null_mut(),
        ss_flags: libc::SS_DISABLE,
        ss_size: 0,
    };
    // SAFETY: `none` is live, and this thread is in no handler.
    unsafe {
        assert_eq!(libc::sigaltstack(&none, ptr::null_mut()), 0);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
    }
}

#[inline(never)]
fn recurse(depth: usize) -> usize {
    if black_box(depth) == usize::MAX {
        return 0;
    }
    let block = black_box([depth; 64]);
    recurse(depth + 1) + block[depth % 64]
}

#[inline(never)]
fn null_access() {
    // SAFETY: unsound on purpose: this is the fault.
    unsafe { asm!("mov byte ptr [{0}], 1", in(reg) black_box(0_usize)) };
}

/// Jumps to an address without code.
#[inline(never)]
fn null_call() {
    // SAFETY: unsound on purpose: this is the fault.
    unsafe { asm!("call {0}", in(reg) black_box(0_usize), clobber_abi("C")) };
}

extern "C" fn panics_in_c() {
    panic!("out of a C function");
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("second panic");
    }
}

fn die(death: &str) {
    // Sends to this thread, so that the signal arrives before the call returns.
    let send = |signal| {
        // SAFETY: no preconditions.
        unsafe { libc::raise(signal) };
    };
    match death {
        "null"
        | "given back"
        | "chained"
        | "signal-hook"
        | "signal-hook afterwards"
        | "cut area"
        | "among threads" => null_access(),
        "repaired" => {
            let sleeper = start_sleeper();
            for _ in 0..100 {
                null_access();
            }
            process::exit(sleeper.join().unwrap());
        }
        // SAFETY: unsound on purpose: this is the fault.
        "smashed" => unsafe { stackwalk_test_smash() },
        // SAFETY: as above.
        "smashed before a function" => unsafe { stackwalk_test_smash_before_function() },
        "killed" => {
            // SAFETY: no preconditions. A child of this process sends the signal.
            unsafe {
                let parent = libc::getpid();
                if libc::fork() == 0 {
                    // std's handler lets the process continue after the first signal.
                    while libc::getppid() == parent {
                        libc::kill(parent, libc::SIGSEGV);
                        libc::sched_yield();
                    }
                    libc::_exit(0);
                }
                loop {
                    libc::pause();
                }
            }
        }
        "null in a thread" => thread::Builder::new()
            .name("worker".to_owned())
            .spawn(null_access)
            .unwrap()
            .join()
            .unwrap(),
        "null call" => null_call(),
        // SAFETY: unsound on purpose: these are the faults.
        "illegal" => unsafe { asm!("ud2") },
        // SAFETY: as above.
        "trap" => unsafe { asm!("int3") },
        // SAFETY: as above.
        "division" => unsafe {
            asm!("xor edx, edx", "mov eax, 1", "xor ecx, ecx", "div ecx", out("eax") _, out("ecx") _, out("edx") _);
        },
        "bus" => {
            let file = tempfile_in_memory();
            // SAFETY: unsound on purpose: the fault is an access beyond the file's end.
            unsafe {
                let at = libc::mmap(
                    ptr::null_mut(),
                    4096,
                    libc::PROT_READ,
                    libc::MAP_SHARED,
                    file,
                    0,
                );
                black_box(at.cast::<u8>().read_volatile());
            }
        }
        "abort"
        | "abort among threads"
        | "abort that is handled"
        | "abort that is handled afterwards" => process::abort(),
        "handled" | "handled afterwards" => {
            for signal in HANDLED {
                // Like a signal from another process.
                // SAFETY: no preconditions.
                unsafe { libc::kill(libc::getpid(), signal) };
            }
            // The system may deliver the signals to another thread.
            while WAS_HANDLED.load(Ordering::SeqCst) < HANDLED.len() {
                thread::yield_now();
            }
            process::exit(0);
        }
        "overflow" | "overflow in C" | "overflow among threads" => {
            black_box(recurse(0));
        }
        "overflow in a thread" => {
            thread::spawn(|| black_box(recurse(0))).join().unwrap();
        }
        "panic in a panic" => {
            let _second = PanicsInDrop;
            panic!("first panic");
        }
        "panic in C" => panics_in_c(),
        "allocation" => {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u64; 1000]>());
        }
        // std's handler of SIGSEGV lets the process continue after the first signal.
        "sent twice" => {
            send(libc::SIGSEGV);
            send(libc::SIGSEGV);
        }
        "sent" => send(libc::SIGFPE),
        "sys" => send(libc::SIGSYS),
        "two threads" => {
            static READY: AtomicUsize = AtomicUsize::new(0);
            let crash = || {
                READY.fetch_add(1, Ordering::SeqCst);
                while READY.load(Ordering::SeqCst) < 2 {
                    std::hint::spin_loop();
                }
                null_access();
            };
            let both = [thread::spawn(crash), thread::spawn(crash)];
            let _ = both.map(|one| one.join());
        }
        "forked child" => {
            // SAFETY: the child only crashes.
            unsafe {
                let child = libc::fork();
                if child == 0 {
                    null_access();
                }
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
                libc::_exit(libc::WTERMSIG(status));
            }
        }
        other => panic!("unknown death {other}"),
    }
}

fn tempfile_in_memory() -> libc::c_int {
    // SAFETY: the name is a C string.
    unsafe { libc::memfd_create(c"empty".as_ptr(), 0) }
}

fn run(death: &str, area: Option<&Path>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "program", "--nocapture", "--test-threads=1"])
        .env("DEATH", death)
        .env_remove("RUST_BACKTRACE");
    if let Some(area) = area {
        command.env("AREA", area);
    }
    command.output().unwrap()
}

/// The output without the digits of process ids, thread ids and addresses.
fn shown(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.chars().filter(|c| !c.is_ascii_hexdigit()).collect()
}

/// Runs the death with and without the handlers, and checks that the outcomes are equal. Returns the
/// record.
fn record(death: &str, signal: Option<i32>) -> Option<CrashRecord> {
    let name = format!("stackwalk-{}-{}", process::id(), death.replace(' ', "-"));
    let area = std::env::temp_dir().join(name);
    fs::write(&area, []).unwrap();
    let armed = run(death, Some(&area));
    let plain = run(death, None);
    let bytes = fs::read(&area).unwrap();
    fs::remove_file(&area).unwrap();
    assert_eq!(armed.status, plain.status, "{death}: {}", shown(&armed));
    assert_eq!(armed.status.signal(), signal, "{death}");
    assert_eq!(shown(&armed), shown(&plain), "{death}");
    CrashRecord::read(&bytes)
}

#[test]
fn each_crash_is_recorded_and_ends_the_process_as_without_handlers() {
    for (death, signal) in [
        ("null", libc::SIGSEGV),
        ("null in a thread", libc::SIGSEGV),
        ("illegal", libc::SIGILL),
        ("trap", libc::SIGTRAP),
        ("division", libc::SIGFPE),
        ("bus", libc::SIGBUS),
        ("abort", libc::SIGABRT),
        ("panic in a panic", libc::SIGABRT),
        ("panic in C", libc::SIGABRT),
        ("allocation", libc::SIGABRT),
        ("sent", libc::SIGFPE),
        ("sent twice", libc::SIGSEGV),
        ("sys", libc::SIGSYS),
        ("two threads", libc::SIGSEGV),
    ] {
        let record = record(death, Some(signal)).unwrap_or_else(|| panic!("{death}: no record"));
        assert_eq!(record.signal, signal, "{death}");
        assert_eq!(record.end, StackEnd::Outermost, "{death}: {record:?}");
        assert!(record.frames.len() > 4, "{death}: {record:?}");
        assert!(record.frames.iter().all(|frame| !frame.guessed), "{death}");
        assert!(record.modules[0].contains(record.frames[record.frames.len() / 2].address));
    }
}

#[test]
fn an_overflow_keeps_both_ends_of_the_stack() {
    for (death, signal) in [
        ("overflow", libc::SIGABRT),
        ("overflow in a thread", libc::SIGABRT),
        ("overflow in C", libc::SIGSEGV),
    ] {
        let record = record(death, Some(signal)).unwrap();
        assert_eq!(
            (record.signal, record.end),
            (libc::SIGSEGV, StackEnd::Outermost),
            "{death}"
        );
        assert!(record.omitted > 0);
        assert_eq!(record.frames.len(), 512);
        let fault = record.fault_address.unwrap();
        assert!(fault.abs_diff(record.stack_pointer) < 1 << 16);
    }
}

#[test]
fn the_caller_of_a_null_function_is_found() {
    let record = record("null call", Some(libc::SIGSEGV)).unwrap();
    assert_eq!(record.fault_address, Some(0));
    assert_eq!(
        (record.frames[0].address, record.frames[1].guessed),
        (1, true)
    );
    assert_eq!(record.end, StackEnd::Outermost);
}

#[test]
fn a_fault_in_the_handler_does_not_change_how_the_process_ends() {
    assert_eq!(record("cut area", Some(libc::SIGSEGV)), None);
}

#[test]
fn the_instruction_is_kept() {
    let illegal = record("illegal", Some(libc::SIGILL)).unwrap();
    assert_eq!(illegal.instruction[..2], [0x0f, 0x0b]);
    let no_code = record("null call", Some(libc::SIGSEGV)).unwrap();
    assert_eq!(no_code.instruction, [0; 8]);
}

#[test]
fn the_record_has_the_name_of_the_thread() {
    let record = record("null in a thread", Some(libc::SIGSEGV)).unwrap();
    assert_eq!(
        (&*record.thread_name, record.fault_address),
        ("worker", Some(0))
    );
}

#[test]
fn an_earlier_handler_runs() {
    assert_eq!(record("chained", None).unwrap().signal, libc::SIGSEGV);
}

#[test]
fn a_crash_is_kept_if_an_earlier_handler_restores_the_one_before_it() {
    assert_eq!(record("given back", None).unwrap().signal, libc::SIGSEGV);
}

#[test]
fn an_action_of_signal_hook_runs() {
    assert_eq!(record("signal-hook", None).unwrap().signal, libc::SIGSEGV);
}

#[test]
fn an_action_that_signal_hook_registers_afterwards_runs() {
    // signal-hook's handler calls the earlier handler first.
    let record = record("signal-hook afterwards", None);
    assert_eq!(record.unwrap().signal, libc::SIGSEGV);
}

#[test]
fn signals_that_the_program_handles_are_not_crashes() {
    // The program's handlers are installed before ours, and after them.
    assert_eq!(record("handled", None), None);
    assert_eq!(record("handled afterwards", None), None);
}

/// `abort` still ends the process after the handler of the program has returned.
#[test]
fn an_abort_is_a_crash_although_the_program_handles_its_signal() {
    for death in ["abort that is handled", "abort that is handled afterwards"] {
        let record = record(death, Some(libc::SIGABRT)).unwrap();
        assert_eq!(
            (record.signal, record.end),
            (libc::SIGABRT, StackEnd::Outermost),
            "{death}"
        );
    }
}

#[test]
fn the_other_threads_of_a_crash_have_their_stacks() {
    for (death, signal) in [
        ("among threads", libc::SIGSEGV),
        ("abort among threads", libc::SIGABRT),
        // std prints its message first, and then aborts.
        ("overflow among threads", libc::SIGABRT),
    ] {
        let record = record(death, Some(signal)).unwrap();
        let named = |name: &str| {
            let found = record.threads.iter().find(|thread| thread.name == name);
            found.unwrap_or_else(|| panic!("{death}: no {name} in {:?}", record.threads))
        };
        let reader = named("reader");
        assert_eq!(
            (reader.outcome, &*reader.state, reader.system_call_name()),
            (
                Outcome::Walked(StackEnd::Outermost),
                "sleeping",
                Some("recvfrom")
            ),
            "{death}"
        );
        assert!(reader.addresses.len() > 4, "{death}: {reader:?}");
        let module = &record.modules[0];
        assert!(module.contains(reader.addresses[reader.addresses.len() / 2] as u64));
        let blocker = named("blocker");
        assert_eq!(
            (blocker.outcome, blocker.addresses.len()),
            (Outcome::Blocked, 0)
        );
        let crashed = |thread: &stackwalk::threads::Thread| thread.id == record.thread;
        assert!(!record.threads.iter().any(crashed), "{death}");
        assert_eq!(record.omitted_threads, 0);
    }
}

#[test]
fn a_fault_that_an_earlier_handler_repairs_is_not_a_crash_and_does_not_interrupt_threads() {
    assert_eq!(record("repaired", None), None);
}

#[test]
fn a_signal_from_another_process_is_a_crash() {
    // The signal is sent repeatedly, so that one may arrive while another is handled.
    for _ in 0..20 {
        let record = record("killed", Some(libc::SIGSEGV)).unwrap();
        assert_eq!((record.signal, record.fault_address), (libc::SIGSEGV, None));
        assert_eq!(record.end, StackEnd::Outermost);
    }
}

#[test]
fn a_smashed_return_address_is_reported() {
    let record = record("smashed", Some(libc::SIGSEGV)).unwrap();
    assert_eq!(record.frames[0].address, 0x1235);
    assert_eq!(record.fault_address, Some(0x1234));
    assert_ne!(record.end, StackEnd::Outermost);
    assert!(
        record.frames[1..].iter().all(|frame| frame.guessed),
        "{record:?}"
    );
}

#[test]
fn the_address_of_a_function_is_not_a_return_address() {
    let record = record("smashed before a function", Some(libc::SIGSEGV)).unwrap();
    assert_eq!(record.frames.len(), 1, "{record:?}");
    assert_eq!(record.end, StackEnd::NoCaller);
}

#[test]
fn a_forked_child_does_not_write_to_the_area_of_its_parent() {
    assert_eq!(record("forked child", None), None);
}
