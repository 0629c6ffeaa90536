//! Crates that handle signals or panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use color_eyre::eyre::eyre;
use crash_handler::{CrashEventResult, CrashHandler, make_crash_event};
use sentry::{ClientInitGuard, ClientOptions, Envelope, Transport};

use super::Peer;

pub(crate) struct NoPeer;

impl Peer for NoPeer {
    fn work(&self) -> String {
        "no peer".to_owned()
    }
}

/// Counts three signals, and prints a message at SIGSEGV.
pub(crate) struct SignalHook(Arc<AtomicUsize>);

impl SignalHook {
    pub(crate) fn install() -> SignalHook {
        let count = Arc::new(AtomicUsize::new(0));
        for signal in [libc::SIGUSR1, libc::SIGTRAP, libc::SIGABRT] {
            let count = Arc::clone(&count);
            let action = move || {
                count.fetch_add(1, Ordering::SeqCst);
            };
            // SAFETY: the action is async-signal-safe.
            unsafe { signal_hook::low_level::register(signal, action) }
                .expect("the signal may be handled");
        }
        let says = |_: &libc::siginfo_t| write_to_stderr(b"signal-hook has seen it\n");
        // SAFETY: as above.
        unsafe { signal_hook_registry::register_unchecked(libc::SIGSEGV, says) }
            .expect("the signal may be handled");
        SignalHook(count)
    }
}

impl Peer for SignalHook {
    fn work(&self) -> String {
        for signal in [libc::SIGUSR1, libc::SIGTRAP] {
            // SAFETY: no preconditions.
            unsafe { libc::raise(signal) };
        }
        format!("{} signals", self.0.load(Ordering::SeqCst))
    }
}

fn write_to_stderr(text: &[u8]) {
    // SAFETY: the buffer is live; the function is safe in a handler.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Counts the envelopes that would be sent.
pub(crate) struct Sentry(
    Arc<AtomicUsize>,
    #[expect(dead_code, reason = "it ends the client")] ClientInitGuard,
);

struct Counts(Arc<AtomicUsize>);

impl Transport for Counts {
    fn send_envelope(&self, _: Envelope) {
        self.0.fetch_add(1, Ordering::SeqCst);
        write_to_stderr(b"sentry has sent an envelope\n");
    }
}

impl Sentry {
    pub(crate) fn install() -> Sentry {
        let count = Arc::new(AtomicUsize::new(0));
        let transport = Counts(Arc::clone(&count));
        let mut options = ClientOptions::default();
        options.dsn = Some("https://key@127.0.0.1/1".parse().expect("a DSN"));
        options.transport = Some(Arc::new(Arc::new(transport)));
        Sentry(count, sentry::init(options))
    }
}

impl Peer for Sentry {
    fn work(&self) -> String {
        let caught = std::panic::catch_unwind(|| panic!("a caught panic"));
        let is_caught = caught.is_err();
        format!("{is_caught}, {} envelopes", self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct ColorEyre;

impl ColorEyre {
    pub(crate) fn install() -> ColorEyre {
        color_eyre::install().expect("no other hook is installed");
        ColorEyre
    }
}

impl Peer for ColorEyre {
    fn work(&self) -> String {
        let report = eyre!("an error").wrap_err("a report");
        let lines = format!("{report:?}").lines().count();
        format!("a report of {lines} lines")
    }
}

/// Prints a message at each crash, and lets the process end.
pub(crate) struct OtherCrashHandler(
    #[allow(dead_code, reason = "it removes the handlers")] CrashHandler,
);

impl OtherCrashHandler {
    pub(crate) fn install() -> OtherCrashHandler {
        let says = |_: &crash_handler::CrashContext| {
            write_to_stderr(b"crash-handler has seen it\n");
            CrashEventResult::Handled(false)
        };
        // SAFETY: the event is async-signal-safe.
        let handler = CrashHandler::attach(unsafe { make_crash_event(says) });
        OtherCrashHandler(handler.expect("its handlers can be installed"))
    }
}

impl Peer for OtherCrashHandler {
    fn work(&self) -> String {
        "crash-handler".to_owned()
    }
}
