//! The tables and the walk, compared with other readers of the same tables and stacks.

mod rules;
mod walks;
