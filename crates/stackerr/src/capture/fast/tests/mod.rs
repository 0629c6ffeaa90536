//! The tables and the walk, against other readers of the same tables and stacks.

mod rules;
mod walks;
