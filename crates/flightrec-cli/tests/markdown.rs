//! `export --to markdown`: its contents, its budget, and that no text of a dump becomes markup.

mod common;

use std::fs;

use common::{Bench, data, golden};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

fn markdown(bench: &Bench, dump: &str, more: &[&str]) -> String {
    let mut args = vec!["export", "--to", "markdown", dump];
    args.extend(more);
    bench.print(&args)
}

#[test]
fn an_issue_has_the_error_the_stacks_the_log_and_what_was_masked() {
    let dump = data("census.json");
    golden(
        "export.md",
        &markdown(&Bench::new(), dump.to_str().unwrap(), &[]),
    );
}

/// Checks that a parser finds only the program's own markup.
fn check(markdown: &str) -> Result<(), String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let mut in_code = false;
    for event in Parser::new_ext(markdown, options) {
        let text = match &event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let summary = |html: &str| {
                    let html = html.strip_prefix("<details><summary>")?;
                    let text = html.trim_end().strip_suffix("</summary>")?;
                    (!text.contains('<')).then_some(())
                };
                if html.trim() != "</details>" && summary(html).is_none() {
                    return Err(format!("HTML: {html}"));
                }
                continue;
            }
            Event::Start(Tag::CodeBlock(_)) => {
                in_code = true;
                continue;
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => {
                in_code = false;
                continue;
            }
            Event::Start(
                Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::List(_)
                | Tag::Item
                | Tag::Strong
                | Tag::HtmlBlock,
            )
            | Event::End(_)
            | Event::Code(_)
            | Event::SoftBreak => continue,
            Event::Text(text) => text,
            other => return Err(format!("{other:?}")),
        };
        // Outside of code there is only the program's own text. GitHub would link these characters.
        if !in_code && text.contains(['@', '#', '<', '/', '[', '`']) {
            return Err(format!("outside of code: {text}"));
        }
    }
    Ok(())
}

#[test]
fn hostile_dumps_do_not_become_markup() {
    let bench = Bench::new();
    let mut dumps: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(data("hostile")).unwrap() {
        dumps.push(fs::read(entry.unwrap().path()).unwrap());
    }
    let tricks = [
        "</summary></details><script>alert(1)</script>",
        "```\n<script>alert(1)</script>\n```\n",
        "~~~\n</details>\n\n# heading\n",
        "`` ` ``` <b> ` ``",
        "[link](javascript:alert(1)) ![image](https://example.org/x.png) @user #1 owner/name#2",
        "| a | b |\n|---|---|\n| <i> | `x` |\n\n- [ ] task $x$ [^1]\n\n[^1]: note",
        "&lt;b&gt; \\<b> \\`\u{202e}\u{0}\r\n\t<b>",
        "line\n\n<details>\n\n</details>",
    ];
    for trick in tricks {
        let mut dump: serde_json::Value =
            serde_json::from_slice(&fs::read(data("census.json")).unwrap()).unwrap();
        infect(&mut dump, trick);
        dump["schema"] = "flightrec/1".into();
        dumps.push(dump.to_string().into_bytes());
    }
    let line = "<img src=x onerror=alert(1)>` ".repeat(10_000);
    dumps.push(
        serde_json::json!({
            "schema": "flightrec/1",
            "reason": {"kind": "error", "message": line},
            "latest_logs": [{"level": "ERROR", "msg": line, "fields": {"a": line}}],
        })
        .to_string()
        .into_bytes(),
    );
    for dump in dumps {
        bench.put("hostile.json", &dump);
        for budget in ["500", "2000", "20000"] {
            let text = markdown(&bench, "hostile.json", &["--budget", budget]);
            check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
            let most = budget.parse::<usize>().unwrap() * 3;
            assert!(
                text.len() <= most,
                "{} bytes of {most}:\n{text}",
                text.len()
            );
        }
    }
}

