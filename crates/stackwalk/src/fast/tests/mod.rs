//! Compares the rules and the walk with other readers of the same tables and stacks.

mod rules;
mod walks;
