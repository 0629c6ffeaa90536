//! `flightrec export`

use flightrec_dump::Dump;

use crate::cli::{Common, Export};
use crate::error::{CliError, Outcome, Result};
use crate::export::{self, Format, Selected, html, markdown, sentry};
use crate::input::{self, note};
use crate::output;
use crate::redact;

pub(super) fn run(args: Export, common: &Common) -> Result {
    if args.budget.is_some() && args.to != Format::Markdown {
        return Err(CliError::new("--budget is for --to markdown"));
    }
    if args.source && args.to != Format::Html {
        return Err(CliError::new("--source is for --to html"));
    }
    match args.to {
        Format::Html => return page(&args, common),
        Format::Markdown => return text(&args, common),
        Format::Sentry => return envelope(&args, common),
        Format::Jsonl | Format::Logfmt => return lines(&args, common),
        _ => {}
    }
    let mut dumps = Vec::new();
    for source in input::several(&args.dumps)? {
        dumps.push(input::read_dump(&source, common.limits())?);
    }
    let selected: Vec<_> = dumps
        .iter()
        .map(|dump| Selected {
            dump,
            records: args.selection.select(dump).records,
        })
        .collect();
    // The output is for a tool, so it has neither colours nor a pager.
    output::write(args.output.as_deref(), |out| {
        export::write(out, args.to, &selected)
    })?;
    let any = selected.iter().any(|selected| !selected.records.is_empty());
    if !any
        && let Some(why) = dumps
            .first()
            .and_then(|dump| args.selection.explain_nothing(dump))
    {
        note(&why);
    }
    Ok(Outcome::found(any || !args.selection.is_filter()))
}

/// Formats with a line for each record are written dump by dump, so that many dumps take little memory.
fn lines(args: &Export, common: &Common) -> Result {
    let sources = input::each(&args.dumps)?;
    let mut any = false;
    let mut unreadable = None;
    let mut nothing = None;
    let count = sources.len();
    output::write(args.output.as_deref(), |out| {
        for source in &sources {
            let dump = match input::read_dump(source, common.limits()) {
                Ok(dump) => dump,
                Err(error) => {
                    if count > 1 {
                        note(&error.to_string());
                    }
                    unreadable = Some(error);
                    continue;
                }
            };
            let records = args.selection.select(&dump).records;
            any |= !records.is_empty();
            if records.is_empty() && nothing.is_none() {
                nothing = args.selection.explain_nothing(&dump);
            }
            let dump = &dump;
            export::write(out, args.to, &[Selected { dump, records }])?;
        }
        Ok(())
    })?;
    match (unreadable, nothing) {
        (Some(error), _) if count == 1 => return Err(error),
        (Some(_), _) => return Ok(Outcome::Nothing),
        (None, Some(why)) if !any => note(&why),
        _ => {}
    }
    Ok(Outcome::found(any || !args.selection.is_filter()))
}

fn page(args: &Export, common: &Common) -> Result {
    if args.selection.is_filter() || args.selection.last.is_some() {
        return Err(CliError::new(
            "a page has the whole log and its own filters: leave --level, --target, \
             --grep, --thread and --last out",
        ));
    }
    let dumps = html::read(&args.dumps, common.limits(), args.source)?;
    output::write(args.output.as_deref(), |out| html::write(out, &dumps))?;
    Ok(Outcome::Done)
}

fn envelope(args: &Export, common: &Common) -> Result {
    let sources = input::several(&args.dumps)?;
    let [source] = &sources[..] else {
        return Err(CliError::new(
            "an envelope has one dump: give one, or use `flightrec send` for several",
        ));
    };
    let selection = &args.selection;
    let json = input::read_document(source, common.limits())?.json;
    let mut dump = Dump::from_json(&json).map_err(|why| CliError::at(&source.path, why))?;
    if selection.is_filter() || selection.around.is_some() || selection.last.is_some() {
        let records = selection.select(&dump).records;
        dump.latest_logs = records.into_iter().cloned().collect();
    }
    output::write(args.output.as_deref(), |out| {
        sentry::write(out, &dump, &json, &source.file_name(), true)
    })?;
    Ok(Outcome::Done)
}

/// Markdown is meant to be published, so text that looks like a secret or personal data is masked.
fn text(args: &Export, common: &Common) -> Result {
    let selection = &args.selection;
    let mut dumps = Vec::new();
    for source in input::several(&args.dumps)? {
        let mut dump = redact::for_publication(&source, common.limits())?;
        if selection.is_filter() || selection.around.is_some() {
            dump.latest_logs = selection
                .select(&dump)
                .records
                .into_iter()
                .cloned()
                .collect();
        }
        dumps.push((dump, source.file_name()));
    }
    let sources: Vec<_> = dumps
        .iter()
        .map(|(dump, file)| markdown::Source {
            dump,
            file: file.clone(),
        })
        .collect();
    let amount = markdown::Amount {
        budget: args.budget.unwrap_or(markdown::Tokens::ISSUE),
        records: selection.last.unwrap_or(markdown::RECORDS),
    };
    output::write(args.output.as_deref(), |out| {
        markdown::write(out, &sources, amount)
    })?;
    Ok(Outcome::Done)
}
