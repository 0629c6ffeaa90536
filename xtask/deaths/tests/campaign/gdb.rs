//! The stack that gdb finds in a core dump.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A crash record keeps at least this many of the innermost frames.
pub(crate) const MAX_FRAMES: usize = 384;

/// Prints the frames on the stack, without those of inlined functions and tail calls, which gdb
/// reconstructs from debug information. Also prints whether a call precedes each address: if a function
/// has no unwind table, gdb guesses, and may take the address of a function for a return address.
const SCRIPT: &str = "\
def follows_call(pc):
    if pc < 8:
        return False
    try:
        code = bytes(gdb.selected_inferior().read_memory(pc - 8, 8))
    except gdb.error:
        return False
    return (code[3] == 0xe8 or code[2:4] == b'\\xff\\x15'
            or code[6] == 0xff and code[7] & 0xf8 == 0xd0
            or any(code[at] == 0xff and code[at + 1] & 0x38 == 0x10 for at in range(1, 7)))
frame = gdb.newest_frame()
count = 0
while frame is not None and count < 420:
    if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
        print('frame', hex(frame.pc()), frame.type() == gdb.SIGTRAMP_FRAME, follows_call(frame.pc()))
        count += 1
    try:
        frame = frame.older()
    except gdb.error as error:
        frame = None
";

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) pc: u64,
    /// Whether this is the frame that a signal handler returns to.
    is_signal: bool,
    /// Whether a call instruction precedes the address.
    follows_call: bool,
}

/// The frames in the core dump in `dir`; `None` if the machine makes no core dumps.
pub(crate) fn frames(program: &Path, dir: &Path) -> Option<Vec<Frame>> {
    let core = fs::read_dir(dir).ok()?.find_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?
            .to_str()?
            .starts_with("core")
            .then_some(path)
    })?;
    let script = dir.join("frames.py");
    fs::write(&script, SCRIPT).ok()?;
    let output = Command::new("gdb")
        .args(["-batch", "-nx", "-iex", "set debuginfod enabled off"])
        .args(["-ex", "set backtrace past-main on"])
        .arg("-x")
        .arg(&script)
        .arg(program)
        .arg(&core)
        .output()
        .ok()?;
    let _ = fs::remove_file(core);
    let text = String::from_utf8_lossy(&output.stdout);
    let frames = text.lines().filter_map(|line| {
        let mut words = line.strip_prefix("frame 0x")?.split(' ');
        let pc = words.next()?;
        Some(Frame {
            pc: u64::from_str_radix(pc, 16).ok()?,
            is_signal: words.next()? == "True",
            follows_call: words.next()? == "True",
        })
    });
    // Some versions run a script given by "-x" before they load the core.
    Some(frames.collect::<Vec<_>>()).filter(|frames| !frames.is_empty())
}

/// The addresses in the form of a crash record: return addresses, or the address after an instruction
/// that a signal interrupted. If the program ended in a signal handler, this leaves out the handler's
/// frames and addresses that are not return addresses.
pub(crate) fn addresses(frames: &[Frame], died_in_handler: bool) -> Vec<u64> {
    let handler = frames.iter().position(|frame| frame.is_signal);
    let start = handler.filter(|_| died_in_handler).map_or(0, |at| at + 1);
    let mut is_interrupted = true;
    let mut addresses = Vec::new();
    for frame in &frames[start..] {
        if !is_interrupted && !frame.is_signal && !frame.follows_call {
            continue;
        }
        addresses.push(frame.pc.wrapping_add(u64::from(is_interrupted)));
        is_interrupted = frame.is_signal;
    }
    addresses
}
