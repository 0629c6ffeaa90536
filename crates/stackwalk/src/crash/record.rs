//! The layout of the area, and its reader.
//!
//! The area consists of little-endian words of 8 bytes: a magic number, the state, the fields, the
//! registers, the addresses, and the other threads. The modules follow as lines of text.

use crate::StackEnd;
use crate::threads::{self, Outcome};

/// How many bytes the area needs.
pub const AREA_BYTES: usize = 192 << 10;

pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"crash\0\0\x02");

/// Positions of words.
pub(super) mod word {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const STATE: usize = 1;
    pub(crate) const SIGNAL: usize = 2;
    pub(crate) const CODE: usize = 3;
    pub(crate) const FAULT_ADDRESS: usize = 4;
    pub(crate) const THREAD: usize = 5;
    /// Two words.
    pub(crate) const THREAD_NAME: usize = 6;
    pub(crate) const FRAMES: usize = 8;
    pub(crate) const END: usize = 9;
    pub(crate) const STACK_POINTER: usize = 10;
    pub(crate) const MODULES_LEN: usize = 11;
    pub(crate) const INSTRUCTION: usize = 12;
    /// The number of other threads. The next word is the number of those that are left out.
    pub(crate) const THREADS: usize = 13;
    pub(crate) const THREADS_OMITTED: usize = 14;
    /// 23 words.
    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
        expect(dead_code)
    )]
    pub(crate) const REGISTERS: usize = 16;
    pub(crate) const ADDRESSES: usize = 64;
}

/// Values of the state.
pub(super) const CAUGHT: u64 = 1;
pub(super) const COMPLETE: u64 = 2;

/// How many of the innermost and of the outermost frames are kept.
pub(super) const INNERMOST: usize = 384;
pub(super) const OUTERMOST: usize = 128;

/// The words at which the list of the other threads begins and ends.
pub(super) const THREADS: usize = word::ADDRESSES + INNERMOST + OUTERMOST;
pub(super) const THREADS_END: usize = THREADS + (128 << 10) / 8;
/// The maximum number of addresses of another thread. The innermost are kept.
pub(super) const MAX_ADDRESSES: usize = 128;

/// Positions of words of another thread.
pub(super) mod thread_word {
    pub(crate) const ID: usize = 0;
    /// Two words.
    pub(crate) const NAME: usize = 1;
    pub(crate) const STATE: usize = 3;
    /// The number of the system call plus one, or 0.
    pub(crate) const SYSTEM_CALL: usize = 4;
    pub(crate) const OUTCOME: usize = 5;
    /// How many addresses follow.
    pub(crate) const LEN: usize = 6;
    pub(crate) const ADDRESSES: usize = 7;
}

/// The byte at which the modules begin.
pub(super) const MODULES: usize = 8 * THREADS_END;

/// The flag of an address that was not found by an unwind table. Addresses of programs have 47 bits.
pub(super) const GUESSED: u64 = 1 << 63;

/// One frame of a crashed thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrashFrame {
    /// The return address; for the innermost frame, the start of the instruction plus one.
    pub address: u64,
    /// Whether the address was found by the frame pointer or at the top of the stack, not by an
    /// unwind table. It may be wrong.
    pub guessed: bool,
}

/// A module of the crashed process, as it was when the handlers were installed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrashModule {
    /// Its path.
    pub name: String,
    /// Its load bias, see [`Module::base`](crate::Module::base).
    pub base: u64,
    /// Its build-id in hexadecimal digits, if it has one.
    pub build_id: Option<String>,
    start: u64,
    end: u64,
}

impl CrashModule {
    /// Whether the call before this return address is in this module.
    #[must_use]
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address.wrapping_sub(1))
    }

    fn read(line: &str) -> Option<CrashModule> {
        let mut fields = line.splitn(5, ' ');
        let mut number = || u64::from_str_radix(fields.next()?, 16).ok();
        let (base, start, end) = (number()?, number()?, number()?);
        let build_id = fields.next().filter(|id| *id != "-").map(str::to_owned);
        let name = fields.next()?.to_owned();
        Some(CrashModule {
            name,
            base,
            build_id,
            start,
            end,
        })
    }
}

/// The record that a handler wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrashRecord {
    /// The number of the signal.
    pub signal: i32,
    /// The code of the signal (`si_code`).
    pub code: i32,
    /// The address of the invalid access or instruction, if the kernel reported a fault.
    pub fault_address: Option<u64>,
    /// The stack pointer.
    pub stack_pointer: u64,
    /// The bytes at the interrupted instruction; zeros if they can't be read.
    pub instruction: [u8; 8],
    /// The system's id of the thread.
    pub thread: u32,
    /// The system's name of the thread, of at most 15 bytes.
    pub thread_name: String,
    /// The frames, innermost first.
    pub frames: Vec<CrashFrame>,
    /// How many frames are left out after the first 384.
    pub omitted: u64,
    /// Why the walk ended.
    pub end: StackEnd,
    /// The modules.
    pub modules: Vec<CrashModule>,
    /// The other threads, each with at most 128 addresses. They were not stopped while others were
    /// asked. Empty if the process did not die of the signal itself, but ended in a handler that was
    /// installed earlier.
    pub threads: Vec<threads::Thread>,
    /// How many threads are left out because there was no room.
    pub omitted_threads: u64,
}

