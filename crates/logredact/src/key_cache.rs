//! Remembers which keys are secret.
//!
//! Structured records use the same few keys again and again, and finding out whether a key is secret takes
//! about 2,000 instructions. Answers are never replaced, so they are read without a lock.

use std::mem;
use std::sync::OnceLock;

use forklock::{ForkMutex, TryLockError};

use crate::key::Secret;

const SLOTS: usize = 256;
/// How many slots a key may be in.
const PROBES: usize = 8;
/// Longer keys are not remembered.
const MAX_KEY: usize = 64;

pub(crate) struct KeyCache {
    slots: Box<[OnceLock<Answer>]>,
    /// Held while a slot is set, so that setting one never waits.
    setting: ForkMutex<()>,
}

struct Answer {
    key: Box<str>,
    secret: Option<Secret>,
}

impl KeyCache {
    pub(crate) fn new() -> KeyCache {
        KeyCache {
            slots: (0..SLOTS).map(|_| OnceLock::new()).collect(),
            setting: ForkMutex::new(()),
        }
    }

    /// Returns what `find` returns for this key, without calling it if the answer is known.
    pub(crate) fn get_or_find(
        &self,
        key: &str,
        find: impl FnOnce() -> Option<Secret>,
    ) -> Option<Secret> {
        if key.len() > MAX_KEY {
            return find();
        }
        let start = hash(key.as_bytes());
        let slots = (0..PROBES).map(|probe| &self.slots[start.wrapping_add(probe) % SLOTS]);
        for slot in slots.clone() {
            match slot.get() {
                Some(answer) if *answer.key == *key => return answer.secret,
                Some(_) => {}
                None => break,
            }
        }
        let secret = find();
        let free = slots.into_iter().find(|slot| slot.get().is_none());
        if let Some(free) = free {
            self.set(free, key, secret);
        }
        secret
    }

    fn set(&self, slot: &OnceLock<Answer>, key: &str, secret: Option<Secret>) {
        match self.setting.try_lock() {
            // `set` fails if another thread was faster. The next lookup of the key tries again.
            Ok(_setting) => drop(slot.set(Answer {
                key: key.into(),
                secret,
            })),
            // A fork has ended a thread that was setting a slot, and `set` would wait for it forever. The
            // lock stays locked, so that this process sets no more slots.
            Err(TryLockError::Orphaned(setting)) => mem::forget(setting),
            Err(_) => {}
        }
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> usize {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    let hash = bytes.iter().fold(0xCBF2_9CE4_8422_2325, step);
    (hash ^ hash >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::key::Keys;

    #[test]
    fn a_key_is_looked_up_once_and_answered_as_before() {
        let keys = Keys::built_in();
        let cache = KeyCache::new();
        let lookups = AtomicUsize::new(0);
        let ask = |key: &str| {
            let secret = cache.get_or_find(key, || {
                lookups.fetch_add(1, Ordering::Relaxed);
                keys.secret(key)
            });
            assert_eq!(secret, keys.secret(key), "{key}");
        };
        for _ in 0..10 {
            ["password", "user", "api_key", "", "count"]
                .into_iter()
                .for_each(ask);
        }
        assert_eq!(lookups.load(Ordering::Relaxed), 5);
        // More keys than there are slots, and keys that are too long.
        for _ in 0..2 {
            for number in 0..2 * SLOTS {
                ask(&format!("key_{number}"));
                ask(&format!("password_{number}"));
            }
            ask(&"x".repeat(MAX_KEY + 1));
            ask(&format!("{}_password", "x".repeat(MAX_KEY)));
        }
    }

    #[test]
    fn threads_that_ask_at_once_get_the_same_answers() {
        let keys = Keys::built_in();
        let cache = KeyCache::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..5_000 {
                        let key = format!("token{}", number % 300);
                        let secret = cache.get_or_find(&key, || keys.secret(&key));
                        assert_eq!(secret, keys.secret(&key), "{key}");
                    }
                });
            }
        });
    }
}
