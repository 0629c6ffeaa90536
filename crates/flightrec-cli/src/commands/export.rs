//! `flightrec export`

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::{Common, Export, Format};
use crate::export::{self, Chosen, html};
use crate::input;
use crate::outcome::{Outcome, Result, Trouble};
use crate::{output, places};

pub(super) fn run(args: Export, common: &Common) -> Result {
    let mut paths = Vec::new();
    for asked in &args.dumps {
        paths.push(places::resolve(Some(asked))?);
    }
    if paths.is_empty() {
        paths.push(places::resolve(None)?);
    }
    if args.to == Format::Html {
        return page(&args, &paths, common);
    }
    let mut dumps = Vec::new();
    for path in &paths {
        dumps.push(input::read_dump(path, common.limits())?);
    }
    let chosen: Vec<_> = dumps
        .iter()
        .map(|dump| Chosen {
            dump,
            records: args.selection.choose(&dump.latest_logs).0,
        })
        .collect();
    // To a tool rather than to a person: neither colours nor a pager.
    write_to(args.output.as_deref(), |out| {
        export::write(out, args.to, &chosen)
    })?;
    let nothing =
        args.selection.is_filter() && chosen.iter().all(|chosen| chosen.records.is_empty());
    Ok(if nothing {
        Outcome::Nothing
    } else {
        Outcome::Done
    })
}

fn page(args: &Export, paths: &[PathBuf], common: &Common) -> Result {
    if args.selection.is_filter() || args.selection.last.is_some() {
        return Err(Trouble::new(
            "a page holds the whole log and has filters of its own: leave --level, --target, \
             --grep, --thread and --last out",
        ));
    }
    let dumps = html::read(paths, common.limits())?;
    write_to(args.output.as_deref(), |out| html::write(out, &dumps))?;
    Ok(Outcome::Done)
}

fn write_to(
    path: Option<&Path>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let to = |mut out: BufWriter<&mut dyn Write>| content(&mut out).and_then(|()| out.flush());
    match path {
        Some(path) if !input::is_stdin(path) => output::create(path)
            .and_then(|mut file| to(BufWriter::new(&mut file)))
            .map_err(|error| Trouble::at(path, format!("cannot write it: {error}"))),
        _ => Ok(to(BufWriter::new(&mut io::stdout().lock()))?),
    }
}
