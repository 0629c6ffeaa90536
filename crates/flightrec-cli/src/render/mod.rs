//! Formats output: colours, columns, times, counts.

pub(crate) mod count;
pub(crate) mod screen;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod time;
