//! An io::Write that keeps the last N lines, in bounded memory: alone or shared between threads.
