//! `flightrec issue`

use std::io::Write;

use super::open::start_browser;
use crate::cli::{Common, Issue};
use crate::error::{CliError, Outcome, Result};
use crate::export::markdown;
use crate::input::{self, note};
use crate::issue::{self, Repository};
use crate::redact;
use crate::render::{screen, text};

pub(super) fn run(args: Issue, common: &Common) -> Result {
    let source = input::one(args.dump.as_deref())?;
    let dump = redact::for_publication(&source, common.limits())?;
    let repository = match (&args.repo, &dump.repository) {
        (Some(named), _) => Repository::parse(named),
        (None, Some(recorded)) => Repository::parse(recorded),
        (None, None) => Err(
            "the dump names no repository; give it with --repo OWNER/NAME or \
                             --repo URL"
                .to_owned(),
        ),
    };
    let repository = repository.map_err(CliError::new)?;
    let url = issue::url(
        &repository,
        &markdown::Source {
            dump: &dump,
            file: source.file_name(),
        },
    );
    writeln!(screen::stdout(), "{url}")?;
    note(&format!(
        "nothing was sent: the address opens a new issue on {}; attach the dump, too, if it may be \
         public (`flightrec redact {}` masks more)",
        text::line(repository.host()),
        source.name()
    ));
    if args.open && !start_browser(url.as_ref()) {
        note("no browser could be started: open the address above");
        return Ok(Outcome::Nothing);
    }
    Ok(Outcome::Done)
}
