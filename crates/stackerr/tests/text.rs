//! Golden text of all output. Lines, columns and addresses are normalised.

use stackerr::{Error, ResultExt, Traced, err, report};
use std::fmt::{self, Write as _};

/// Two joined failures in a context, one of them with causes.
fn census() -> Error {
    #[inline(never)]
    fn parse() -> Error {
        let cause = Traced::new(std::hint::black_box(fmt::Error));
        std::hint::black_box(Error::new(cause).context("parsing a/Cargo.toml"))
    }
    #[inline(never)]
    fn read() -> Error {
        std::hint::black_box(
            err!("permission denied\n(os error 13)").context("reading b/Cargo.toml"),
        )
    }
    let read = read();
    let inner = Error::join([read, err!("third")])
        .unwrap()
        .context("two more");
    Error::join([parse(), inner])
        .unwrap()
        .context("census failed")
}

#[test]
fn display_is_its_own_message() {
    assert_eq!(census().to_string(), "census failed");
    let join = Error::join([err!("a").context("b"), err!("c")]).unwrap();
    assert_eq!(
        join.to_string(),
        "b: a\nc",
        "`source` returns no other cause of a join"
    );
}

#[test]
fn alternate_display_is_the_chain_on_one_line() {
    assert_eq!(format!("{:#}", err!("a")), "a");
    assert_eq!(
        format!("{:#}", census()),
        "census failed: [parsing a/Cargo.toml: an error occurred when formatting an argument; \
         two more: [reading b/Cargo.toml: permission denied\n(os error 13); third]]"
    );
}

#[test]
fn a_report_without_stacks() {
    let expected = "\
census failed
caused by: 2 errors
├─ parsing a/Cargo.toml
│  caused by: an error occurred when formatting an argument
╰─ two more
   caused by: 2 errors
   ├─ reading b/Cargo.toml
   │  caused by: permission denied
   │  (os error 13)
   ╰─ third";
    let err = census();
    assert_eq!(err.report().stacks(false).to_string(), expected);
    assert_eq!(report(err.as_std()).stacks(false).to_string(), expected);
    assert!(format!("{err:?}").starts_with(&format!("{expected}\n\nstack of: ")));
}

/// Replaces the parts that differ between builds and machines.
fn normalise(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.find("text.rs:") {
            Some(at) if line.trim_start().starts_with("at ") => {
                let indent = &line[..line.len() - line.trim_start().len()];
                assert!(line[at..].split(':').nth(1).unwrap().parse::<u32>().is_ok());
                format!("{indent}at …/text.rs:LINE")
            }
            _ if line.starts_with("propagated through: ") => {
                let count = line.matches("text.rs:").count();
                format!("propagated through: {count} places")
            }
            _ => line.to_owned(),
        };
        let digits = line.trim_start();
        let line = if digits.starts_with("… ") && digits.contains(" of the runtime hidden") {
            "      … N frames of the runtime hidden".to_owned()
        } else {
            line
        };
        writeln!(out, "{line}").unwrap();
    }
    out
}

// Optimised code inlines functions; the golden text is from an unoptimised build.
#[cfg(debug_assertions)]
#[test]
fn the_whole_report() {
    #[inline(never)]
    fn connect() -> Result<(), Error> {
        Err(fmt::Error).context("connecting")
    }
    let thread = std::thread::Builder::new().name("t".into());
    let err = thread
        .spawn(|| connect().context("fetching").unwrap_err())
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(
        normalise(&format!("{err:?}")),
        "\
fetching
caused by: connecting
caused by: an error occurred when formatting an argument

stack of: an error occurred when formatting an argument
   0: text::the_whole_report::connect
      at …/text.rs:LINE
   1: text::the_whole_report::{{closure}}
      at …/text.rs:LINE
      … N frames of the runtime hidden
propagated through: 2 places
"
    );
    let all = err.report().all_frames(true).to_string();
    assert!(!all.contains("hidden"), "{all}");
    assert!(all.contains("__rust_begin_short_backtrace"), "{all}");
}

#[test]
fn the_stacks_are_printed_like_the_go_original() {
    let err = err!("boom");
    let text = err.stack_traces().to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("boom"));
    let mut frames = 0;
    while let (Some(name), Some(place)) = (lines.next(), lines.next()) {
        assert!(!name.starts_with('\t'), "{text}");
        assert!(place.starts_with('\t'), "{text}");
        frames += 1;
    }
    assert_eq!(
        frames,
        err.stack_traces().iter().next().unwrap().frames().len()
    );

    let two = Error::join([err!("a"), err!("b")]).unwrap().stack_traces();
    let each: Vec<String> = two.iter().map(ToString::to_string).collect();
    assert_eq!(two.to_string(), each.join("\n"));
    let first = &each[0].lines().nth(2).unwrap();
    let (file, line) = first.rsplit_once(':').unwrap();
    assert!(
        file.starts_with('\t') && file.ends_with("text.rs"),
        "{first}"
    );
    assert!(line.parse::<u32>().is_ok(), "{first}");
}

#[test]
fn alternate_debug_is_the_tree_as_a_struct() {
    let text = format!("{:#?}", err!("inner").context("outer"));
    assert!(
        text.starts_with("ErrorTree {\n    message: \"outer\","),
        "{text}"
    );
    assert!(text.contains("message: \"inner\","), "{text}");
}

#[test]
fn the_tree_has_messages_and_places() {
    let (err, line) = (err!("inner"), line!());
    let tree = err.context("outer").tree();
    assert_eq!(tree.message, "outer");
    assert_eq!(tree.location.unwrap().line(), line + 1);
    assert_eq!(tree.sources.len(), 1);
    assert_eq!(tree.sources[0].message, "inner");
    assert_eq!(tree.sources[0].location.unwrap().line(), line);
    assert!(tree.sources[0].sources.is_empty());

    let tree = census().tree();
    assert_eq!(tree.sources[0].message, "2 errors");
    assert_eq!(tree.sources[0].sources.len(), 2);
    let parse = &tree.sources[0].sources[0].sources[0];
    assert_eq!(parse.type_name, Some("core::fmt::Error"));
    assert!(parse.sources.is_empty(), "the traced error is shown once");
}
