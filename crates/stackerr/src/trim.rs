//! Trims a stack so that it begins where the error was created, not in the functions that captured it.

use crate::foreign_text::contains;
use crate::frame::Frame;
use crate::frame_kind::{FrameKind, is_bare, parts};

/// The part of a frame that trimming needs.
struct Function<'a> {
    name: Option<&'a str>,
    kind: FrameKind,
}

/// Returns how many frames on top of a stack belong to the capture:
/// [`StackTrace::frames`](crate::StackTrace::frames) leaves them out.
///
/// It is for programs that look up names later, for the stack of a stripped binary. `functions` are
/// the names and files of all functions, including inlined ones, innermost first. `panicking` is true
/// for a stack that [`StackTrace::capture_panic`](crate::StackTrace::capture_panic) captured.
///
/// # Examples
///
/// ```
/// let names = [
///     "stackerr::error::Error::msg",
///     "<core::result::Result<T,F> as core::ops::try_trait::FromResidual<E>>::from_residual",
///     "census::parse",
///     "census::main",
/// ];
/// assert_eq!(stackerr::machinery_on_top(names.map(|name| (Some(name), None)), false), 2);
/// ```
#[must_use]
pub fn machinery_on_top<'a>(
    functions: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    panicking: bool,
) -> usize {
    let functions: Vec<_> = functions
        .into_iter()
        .map(|(name, file)| Function {
            name,
            kind: name.map_or(FrameKind::App, |name| FrameKind::of_function(name, file)),
        })
        .collect();
    machinery(&functions, panicking)
}

/// Removes the frames of the capture from the top.
pub(crate) fn trim(frames: &mut Vec<Frame>, panicking: bool) {
    let functions: Vec<_> = frames
        .iter()
        .map(|frame| Function {
            name: frame.name.as_deref(),
            kind: frame.kind,
        })
        .collect();
    let top = machinery(&functions, panicking);
    frames.drain(..top);
}

/// The number of frames of the capture; 0 if names are unknown.
fn machinery(functions: &[Function<'_>], panicking: bool) -> usize {
    let top = if panicking {
        panic(functions)
    } else {
        capture(functions)
    };
    // A stack without any frame would be useless.
    if top < functions.len() { top } else { 0 }
}

fn is_hook(function: &Function<'_>) -> bool {
    function
        .name
        .is_some_and(|name| contains(name, "panic_with_hook"))
}

fn capture(frames: &[Function<'_>]) -> usize {
    // Frames of the standard library may be between those of this crate, for instance in `collect`.
    let ours = frames
        .iter()
        .take_while(|frame| frame.kind == FrameKind::Capture || in_std(frame))
        .enumerate()
        .filter(|(_, frame)| frame.kind == FrameKind::Capture)
        .last()
        .map_or(0, |(at, _)| at + 1);
    let conversions = frames[ours..]
        .iter()
        .take_while(|frame| is_conversion(frame))
        .count();
    ours + conversions
}

fn panic(frames: &[Function<'_>]) -> usize {
    let Some(hook) = frames.iter().position(is_hook) else {
        return capture(frames);
    };
    // Below the hook: the handler, then the library function that panicked (`unwrap`, an index).
    hook + frames[hook..]
        .iter()
        .take_while(|frame| in_std(frame))
        .count()
}

/// Whether the function is the standard library's.
fn in_std(frame: &Function<'_>) -> bool {
    matches!(
        frame.kind,
        FrameKind::Plumbing | FrameKind::Panic | FrameKind::Runtime
    )
}

/// `?`, `into()`, `map_err(Error::from)` and the like, called by the function where the error was
/// created.
fn is_conversion(frame: &Function<'_>) -> bool {
    const TRAITS: &[&str] = &[
        "core::ops::function::Fn",
        "core::ops::try_trait::",
        "core::convert::",
    ];
    const METHODS: &[&str] = &["map_err", "ok_or_else", "or_else", "unwrap_or_else"];
    const BARE: &[&str] = &["from_residual", "from", "into", "call_once", "call_mut"];
    let Some(name) = frame.name else {
        return false;
    };
    if frame.kind != FrameKind::Plumbing {
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
