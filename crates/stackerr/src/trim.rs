//! Where a stack begins: at the birth of the error, not in the machinery that noticed it.

use crate::frame::Frame;
use crate::noise::{FrameKind, parts};
use crate::place::is_bare;
use crate::stack::Origin;

/// What trimming looks at.
struct Function<'a> {
    name: Option<&'a str>,
    kind: FrameKind,
}

/// How many frames on top of a stack are the machinery that took it: the same that is trimmed
/// where a stack finds its own names.
///
/// It is for those who find names later, for the stack of a stripped binary. `functions` are the
/// names and files, inlined functions included, innermost first; `panicking` is true for a stack
/// that [`StackTrace::capture_panic`](crate::StackTrace::capture_panic) took.
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
    let origin = if panicking {
        Origin::Panic
    } else {
        Origin::Birth
    };
    machinery(&functions, origin)
}

/// Takes the machinery off the top.
pub(crate) fn trim(frames: &mut Vec<Frame>, origin: Origin) {
    let functions: Vec<_> = frames
        .iter()
        .map(|frame| Function {
            name: frame.name.as_deref(),
            kind: frame.kind,
        })
        .collect();
    let top = machinery(&functions, origin);
    frames.drain(..top);
}

/// How many frames at the top to take off. 0 where names are unknown.
fn machinery(functions: &[Function<'_>], origin: Origin) -> usize {
    let top = match origin {
        Origin::Birth => birth(functions),
        Origin::Panic => panic(functions),
    };
    // Rather everything than nothing.
    if top < functions.len() { top } else { 0 }
}

fn is_hook(function: &Function<'_>) -> bool {
    function
        .name
        .is_some_and(|name| name.contains("panic_with_hook"))
}

fn birth(frames: &[Function<'_>]) -> usize {
    // This crate's frames may have the library's between them (collecting, say).
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
        return birth(frames);
    };
    // Below the hook: the handler, then the library function that noticed (`unwrap`, an index).
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

/// `?`, `into()`, `map_err(Error::from)` and their like, directly above the birth.
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
