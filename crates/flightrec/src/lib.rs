//! A flight recorder for Rust programs: when one fails, the stacks and the last DEBUG records go into one file.
