//! A program that uses anyhow's names, with this crate's types.

use stackerr::anyhow_compat as anyhow;
use std::fmt;
use std::io;

use anyhow::{Context as _, anyhow, bail, ensure, format_err};

fn read(text: &str) -> anyhow::Result<u16> {
    let port: u16 = text.parse().with_context(|| format!("port {text:?}"))?;
    ensure!(port > 1023, "port {port} is reserved");
    ensure!(port != 8080);
    if port == 9999 {
        bail!(io::Error::other("taken"));
    }
    Ok(port)
}

#[test]
fn a_program_of_anyhow_compiles_and_prints_the_same() {
    let display = |text| read(text).unwrap_err().to_string();
    assert_eq!(display("x"), "port \"x\"");
    assert_eq!(display("80"), "port 80 is reserved");
    assert_eq!(
        display("8080"),
        "Condition failed: `port != 8080` (8080 vs 8080)"
    );
    assert_eq!(display("9999"), "taken");
    let err = read("x").unwrap_err();
    assert_eq!(
        format!("{err:#}"),
        "port \"x\": invalid digit found in string"
    );
    let no_value: Option<()> = None;
    assert_eq!(
        no_value.context("nothing").unwrap_err().to_string(),
        "nothing"
    );
    let closure = || {
        read("8000")?;
        anyhow::Ok(())
    };
    closure().unwrap();
}

#[test]
fn errors_are_made_of_formats_values_and_boxes() {
    let job = 7;
    assert_eq!(anyhow!("job {job}").to_string(), "job 7");
    assert_eq!(format_err!("job {}", job).to_string(), "job 7");
    assert_eq!(anyhow!(job).to_string(), "7");
    assert_eq!(anyhow::Error::msg("text").to_string(), "text");
    let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
    assert_eq!(anyhow::Error::from_boxed(boxed).to_string(), "boxed");
    let mapped = "x".parse::<u8>().map_err(anyhow::Error::msg);
    assert_eq!(
        mapped.unwrap_err().to_string(),
        "invalid digit found in string"
    );
}

#[test]
fn messages_and_errors_are_found_by_type() {
    assert!(anyhow!("literal").is::<&str>());
    assert!(anyhow!("{}", "formatted").is::<String>());
    // The compiler could turn this into a literal.
    assert!(anyhow!("{} {}", "all", "literals").is::<String>());
    let mut err = anyhow::Error::new(io::Error::other("io")).context("reading");
    assert!(err.is::<io::Error>() && err.is::<&str>() && !err.is::<fmt::Error>());
    *err.downcast_mut::<&str>().unwrap() = "writing";
    assert_eq!(err.downcast_ref::<&str>(), Some(&"writing"));
    let err = err.downcast::<fmt::Error>().unwrap_err();
    assert_eq!(err.downcast::<io::Error>().unwrap().to_string(), "io");
}

#[test]
fn the_chain_is_walked_from_both_ends() {
    let err = anyhow!("inner").context("middle").context("outer");
    let mut chain: anyhow::Chain<'_> = err.chain();
    assert_eq!(chain.len(), 3);
    assert_eq!(chain.next_back().unwrap().to_string(), "inner");
    assert_eq!(chain.next().unwrap().to_string(), "outer");
    assert_eq!(chain.next().unwrap().to_string(), "middle");
    assert!(chain.next().is_none() && chain.next_back().is_none());
    assert_eq!(err.root_cause().to_string(), "inner");
    let boxed = err.into_boxed_dyn_error();
    assert_eq!(boxed.to_string(), "outer");
    assert_eq!(boxed.source().unwrap().to_string(), "middle");
}

/// An error may be passed to another language as one pointer.
#[test]
fn an_error_is_a_pointer_in_the_c_abi() {
    #[deny(improper_ctypes_definitions)]
    extern "C" fn failed(text: u8) -> Option<anyhow::Error> {
        (text != 0).then(|| anyhow!("code {text}"))
    }
    assert!(failed(0).is_none());
    assert_eq!(failed(3).unwrap().to_string(), "code 3");
}

macro_rules! message {
    ($($condition:tt)+) => {
        (|| { ensure!($($condition)+); Ok(()) })().unwrap_err().to_string()
    };
}

/// Conditions that a macro can misread. They must compile, and be evaluated as written.
#[test]
fn a_condition_is_split_only_at_its_comparison() {
    let (small, large) = (3_i64, 15_i64);
    let nested = &&small;
    let with_values = [
        (message!(large - small <= 10), "(12 vs 10)"),
        (message!(-small == 3), "(-3 vs 3)"),
        (message!(small - 1 > large), "(2 vs 15)"),
        (message!(large < -small), "(15 vs -3)"),
        (message!(&&small != nested), "(3 vs 3)"),
        (message!(nested == &&4), "(3 vs 4)"),
        (message!(small as u8 > 3), "(3 vs 3)"),
        (message!(small as u8 as i64 != small), "(3 vs 3)"),
        (
            message!("4".parse::<i64>() == Ok(small)),
            "(Ok(4) vs Ok(3))",
        ),
        (
            message!(Ok(small) == "4".parse::<i64>()),
            "(Ok(3) vs Ok(4))",
        ),
        (
            message!(
                size_of::<Option<Vec<u8>>>() == size_of::<Result<Vec<u8>, Vec<Vec<u8>>>>() + 1
            ),
            "(24 vs ",
        ),
    ];
    for (message, values) in with_values {
        assert!(message.contains(values), "{message} without {values}");
    }
    let is_prime = |n: i64| n == 2 || n == 3;
    let whole = [
        message!(small == large || is_prime(large)),
        message!(small == large && is_prime(small)),
        message!(!is_prime(small)),
        message!(if small > 2 { small == 4 } else { true }),
        message!(matches!(small, 4..=7)),
        // Sixty tokens.
        message!(
            large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                + large
                == small
        ),
    ];
    for message in whole {
        assert!(!message.contains(" vs "), "{message}");
    }
}
