//! `flightrec send`

use std::io::{self, Write};

use flightrec_dump::Dump;
use indicatif::ProgressBar;

use crate::cli::{Common, Send};
use crate::error::{CliError, Outcome, Result};
use crate::export::sentry;
use crate::input::{self, Source, note};
use crate::render::{count, screen, text};
use crate::send::{Client, Delivery, Post, Receipts, Stop, Target};

/// How many unreadable files and refused dumps are named.
const NAMED: usize = 10;

/// The HTTP status if the service refuses a request because of its size.
const TOO_LARGE: u16 = 413;

#[derive(Debug, Default)]
struct Tally {
    sent: usize,
    /// Dumps that have receipts already.
    before: usize,
    refused: usize,
    unreadable: usize,
}

pub(super) fn run(args: Send, common: &Common) -> Result {
    let (target, dumps) = match (&args.otlp, args.dumps.split_first()) {
        (Some(url), _) => (Target::otlp(url), &args.dumps[..]),
        (None, Some((dsn, dumps))) => (Target::sentry(&dsn.to_string_lossy()), dumps),
        (None, None) => (Err("give a DSN, or --otlp URL".to_owned()), &[][..]),
    };
    let target = target.map_err(CliError::new)?;
    let client = Client::new(target.name()).map_err(CliError::new)?;
    let sources = input::each(dumps)?;
    let receipts = Receipts::open(&input::state_dir()?, target.name())?;
    let progress = input::progress(sources.len());
    let mut sender = Sender {
        args: &args,
        common,
        client,
        target,
        receipts,
        tally: Tally::default(),
        progress,
    };
    let mut ended = Ok(());
    for source in &sources {
        ended = sender.file(source);
        sender.progress.inc(1);
        if ended.is_err() {
            break;
        }
    }
    sender.progress.finish_and_clear();
    let tally = &sender.tally;
    report(&mut screen::stdout(), tally, args.dry_run)?;
    ended?;
    Ok(Outcome::found(tally.refused + tally.unreadable == 0))
}

struct Sender<'a> {
    args: &'a Send,
    common: &'a Common,
    client: Client,
    target: Target,
    receipts: Receipts,
    tally: Tally,
    progress: ProgressBar,
}

impl Sender<'_> {
    /// Sends the dumps of a file, one after the other.
    fn file(&mut self, source: &Source) -> Result<()> {
        let documents = match input::read_documents(source, self.common.limits()) {
            Ok(documents) => documents,
            Err(error) => {
                self.tally.unreadable += 1;
                self.say(self.tally.unreadable, &error.to_string());
                return Ok(());
            }
        };
        for document in documents {
            match Dump::from_json(&document.json) {
                Ok(dump) => self.dump(source, &dump, &document.json)?,
                Err(why) => {
                    self.tally.unreadable += 1;
                    let error = CliError::at(&source.path, why);
                    self.say(self.tally.unreadable, &error.to_string());
                }
            }
        }
        Ok(())
    }

    fn dump(&mut self, source: &Source, dump: &Dump, json: &[u8]) -> Result<()> {
        let id = sentry::event_id(dump, json);
        if self.receipts.has(&id) && !self.args.again {
            self.tally.before += 1;
            return Ok(());
        }
        let file = source.file_name();
        let posts = |attach: bool| self.target.posts(dump, json, &file, attach);
        let name = source.name();
        let attach = !self.args.no_attachment;
        let requests = posts(attach)?;
        if self.args.dry_run {
            let bytes: usize = requests.iter().map(|post| post.body.len()).sum();
            let bytes = count::bytes(bytes as u64);
            self.progress
                .suspend(|| writeln!(screen::stdout(), "would send {name} as {id} ({bytes})"))?;
            self.tally.sent += 1;
            return Ok(());
        }
        let mut delivery = self.deliver(&requests)?;
        if attach
            && matches!(
                delivery,
                Delivery::Refused {
                    status: TOO_LARGE,
                    ..
                }
            )
        {
            delivery = self.deliver(&posts(false)?)?;
        }
        match delivery {
            Delivery::Taken => {
                self.receipts.add(id)?;
                self.tally.sent += 1;
            }
            Delivery::Refused { why, .. } => {
                self.tally.refused += 1;
                self.say(self.tally.refused, &format!("{name}: refused: {why}"));
            }
        }
        Ok(())
    }

    fn deliver(&self, posts: &[Post]) -> Result<Delivery> {
        let say = |why: &str| self.progress.suspend(|| note(why));
        for post in posts {
            match self.client.deliver(post, &say) {
                Ok(Delivery::Taken) => {}
                Ok(refused) => return Ok(refused),
                Err(Stop(why)) => {
                    return Err(CliError::new(format!(
                        "{}: {why}; run the same command again to continue from here",
                        text::line(&post.url)
                    )));
                }
            }
        }
        Ok(Delivery::Taken)
    }

    /// Prints the first few messages of a kind.
    fn say(&self, number: usize, what: &str) {
        if number <= NAMED {
            self.progress.suspend(|| note(what));
        }
        if number == NAMED {
            self.progress.suspend(|| note("further ones are counted"));
        }
    }
}

fn report(out: &mut dyn Write, tally: &Tally, dry_run: bool) -> io::Result<()> {
    let sent = count::of(tally.sent, "dump");
    let mut parts = vec![match dry_run {
        true => format!("nothing was sent; {sent} would be"),
        false => format!("sent {sent}"),
    }];
    if tally.before > 0 {
        parts.push(format!("{} before", count::grouped(tally.before as u64)));
    }
    if tally.refused > 0 {
        parts.push(format!("{} refused", count::grouped(tally.refused as u64)));
    }
    if tally.unreadable > 0 {
        parts.push(format!(
            "{} unreadable",
            count::grouped(tally.unreadable as u64)
        ));
    }
    writeln!(out, "{}", parts.join(", "))
}
