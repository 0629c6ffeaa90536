//! `flightrec show`

use std::path::PathBuf;

use crate::cli::{Common, Show};
use crate::input::{self, Limits};
use crate::look::screen::Screen;
use crate::outcome::{Outcome, Result, Trouble};
use crate::places;
use crate::show::{self, Paths, View};

pub(super) fn run(args: Show, common: &Common) -> Result {
    let path = resolve(args.dump)?;
    let dump = input::read_dump(
        &path,
        Limits {
            max_size: common.max_size,
        },
    )?;
    let mut screen = Screen::open(common);
    let view = View {
        width: screen.width(),
        now: common.now(),
        all: args.all,
        selection: args.selection,
        paths: Paths::of(&dump),
    };
    let shown = show::dump(&mut screen, &dump, &view)?;
    screen.close()?;
    let nothing = shown == 0 && view.selection.is_filter();
    Ok(if nothing {
        Outcome::Nothing
    } else {
        Outcome::Done
    })
}

/// The dump that is meant: a file, a program's newest, or the newest of all.
fn resolve(asked: Option<PathBuf>) -> Result<PathBuf> {
    let app = match &asked {
        Some(path) if input::is_stdin(path) || path.exists() => return Ok(path.clone()),
        Some(path) => Some(path.to_string_lossy()),
        None => None,
    };
    let state = places::state_dir().unwrap_or_default();
    let newest = places::find(&state, app.as_deref()).into_iter().next();
    newest.map(|found| found.path).ok_or_else(|| match &asked {
        Some(path) => Trouble::at(
            path,
            "there is no such file, and no program of that name has dumps on this machine; \
             `flightrec list` shows which there are",
        ),
        None => Trouble::at(&state, "no program has dumps on this machine"),
    })
}
