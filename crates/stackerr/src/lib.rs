//! Errors that keep the stack of the place where they were born: through contexts, joins, threads and other error crates.
