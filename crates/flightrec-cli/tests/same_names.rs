//! How `show` prints the records of threads that have the same name.

mod common;

use common::Bench;

fn show(names: [&str; 2]) -> String {
    let threads = names.iter().enumerate().map(|(n, name)| {
        format!(
            r#"{{"id":{n},"name":"{name}","state":"running",
            "frames":[{{"name":"shop::work_{n}","address":"0x10","noise":false}}]}}"#
        )
    });
    let threads: Vec<String> = threads.collect();
    let json = format!(
        r#"{{"schema":"flightrec/1","app":"shop","version":"1.0","created_at":"2026-11-25T10:00:01Z",
        "reason":{{"kind":"signal","message":"SIGUSR1 asked for a dump"}},"threads":[{}],
        "latest_logs":[{{"seq":1,"time":"2026-11-25T10:00:00Z","level":"INFO","target":"shop",
        "thread":"tokio-runtime-worker","msg":"started","fields":{{}}}}]}}"#,
        threads.join(",")
    );
    let bench = Bench::new();
    let dump = bench.dir.path().join("dump.json");
    std::fs::write(&dump, json).unwrap();
    let output = bench.run(&["show", dump.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn records_of_threads_with_the_same_name_are_not_attributed_to_one_thread() {
    let own = "its last records:";
    let shared = "the last records of all threads of that name:";
    // The system cuts off long names.
    let text = show(["tokio-runtime-w", "tokio-runtime-w"]);
    assert_eq!(text.matches(shared).count(), 2, "{text}");
    assert!(!text.contains(own), "{text}");

    let text = show(["tokio-runtime-w", "main"]);
    assert_eq!(text.matches(own).count(), 1, "{text}");
    assert!(!text.contains(shared), "{text}");
}
