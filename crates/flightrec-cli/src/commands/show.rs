//! `flightrec show`

use crate::cli::{Common, Show};
use crate::input;
use crate::look::screen::Screen;
use crate::outcome::{Outcome, Result};
use crate::places;
use crate::show::{self, Paths, View};

pub(super) fn run(args: Show, common: &Common) -> Result {
    let path = places::resolve(args.dump.as_deref())?;
    let dump = input::read_dump(&path, common.limits())?;
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
