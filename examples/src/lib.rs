//! Placeholder so that Cargo has a target; the examples are the `[[example]]`s.