/// Puts the text into every text of a dump.
fn infect(value: &mut serde_json::Value, evil: &str) {
    match value {
        serde_json::Value::String(old) => old.push_str(evil),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| infect(item, evil)),
        serde_json::Value::Object(object) => {
            object.values_mut().for_each(|value| infect(value, evil));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_becomes_markup(evil in "[\\PC\n\r`<>&*_#\\[\\]!|~\u{0}-\u{1f}\u{202a}-\u{202e}-]{1,30}") {
        let bench = Bench::new();
        let mut dump: serde_json::Value =
            serde_json::from_slice(&fs::read(data("census.json")).unwrap()).unwrap();
        infect(&mut dump, &evil);
        dump["schema"] = "flightrec/1".into();
        bench.put("evil.json", dump.to_string().as_bytes());
        let text = markdown(&bench, "evil.json", &[]);
        if let Err(why) = check(&text) {
            return Err(TestCaseError::fail(format!("{why}\n{text}")));
        }
    }
}

#[test]
fn a_budget_keeps_the_most_useful_parts() {
    let bench = Bench::new();
    let record = |seq: u64| {
        let level = if seq == 100 { "WARN" } else { "DEBUG" };
        serde_json::json!({"seq": seq, "level": level, "msg": format!("record {seq} <")})
    };
    let frames = |error: &str| -> serde_json::Value {
        let frame = |n: u32| serde_json::json!({"name": format!("{error}::frame_{n}"), "file": "a.rs", "line": n});
        (0..30).map(frame).collect()
    };
    let dump = serde_json::json!({
        "schema": "flightrec/1", "app": "a",
        "error": {"message": "outer", "sources": [{"message": "the cause"}]},
        "stack_traces": [
            {"error": "first", "frames": frames("first"), "log_seq": 50},
            {"error": "second", "frames": frames("second")}],
        "threads": [{"id": 1, "name": "worker", "frames": frames("worker")}],
        "latest_logs": (0..1000).map(record).collect::<Vec<_>>(),
    });
    bench.put("long.json", dump.to_string().as_bytes());
    // Most important first.
    let order = [
        "the cause",
        "first::frame_0 ",
        "record 50 <",
        "record 999 <",
        "record 100 <",
        "second::frame_29",
        "worker::frame_29",
        "record 900 <",
    ];
    let mut kept = 0;
    let mut seen = Vec::new();
    for budget in (400..8000).step_by(300) {
        let budget = budget.to_string();
        let args = ["--budget", &*budget, "--last", "1000"];
        let text = markdown(&bench, "long.json", &args);
        assert!(text.len() <= budget.parse::<usize>().unwrap() * 3, "{text}");
        let has = order.map(|part| text.contains(part));
        let now = has.iter().take_while(|has| **has).count();
        assert_eq!(
            now,
            has.iter().filter(|has| **has).count(),
            "{has:?} in {budget}"
        );
        assert!(now >= kept, "{budget}: {text}");
        if now > kept {
            seen.push(now);
        }
        assert_eq!(now == order.len(), text.contains("record 900 <"));
        kept = now;
    }
    assert_eq!(kept, order.len(), "{seen:?}");
    let all = markdown(&bench, "long.json", &[]);
    assert!(all.contains("Left out: 950 records; the dump `long.json` has everything."));
}

#[test]
fn personal_data_is_masked_and_counted() {
    let text = markdown(&Bench::new(), data("census.json").to_str().unwrap(), &[]);
    assert!(!text.contains("/home/ci"), "{text}");
    assert!(text.contains("Masked before this was written: `8 values (key 2, url 1, home 5)`."));
}

#[test]
fn records_can_be_selected_and_several_dumps_exported() {
    let bench = Bench::new();
    let (census, worker) = (data("census.json"), data("worker.json"));
    let worker = worker.to_str().unwrap();
    let text = markdown(
        &bench,
        census.to_str().unwrap(),
        &[worker, "--level", "warn"],
    );
    assert!(text.contains("## `census 0.1.0 failed`") && text.contains("## `worker panicked`"));
    assert!(!text.contains("DEBUG"), "{text}");
    let output = bench.run(&["export", "--to", "jsonl", worker, "--budget", "4000"]);
    assert_eq!(output.status.code(), Some(2));
}
