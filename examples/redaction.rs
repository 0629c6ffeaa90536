//! Shows what is masked in a dump, and how to mask more.

use flightrec::redact::Redactor;
use log::Log;

fn main() -> std::io::Result<()> {
    let redactor = Redactor::default()
        .key("customer")
        .literal("Erika Mustermann");
    let (recorder, tee) = flightrec::builder("example").redact(redactor).build();

    let args =
        format_args!("fetching https://user:hunter2@example.com/?page=2 for Erika Mustermann");
    let key_values = [("api_key", "s3cr3t"), ("customer", "4711"), ("page", "2")];
    tee.log(
        &log::Record::builder()
            .level(log::Level::Debug)
            .target("example")
            .args(args)
            .key_values(&key_values)
            .build(),
    );

    let dump = recorder.snapshot();
    for record in &dump.latest_logs {
        print!("{}", record.msg);
        for (key, value) in record.fields.iter() {
            print!(" {key}={value:?}");
        }
        println!();
    }
    println!("masked: {:?}", dump.redactions);
    Ok(())
}
