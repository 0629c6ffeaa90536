//! Writes to a pipe, the terminal, or a pager if the output is longer than the screen.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::{Child, Command, Stdio};

use anstream::{AutoStream, ColorChoice};

/// A narrower terminal is treated as if it had this many columns.
const MIN_WIDTH: usize = 40;

/// Whether a stream gets colours. The console sink of `logtee` decides in the same way, but also requires
/// that `TERM` is set.
///
/// `NO_COLOR` (not empty) disables them, `CLICOLOR_FORCE` (not empty, not `0`) enables them,
/// `CLICOLOR=0` disables them. Otherwise only a terminal gets them, unless `TERM` is `dumb`.
pub(crate) fn colours(is_terminal: bool) -> ColorChoice {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let is_dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
    if set("NO_COLOR").is_some() {
        ColorChoice::Never
    } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        ColorChoice::AlwaysAnsi
    } else if set("CLICOLOR").is_some_and(|value| value == "0") || !is_terminal || is_dumb {
        ColorChoice::Never
    } else {
        ColorChoice::Always
    }
}

/// Standard error, with or without colours.
pub(crate) fn stderr() -> AutoStream<io::Stderr> {
    AutoStream::new(io::stderr(), colours(io::stderr().is_terminal()))
}

/// Standard output without a pager, with or without colours.
pub(crate) fn stdout() -> AutoStream<Stdout> {
    AutoStream::new(io::stdout(), colours(io::stdout().is_terminal()))
}

/// Standard output, through a pager if it needs one.
pub(crate) struct Screen {
    width: Option<usize>,
    state: State,
}

enum State {
    Direct(BufWriter<AutoStream<Stdout>>),
    /// The output is buffered until it is known whether it fits on the screen.
    Held {
        text: Vec<u8>,
        lines: usize,
        rows: usize,
    },
    Paged {
        pager: Child,
        pipe: BufWriter<AutoStream<Box<dyn Write>>>,
    },
}

impl Screen {
    /// Output for a terminal or a pipe. With `has_pager`, output that is longer than the terminal
    /// goes through a pager.
    pub(crate) fn open(has_pager: bool) -> Screen {
        let size = io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten();
        let columns = env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let width = columns.or_else(|| size.map(|(columns, _)| usize::from(columns.0)));
        let state = match size {
            Some((_, rows)) if has_pager => State::Held {
                text: Vec::new(),
                lines: 0,
                rows: usize::from(rows.0),
            },
            _ => direct(),
        };
        Screen {
            width: width.map(|width| width.max(MIN_WIDTH)),
            state,
        }
    }

    /// The number of columns; `None` in a pipe, where lines are not wrapped.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Prints the rest, and waits until the pager ends.
    pub(crate) fn close(mut self) -> io::Result<()> {
        if let State::Held { text, .. } = &mut self.state {
            let text = std::mem::take(text);
            self.state = direct();
            self.write_all(&text)?;
        }
        let flushed = self.flush();
        match self.state {
            State::Paged { mut pager, pipe } => {
                drop(pipe);
                pager.wait()?;
                // It is not an error if the user quits the pager early.
                Ok(())
            }
            _ => flushed,
        }
    }

    fn page(&mut self) -> io::Result<()> {
        let State::Held { text, .. } = &mut self.state else {
            return Ok(());
        };
        let text = std::mem::take(text);
        self.state = start_pager().unwrap_or_else(direct);
        self.write_all(&text)
    }
}

impl Write for Screen {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Direct(out) => out.write(piece),
            State::Paged { pipe, .. } => pipe.write(piece),
            State::Held { text, lines, rows } => {
                text.extend_from_slice(piece);
                *lines += piece.iter().filter(|byte| **byte == b'\n').count();
                // One line is left for the prompt.
                if *lines + 1 > *rows {
                    self.page()?;
                }
                Ok(piece.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Direct(out) => out.flush(),
            State::Paged { pipe, .. } => pipe.flush(),
            State::Held { .. } => Ok(()),
        }
    }
}

fn direct() -> State {
    State::Direct(BufWriter::with_capacity(32 << 10, stdout()))
}

/// `$PAGER`, or `less`; `None` if it cannot be started.
fn start_pager() -> Option<State> {
    let pager = env::var("PAGER").ok();
    let mut words = pager.as_deref().unwrap_or("less -RFX").split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        // Without `R`, `less` does not show colours.
        command.env("LESS", "RFX");
    }
    let mut pager = command.spawn().ok()?;
    let pipe: Box<dyn Write> = Box::new(pager.stdin.take()?);
    // The pager prints to our own terminal.
    let colour = match colours(true) {
        ColorChoice::Never => ColorChoice::Never,
        _ => ColorChoice::AlwaysAnsi,
    };
    Some(State::Paged {
        pager,
        pipe: BufWriter::new(AutoStream::new(pipe, colour)),
    })
}
