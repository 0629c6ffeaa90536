//! Where output goes: a pipe, the terminal, or a pager if it is longer than the screen.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::{Child, Command, Stdio};

use anstream::{AutoStream, ColorChoice};

use crate::cli::Common;

/// Narrower than this, nothing can be laid out.
const MIN_WIDTH: usize = 40;

/// Standard output, through a pager if it needs one.
pub(crate) struct Screen {
    width: Option<usize>,
    state: State,
}

enum State {
    Direct(BufWriter<AutoStream<Stdout>>),
    /// It is not known yet whether it fits on the screen.
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
    pub(crate) fn open(common: &Common) -> Screen {
        let size = io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten();
        let told = env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let width = told.or_else(|| size.map(|(columns, _)| usize::from(columns.0)));
        let state = match size {
            Some((_, rows)) if !common.no_pager => State::Held {
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

    /// The columns there are; none in a pipe, where lines are as long as they are.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Prints the rest, and waits until the pager's user has seen enough.
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
                // Who leaves the pager early has seen enough.
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
                // One line for the prompt behind it.
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
    State::Direct(BufWriter::with_capacity(
        32 << 10,
        AutoStream::auto(io::stdout()),
    ))
}

/// `$PAGER`, or `less`; none if it is not to be had.
fn start_pager() -> Option<State> {
    let asked = env::var("PAGER").ok();
    let mut words = asked.as_deref().unwrap_or("less -RFX").split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        // For a `PAGER=less` that says nothing of colours.
        command.env("LESS", "RFX");
    }
    let mut pager = command.spawn().ok()?;
    let pipe: Box<dyn Write> = Box::new(pager.stdin.take()?);
    // The pager's terminal is ours.
    let colour = match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => ColorChoice::Never,
        _ => ColorChoice::AlwaysAnsi,
    };
    Some(State::Paged {
        pager,
        pipe: BufWriter::new(AutoStream::new(pipe, colour)),
    })
}
