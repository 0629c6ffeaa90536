//! Where a stack begins: at the birth of the error, not in the machinery that noticed it.

use crate::frame::Frame;
use crate::noise::{FrameKind, parts};
use crate::place::is_bare;
use crate::stack::Origin;

/// How many frames at the top to take off. 0 where names are unknown.
pub(crate) fn machinery(frames: &[Frame], origin: Origin) -> usize {
    let top = match origin {
        Origin::Birth => birth(frames),
        Origin::Panic => panic(frames),
    };
    // Rather everything than nothing.
    if top < frames.len() { top } else { 0 }
}

fn birth(frames: &[Frame]) -> usize {
    // This crate's frames may have the library's between them (collecting, say).
    let ours = frames
        .iter()
        .take_while(|frame| frame.kind() == FrameKind::Capture || in_std(frame))
        .enumerate()
        .filter(|(_, frame)| frame.kind() == FrameKind::Capture)
        .last()
        .map_or(0, |(at, _)| at + 1);
    let conversions = frames[ours..]
        .iter()
        .take_while(|frame| is_conversion(frame))
        .count();
    ours + conversions
}

fn panic(frames: &[Frame]) -> usize {
    let Some(hook) = frames
        .iter()
        .position(|frame| frame.name().contains("panic_with_hook"))
    else {
        return birth(frames);
    };
    // Below the hook: the handler, then the library function that noticed (`unwrap`, an index).
    hook + frames[hook..]
        .iter()
        .take_while(|frame| in_std(frame))
        .count()
}

/// Whether the function is the standard library's.
fn in_std(frame: &Frame) -> bool {
    matches!(
        frame.kind(),
        FrameKind::Plumbing | FrameKind::Panic | FrameKind::Runtime
    )
}

/// `?`, `into()`, `map_err(Error::from)` and their like, directly above the birth.
fn is_conversion(frame: &Frame) -> bool {
    const TRAITS: &[&str] = &[
        "core::ops::function::Fn",
        "core::ops::try_trait::",
        "core::convert::",
    ];
    const METHODS: &[&str] = &["map_err", "ok_or_else", "or_else", "unwrap_or_else"];
    const BARE: &[&str] = &["from_residual", "from", "into", "call_once", "call_mut"];
    let Some(name) = frame.name.as_deref() else {
        return false;
    };
    if frame.kind() != FrameKind::Plumbing {
        return false;
    }
    if is_bare(name) {
        let function = name.split('<').next().unwrap_or("");
        return BARE.contains(&function) || METHODS.contains(&function);
    }
    let (this, of_trait) = parts(name);
    let path = of_trait.unwrap_or(this);
    TRAITS.iter().any(|start| path.starts_with(start))
        || METHODS.iter().any(|method| {
            name.split("::")
                .any(|segment| segment.split('<').next() == Some(method))
        })
}