impl CrashRecord {
    /// Reads an area. Returns `None` if no handler has written to it.
    #[must_use]
    pub fn read(area: &[u8]) -> Option<CrashRecord> {
        let area = area.get(..AREA_BYTES)?;
        let word = |index: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&area[8 * index..][..8]);
            u64::from_le_bytes(bytes)
        };
        let state = word(word::STATE);
        if word(word::MAGIC) != MAGIC || !(CAUGHT..=COMPLETE).contains(&state) {
            return None;
        }
        let signal = word(word::SIGNAL) as i32;
        let code = word(word::CODE) as i32;
        let name = &area[8 * word::THREAD_NAME..][..16];
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let frame = |index: usize| {
            let word = word(word::ADDRESSES + index);
            CrashFrame {
                address: word & !GUESSED,
                guessed: word & GUESSED != 0,
            }
        };
        // A damaged number must not make the list long.
        let count = word(word::FRAMES).min(1 << 32);
        let beyond = count.saturating_sub(INNERMOST as u64);
        let outermost = beyond.min(OUTERMOST as u64);
        let mut frames: Vec<CrashFrame> = (0..count.min(INNERMOST as u64))
            .map(|n| frame(n as usize))
            .collect();
        frames.extend(
            (beyond - outermost..beyond)
                .map(|n| frame(INNERMOST + (n % OUTERMOST as u64) as usize)),
        );
        let len = usize::try_from(word(word::MODULES_LEN)).ok()?;
        let modules = area[MODULES..].get(..len).unwrap_or_default();
        Some(CrashRecord {
            signal,
            code,
            // These are the codes of faults. Others are of signals that processes send, or that the
            // kernel sends without an address.
            fault_address: (1..0x80)
                .contains(&code)
                .then_some(word(word::FAULT_ADDRESS)),
            stack_pointer: word(word::STACK_POINTER),
            instruction: word(word::INSTRUCTION).to_le_bytes(),
            thread: word(word::THREAD) as u32,
            thread_name: String::from_utf8_lossy(name).into_owned(),
            frames,
            omitted: beyond - outermost,
            end: if state == COMPLETE {
                StackEnd::from_word(word(word::END))
            } else {
                StackEnd::Interrupted
            },
            modules: String::from_utf8_lossy(modules)
                .lines()
                .filter_map(CrashModule::read)
                .collect(),
            threads: read_threads(word(word::THREADS), &word),
            omitted_threads: word(word::THREADS_OMITTED),
        })
    }
}

/// The other threads in an area with these words, which may be damaged.
fn read_threads(count: u64, word: &impl Fn(usize) -> u64) -> Vec<threads::Thread> {
    let mut threads = Vec::new();
    let mut start = THREADS;
    while (threads.len() as u64) < count && start + thread_word::ADDRESSES <= THREADS_END {
        let word = |index: usize| word(start + index);
        let len = word(thread_word::LEN).min(MAX_ADDRESSES as u64) as usize;
        let end = start + thread_word::ADDRESSES + len;
        if end > THREADS_END {
            break;
        }
        let name = [0, 1].map(|n| word(thread_word::NAME + n).to_le_bytes());
        let name = name.as_flattened().split(|&byte| byte == 0).next();
        threads.push(threads::Thread {
            id: word(thread_word::ID) as u32,
            name: String::from_utf8_lossy(name.unwrap_or_default()).into_owned(),
            state: state_word(word(thread_word::STATE) as u8).to_owned(),
            system_call: word(thread_word::SYSTEM_CALL).checked_sub(1),
            waits_in: None,
            addresses: (0..len)
                .map(|n| word(thread_word::ADDRESSES + n) as usize)
                .collect(),
            outcome: Outcome::from_word(word(thread_word::OUTCOME)),
        });
        start = end;
    }
    threads
}

/// The kernel's word for a state.
fn state_word(letter: u8) -> &'static str {
    match letter {
        b'R' => "running",
        b'S' => "sleeping",
        b'D' => "disk sleep",
        b'T' => "stopped",
        b't' => "tracing stop",
        b'Z' => "zombie",
        b'X' => "dead",
        b'I' => "idle",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_without_a_crash_has_no_record() {
        assert_eq!(CrashRecord::read(&[]), None);
        assert_eq!(CrashRecord::read(&[0; AREA_BYTES]), None);
        let mut area = [0; AREA_BYTES];
        area[..8].copy_from_slice(&MAGIC.to_le_bytes());
        assert_eq!(CrashRecord::read(&area), None);
    }

    #[test]
    fn a_damaged_area_is_read_without_a_panic() {
        let mut area = vec![0xff; AREA_BYTES];
        area[..8].copy_from_slice(&MAGIC.to_le_bytes());
        area[8..16].copy_from_slice(&COMPLETE.to_le_bytes());
        let record = CrashRecord::read(&area);
        assert!(record.is_none_or(|record| record.frames.len() <= INNERMOST + OUTERMOST));
        area[8 * word::MODULES_LEN..][..8].copy_from_slice(&9_u64.to_le_bytes());
        let record = CrashRecord::read(&area).unwrap();
        assert_eq!(record.frames.len(), INNERMOST + OUTERMOST);
        assert_eq!(record.end, StackEnd::Interrupted);
        assert!(record.modules.is_empty());
        // Each claims to have more addresses than there is room for.
        let longest = thread_word::ADDRESSES + MAX_ADDRESSES;
        assert_eq!(record.threads.len(), (THREADS_END - THREADS) / longest);
    }
}
