//! Recursion: repeated frames are shown once, with a count.

use flightrec_dump::Frame;

use crate::render::count::grouped;

/// The longest cycle of functions calling one another that is detected.
const MAX_CYCLE: usize = 16;

/// Fewer repetitions are shown as they are.
const MIN_TIMES: usize = 4;

/// A part of a stack.
#[derive(Debug, PartialEq)]
pub(crate) enum Step<'a> {
    /// A frame, with its number.
    Frame(usize, &'a Frame),
    /// The previous `frames` frames are repeated `times` more times.
    Again { frames: usize, times: usize },
}

impl Step<'_> {
    /// How many frames it stands for.
    pub(crate) fn frames(&self) -> usize {
        match self {
            Step::Frame(..) => 1,
            Step::Again { frames, times } => frames * times,
        }
    }
}

/// Replaces repeated frames, unless `all` is set.
pub(crate) fn fold<'a>(frames: &[(usize, &'a Frame)], all: bool) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut rest = frames;
    while let Some((first, others)) = rest.split_first() {
        let step = |&(number, frame): &(usize, &'a Frame)| Step::Frame(number, frame);
        match cycle(rest).filter(|_| !all) {
            Some((frames, times)) => {
                steps.extend(rest[..frames].iter().map(step));
                let times = times - 1;
                steps.push(Step::Again { frames, times });
                rest = &rest[frames * (times + 1)..];
            }
            None => {
                steps.push(step(first));
                rest = others;
            }
        }
    }
    steps
}

/// How many of the first frames form a cycle, and how often the cycle is repeated.
fn cycle(frames: &[(usize, &Frame)]) -> Option<(usize, usize)> {
    (1..=MAX_CYCLE.min(frames.len())).find_map(|len| {
        let (first, others) = frames.split_at(len);
        let are_equal = |next: &&[(usize, &Frame)]| {
            let mut pairs = first.iter().zip(*next);
            pairs.all(|((_, one), (_, other))| {
                one.address == other.address && one.name == other.name
            })
        };
        let times = 1 + others.chunks_exact(len).take_while(are_equal).count();
        (times >= MIN_TIMES).then_some((len, times))
    })
}

/// `… the frame above 1,021 more times`
pub(crate) fn again(frames: usize, times: usize) -> String {
    let times = grouped(times as u64);
    match frames {
        1 => format!("… the frame above {times} more times"),
        _ => format!("… the {frames} frames above {times} more times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(names: &str) -> Vec<Frame> {
        let frame = |name: char| {
            let mut frame = Frame::default();
            frame.name = name.to_string();
            frame
        };
        names.chars().map(frame).collect()
    }

    fn folded(names: &str, all: bool) -> String {
        let frames = frames(names);
        let numbered: Vec<_> = frames.iter().enumerate().collect();
        let steps = fold(&numbered, all).into_iter().map(|step| match step {
            Step::Frame(_, frame) => frame.name.clone(),
            Step::Again { frames, times } => format!("({frames}x{times})"),
        });
        steps.collect()
    }

    #[test]
    fn repetitions_are_counted() {
        assert_eq!(folded("", false), "");
        assert_eq!(folded("abcd", false), "abcd");
        assert_eq!(folded("eaaaaaf", false), "ea(1x4)f");
        assert_eq!(folded("eabababababf", false), "eab(2x4)f");
        // The innermost frame is at another place of its function, and a cycle may be cut.
        assert_eq!(
            folded("babababababm", false),
            "ba(2x4)bam".replace("bam", "bm")
        );
        assert_eq!(folded("aaa", false), "aaa");
        assert_eq!(folded("eaaaaaf", true), "eaaaaaf");
        let deep = "x".repeat(100_000);
        assert_eq!(folded(&format!("{deep}m"), false), "x(1x99999)m");
    }

    #[test]
    fn frames_at_other_places_of_a_function_are_different() {
        let mut frames = frames("aaaaa");
        frames[2].address = "0x2".to_owned();
        let numbered: Vec<_> = frames.iter().enumerate().collect();
        assert_eq!(fold(&numbered, false).len(), 5);
    }
}
