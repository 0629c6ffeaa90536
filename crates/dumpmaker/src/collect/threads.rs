//! Captures the threads of this process for a dump.

use std::collections::HashMap;
use std::io;
use std::process;
use std::thread;

use flightrec_dump::{Dump, Frame, StackOrigin, Thread, Trace};
use stackwalk::StackEnd;
use stackwalk::threads::{self, Outcome};

use crate::stacks;

/// The captured threads, with the addresses of their stacks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Threads(Vec<threads::Thread>);

/// The frames of each address. There are several if functions are inlined.
pub(super) type Names = HashMap<usize, Vec<Frame>>;

impl Threads {
    /// Captures all threads, except this one if the recorder started it.
    ///
    /// # Errors
    ///
    /// The errors of [`stackwalk::threads::capture`].
    pub(crate) fn capture() -> io::Result<Threads> {
        let mut threads = threads::capture()?;
        let is_of_recorder = thread::current()
            .name()
            .is_some_and(|name| name.starts_with("flightrec"));
        if is_of_recorder {
            let this = threads::current_id();
            threads.retain(|thread| thread.id != this);
        }
        Ok(Threads(threads))
    }

    /// Whether no thread was captured.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the threads to a dump, without names of functions, and the modules of their frames.
    /// `stalled` is the system's id of a thread that hangs: it becomes the first thread, and its stack
    /// the stack of the failure.
    pub(crate) fn add_to(&self, dump: &mut Dump, stalled: Option<u32>) {
        let addresses = self.addresses();
        let frames = stackerr::unnamed_frames_at(&addresses);
        let names = addresses
            .into_iter()
            .zip(frames.iter().map(|frame| vec![stacks::frame(frame)]))
            .collect();
        self.add_names(&names, dump, stalled);
        let threads = dump.threads.iter().flat_map(|thread| &thread.frames);
        let traces = dump.all_traces().flat_map(|trace| &trace.frames);
        let used: Vec<&str> = threads
            .chain(traces)
            .filter_map(|frame| frame.module.as_deref())
            .collect();
        dump.modules = stacks::modules(|name| used.contains(&name));
        dump.fingerprint = dump.fingerprint_of();
    }

    /// Looks up the names of all functions. Each address is looked up once, because threads often wait
    /// in the same function.
    pub(crate) fn names(&self) -> Names {
        let mut names = Names::new();
        if self.is_empty() {
            return names;
        }
        for frame in stackerr::frames_at(&self.addresses()) {
            let frames = names.entry(frame.ip()).or_default();
            frames.push(stacks::frame(&frame));
        }
        names
    }

    /// Returns all addresses without duplicates.
    fn addresses(&self) -> Vec<usize> {
        let mut addresses: Vec<usize> = self
            .0
            .iter()
            .flat_map(|thread| &thread.addresses)
            .copied()
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Replaces the threads of a dump by the same threads with these names; see
    /// [`add_to`](Threads::add_to).
    pub(crate) fn add_names(&self, names: &Names, dump: &mut Dump, stalled: Option<u32>) {
        if self.is_empty() {
            return;
        }
        // The names of threads in the dump may be masked.
        let earlier: HashMap<u64, Option<String>> = std::mem::take(&mut dump.threads)
            .into_iter()
            .map(|thread| (thread.id, thread.name))
            .collect();
        let described = self.0.iter().map(|thread| {
            let mut described = described(thread, names);
            if let Some(name) = earlier.get(&described.id) {
                described.name.clone_from(name);
            }
            described
        });
        dump.threads = described.collect();
        let Some(stalled) = stalled else {
            return;
        };
        let mut threads = dump.threads.iter();
        if let Some(at) = threads.position(|thread| thread.id == u64::from(stalled)) {
            dump.threads[..=at].rotate_right(1);
            let thread = &dump.threads[0];
            let mut trace = Trace::default();
            trace.error.clone_from(&dump.reason.message);
            trace.origin = StackOrigin::Hang;
            trace.frames.clone_from(&thread.frames);
            dump.process.thread = thread.name.clone().unwrap_or_default();
            dump.stack_traces = vec![trace];
        }
    }
}

fn described(thread: &threads::Thread, names: &Names) -> Thread {
    let mut described = describe_thread(thread, process::id());
    let frames = thread
        .addresses
        .iter()
        .filter_map(|address| names.get(address));
    described.frames = frames.flatten().cloned().collect();
    described
}

/// Describes a thread without its frames. `process` is the id of its process.
#[must_use]
pub fn describe_thread(thread: &threads::Thread, process: u32) -> Thread {
    let mut described = Thread::default();
    described.id = thread.id.into();
    described.name = Some(thread_name_of(thread.id, &thread.name, process));
    described.state = Some(state(thread));
    described.stack_ended = match thread.outcome {
        Outcome::Walked(StackEnd::Outermost) => None,
        outcome => Some(outcome.to_string()),
    };
    described
}

/// Returns the name of a thread as it is in records. `id` and `name` are those of the system, in which
/// the main thread has the name of the program.
#[must_use]
pub fn thread_name_of(id: u32, name: &str, process: u32) -> String {
    let name = if id == process { "main" } else { name };
    name.to_owned()
}

/// Formats the state of a thread, such as `sleeping in futex`.
fn state(thread: &threads::Thread) -> String {
    let state = &thread.state;
    if state == "running" {
        return state.clone();
    }
    let call = match (thread.system_call_name(), thread.system_call) {
        (Some(name), _) => format!(" in {name}"),
        (None, Some(number)) => format!(" in system call {number}"),
        (None, None) => String::new(),
    };
    let place = thread.waits_in.as_deref();
    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
    format!("{state}{call}{place}")
}
