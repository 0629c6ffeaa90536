//! Masks text: no planted canary is left, and masking again changes nothing.
#![no_main]

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use logredact::Redactor;

const CANARY: &str = "canary4711";

thread_local! {
    static REDACTOR: LazyCell<Redactor> = LazyCell::new(Redactor::default);
    static WITH_LITERAL: LazyCell<Redactor> =
        LazyCell::new(|| Redactor::default().literal(CANARY));
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    REDACTOR.with(|redactor| {
        let once = redactor.text(&text).into_owned();
        assert_eq!(redactor.text(&once), once, "of {text:?}");
        let key = text.split('=').next().unwrap_or_default();
        if redactor.is_secret(key) {
            assert!(!redactor.value(key, CANARY).contains(CANARY));
        }
        // Within any text, on its own line.
        let (before, after) = halves(&text);
        let planted = format!("{before}\npassword={CANARY}\n{after}");
        let masked = redactor.text(&planted);
        if !text.contains(CANARY) {
            assert!(!masked.contains(CANARY), "{masked:?} of {planted:?}");
        }
    });
    WITH_LITERAL.with(|redactor| {
        let (before, after) = halves(&text);
        let masked = redactor
            .text(&format!("{before}{CANARY}{after}"))
            .into_owned();
        assert!(!masked.contains(CANARY), "{masked:?}");
    });
});

fn halves(text: &str) -> (&str, &str) {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    text.split_at(middle)
}
