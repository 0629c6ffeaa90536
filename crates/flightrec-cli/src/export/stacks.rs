//! The stacks as text, in the form of Rust's own backtraces.

use std::fmt::Write;

use flightrec::{Dump, Trace};

/// Every stack of the dump, the machinery included; empty if there is none.
pub(super) fn text(dump: &Dump) -> String {
    let mut text = String::new();
    for trace in &dump.stack_traces {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = one(&mut text, trace);
    }
    text
}

fn one(text: &mut String, trace: &Trace) -> std::fmt::Result {
    writeln!(text, "{}", trace.error.trim_end())?;
    for (n, frame) in trace.frames.iter().enumerate() {
        writeln!(text, "{n:>4}: {}", frame.name)?;
        match (&frame.file, frame.line, frame.column) {
            (Some(file), Some(line), Some(column)) => {
                writeln!(text, "             at {file}:{line}:{column}")?
            }
            (Some(file), Some(line), None) => writeln!(text, "             at {file}:{line}")?,
            _ => {
                let module = frame.module.as_deref().unwrap_or("?");
                writeln!(text, "             at {module}+{}", frame.address)?;
            }
        }
    }
    Ok(())
}
