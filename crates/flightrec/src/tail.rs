//! Where records are kept: in memory, or in a mapped file.

use std::sync::Arc;

use log::Level;
use logredact::Redactor;
#[cfg(feature = "crash-safe")]
use logtee::OwnedValue;
use packlog::Options;
use tailwriter::{SharedTail, Snapshot};

#[cfg(feature = "crash-safe")]
use crate::ring::Ring;
use crate::say;
use crate::store::Store;

pub(crate) enum Tail {
    Memory(SharedTail),
    #[cfg(feature = "crash-safe")]
    Mapped(Ring),
}

/// Whether records are to outlive the process, and how closely they are looked at before.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum CrashSafe {
    Off,
    On,
    Strict,
}

impl Tail {
    /// What has to be masked before it gets into a file.
    #[cfg_attr(not(feature = "crash-safe"), expect(unused_variables))]
    pub(crate) fn mask_before(
        &self,
        crash_safe: CrashSafe,
        redactor: &Arc<Redactor>,
    ) -> Option<logtee::PipeBuilder> {
        match self {
            Tail::Memory(_) => None,
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(_) => {
                let by_key = Arc::clone(redactor);
                let keys = logtee::pipe(logtee::map_values(move |key, value| match value {
                    OwnedValue::Null => OwnedValue::Null,
                    // A number may be a secret, too.
                    _ if by_key.is_secret(key) => logredact::MASK.into(),
                    other => other,
                }));
                Some(if crash_safe == CrashSafe::Strict {
                    let in_text = Arc::clone(redactor);
                    keys.then(logtee::map_text(move |text| in_text.text(text)))
                } else {
                    keys
                })
            }
        }
    }

    /// In a mapped file if that is wanted and can be had.
    pub(crate) fn make(crash_safe: CrashSafe, bounds: tailwriter::Builder, store: &Store) -> Tail {
        if crash_safe == CrashSafe::Off {
            return Tail::Memory(bounds.build_shared());
        }
        #[cfg(feature = "crash-safe")]
        let made = store.path().map(|dir| Ring::create(dir, &bounds));
        #[cfg(not(feature = "crash-safe"))]
        let made: Option<Result<Tail, _>> = {
            let _ = store;
            Some(Err("flightrec was built without its feature `crash-safe`"))
        };
        match made {
            #[cfg(feature = "crash-safe")]
            Some(Ok(ring)) => return Tail::Mapped(ring),
            #[cfg(not(feature = "crash-safe"))]
            Some(Ok(tail)) => return tail,
            Some(Err(error)) => {
                say::line(&format!("records will not outlive a crash: {error}"));
            }
            None => say::line(
                "records will not outlive a crash: there is no home directory to keep them in",
            ),
        }
        Tail::Memory(bounds.build_shared())
    }

    /// How records have to be packed for it: another process knows no static strings of ours.
    pub(crate) fn options(&self) -> Options {
        match self {
            Tail::Memory(_) => Options::default(),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(_) => Options::default().self_contained(true),
        }
    }

    /// Keeps a packed record; ERROR and WARN have a quota each.
    #[inline]
    pub(crate) fn keep(&self, level: Level, packed: &[u8]) {
        let class = match level {
            Level::Error => 1,
            Level::Warn => 2,
            _ => 0,
        };
        match self {
            Tail::Memory(tail) => tail.push_class(class, packed),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(tail) => tail.push_class(class, packed),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        match self {
            Tail::Memory(tail) => tail.snapshot(),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(tail) => tail.snapshot(),
        }
    }
}
