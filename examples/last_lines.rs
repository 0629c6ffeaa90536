//! Keeps the last lines of a child's output in bounded memory.

use std::io;
use std::process::{Command, Stdio};

use tailwriter::TailWriter;

fn main() -> io::Result<()> {
    let mut child = Command::new("cargo")
        .arg("--list")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut tail = TailWriter::new(5);
    if let Some(mut output) = child.stdout.take() {
        io::copy(&mut output, &mut tail)?;
    }
    let status = child.wait()?;
    println!(
        "{status}; the last {} of {} lines:",
        tail.len(),
        tail.len() as u64 + tail.evicted()
    );
    print!("{tail}");
    Ok(())
}
