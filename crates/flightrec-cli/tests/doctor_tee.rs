//! The doctor examines this test, an executable with the tee.

mod common;

#[test]
fn the_doctor_reports_what_records() {
    let (_recorder, _tee) = flightrec::builder("test").dump_to(std::io::sink()).build();
    let own = std::env::current_exe().unwrap();
    let output = common::Bench::new().run(&["doctor", own.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    assert!(
        lines.contains("is in it, with the tee for `log` ✓")
            || lines.contains("is in it, with the tee for `log` ?"),
        "{text}"
    );
}
