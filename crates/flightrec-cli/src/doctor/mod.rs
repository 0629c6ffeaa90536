//! Checks whether a program's dumps will be useful.

mod binary;
mod state;

pub(crate) use binary::examine;
pub(crate) use state::writable;

/// The verdict about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// It may be good.
    Unsure,
    Bad,
}

/// One thing that was checked.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// The thing that was checked.
    pub(crate) subject: &'static str,
    /// Its state.
    pub(crate) state: String,
    /// What to change; empty if nothing.
    pub(crate) advice: &'static str,
}

impl Finding {
    fn good(subject: &'static str, state: impl Into<String>) -> Finding {
        Finding {
            verdict: Verdict::Good,
            subject,
            state: state.into(),
            advice: "",
        }
    }

    fn bad(subject: &'static str, state: impl Into<String>, advice: &'static str) -> Finding {
        Finding {
            verdict: Verdict::Bad,
            subject,
            state: state.into(),
            advice,
        }
    }

    fn unsure(subject: &'static str, state: impl Into<String>, advice: &'static str) -> Finding {
        Finding {
            verdict: Verdict::Unsure,
            ..Finding::bad(subject, state, advice)
        }
    }
}
