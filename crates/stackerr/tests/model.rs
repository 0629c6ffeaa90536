//! Compares random errors with a model that consists of lists.

use proptest::prelude::*;
use stackerr::{Error, Traced, err};
use std::error::Error as StdError;
use std::fmt;

/// How an error was made.
#[derive(Clone, Debug)]
enum Made {
    Message(u8),
    Traced(u8),
    Context(Box<Made>, u8),
    Join(Vec<Made>),
    Boxed(Box<Made>),
    Held(Box<Made>),
    Anyhow(Box<Made>),
}

#[derive(Debug)]
struct Leaf(u8);

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaf {}", self.0)
    }
}

impl StdError for Leaf {}

#[derive(Debug)]
struct Holder(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("holder")
    }
}

impl StdError for Holder {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

fn made() -> impl Strategy<Value = Made> {
    let leaf = prop_oneof![
        any::<u8>().prop_map(Made::Message),
        any::<u8>().prop_map(Made::Traced)
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            (inner.clone(), any::<u8>()).prop_map(|(made, n)| Made::Context(made.into(), n)),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Made::Join),
            inner.clone().prop_map(|made| Made::Boxed(made.into())),
            inner.clone().prop_map(|made| Made::Held(made.into())),
            inner.prop_map(|made| Made::Anyhow(made.into())),
        ]
    })
}

impl Made {
    fn error(&self) -> Error {
        match self {
            Self::Message(n) => err!("message {n}"),
            Self::Traced(n) => Error::new(Traced::new(Leaf(*n))),
            Self::Context(made, n) => made.error().context(format!("context {n}")),
            Self::Join(all) => Error::join(all.iter().map(Self::error)).unwrap(),
            Self::Boxed(made) => Error::from_boxed(made.error().into()),
            Self::Held(made) => Error::new(Holder(made.error().into())),
            #[cfg(feature = "anyhow")]
            Self::Anyhow(made) => Error::wrap(anyhow::Error::from(made.error()).context("anyhow")),
            #[cfg(not(feature = "anyhow"))]
            Self::Anyhow(made) => made.error().context("anyhow"),
        }
    }

    /// The messages of the created errors, in order.
    fn created(&self) -> Vec<String> {
        match self {
            Self::Message(n) => vec![format!("message {n}")],
            Self::Traced(n) => vec![format!("leaf {n}")],
            Self::Join(all) => all.iter().flat_map(Self::created).collect(),
            Self::Context(made, _) | Self::Boxed(made) | Self::Held(made) | Self::Anyhow(made) => {
                made.created()
            }
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Message(_) | Self::Traced(_) => self.created().remove(0),
            Self::Context(made, n) => over(&format!("context {n}"), made.line()),
            Self::Held(made) => over("holder", made.line()),
            Self::Anyhow(made) => over("anyhow", made.line()),
            Self::Boxed(made) => made.line(),
            Self::Join(all) if all.len() == 1 => all[0].line(),
            Self::Join(all) => {
                let lines: Vec<String> = all.iter().map(Self::line).collect();
                format!("[{}]", lines.join("; "))
            }
        }
    }

    /// The messages of the leaves: of each branch without a join in it.
    fn leaves(&self) -> Vec<String> {
        if let Some(branches) = self.join() {
            return branches.iter().flat_map(Self::leaves).collect();
        }
        let line = self.line();
        vec![line.split(": ").next().unwrap().to_owned()]
    }

    fn join(&self) -> Option<&[Self]> {
        match self {
            Self::Message(_) | Self::Traced(_) => None,
            Self::Join(all) if all.len() == 1 => all[0].join(),
            Self::Join(all) => Some(all),
            Self::Context(made, _) | Self::Boxed(made) | Self::Held(made) | Self::Anyhow(made) => {
                made.join()
            }
        }
    }

    fn has_leaf(&self) -> bool {
        self.created()
            .iter()
            .any(|message| message.starts_with("leaf"))
    }
}

/// A message above the message of its source. If both are the same, it is shown once.
fn over(message: &str, source: String) -> String {
    let same = source.strip_prefix(message);
    match same.is_some_and(|rest| rest.is_empty() || rest.starts_with(": ")) {
        true => source,
        false => format!("{message}: {source}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_the_model(made in made()) {
        let before = made.error();
        for err in [made.error(), Error::from_boxed(before.into())] {
            let created: Vec<String> = err
                .stack_traces()
                .iter()
                .map(|trace| trace.error().to_owned())
                .collect();
            prop_assert_eq!(created, made.created());
            prop_assert_eq!(format!("{err:#}"), made.line());
            let leaves: Vec<String> = err.errors().iter().map(ToString::to_string).collect();
            prop_assert_eq!(leaves, made.leaves());
            prop_assert_eq!(stackerr::errors(err.as_std()).len(), err.errors().len());
            prop_assert_eq!(err.find::<Leaf>().is_some(), made.has_leaf());
            let report = err.report().stacks(false).to_string();
            for message in made.created() {
                prop_assert!(report.contains(&message));
            }
        }
    }
}
