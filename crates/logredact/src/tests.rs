//! Tests what is masked, and that it takes linear time.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;

use super::learned::MAX_SEEN;
use super::{MASK, Redactor};
use hostile::HOSTILE;

#[path = "../tests/common/hostile.rs"]
mod hostile;

thread_local! {
    pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    /// The budget of a pass, instead of the usual one.
    pub(super) static BUDGET: Cell<Option<usize>> = const { Cell::new(None) };
    /// The number of values whose forms were computed.
    pub(super) static FORMS: Cell<usize> = const { Cell::new(0) };
}

#[track_caller]
fn check(before: &str, after: &str) {
    let redactor = Redactor::default();
    assert_eq!(redactor.text(before), after);
    let masked: u64 = redactor.counts().iter().map(|(_, count)| count).sum();
    assert_eq!(
        masked as usize,
        after.matches(MASK).count() - before.matches(MASK).count()
    );
    assert_eq!(redactor.text(after), after, "twice");
}

#[test]
fn values_after_keys() {
    check("password=hunter2", "password=[redacted]");
    check("a password=hunter2 b", "a password=[redacted] b");
    check(
        "password = hunter2, user = bob",
        "password = [redacted], user = bob",
    );
    check(
        "password: hunter2\nuser: bob",
        "password: [redacted]\nuser: bob",
    );
    check(
        r#"{"password":"hun ter2","user":"bob"}"#,
        r#"{"password":"[redacted]","user":"bob"}"#,
    );
    check(
        r#"{"password":12,"user":"bob"}"#,
        r#"{"password":[redacted],"user":"bob"}"#,
    );
    check(
        r#"{\"password\":\"hun ter2\",\"user\":\"bob\"}"#,
        r#"{\"password\":\"[redacted]\",\"user\":\"bob\"}"#,
    );
    check(r#"password="a\"b c" x"#, r#"password="[redacted]" x"#);
    check("password='hun ter2' x", "password='[redacted]' x");
    check("password=\"never closed", "password=\"[redacted]");
    check(
        r#"Config { user: "bob", password: Some("hunter2"), n: 1 }"#,
        r#"Config { user: "bob", password: Some("[redacted]"), n: 1 }"#,
    );
    check(
        r#"tokens: ["ab12cd", "ef34gh"] ok"#,
        "tokens: [[redacted]] ok",
    );
    check("?page=2&api_key=abc&x=1", "?page=2&api_key=[redacted]&x=1");
    check("X-Api-Key: abc", "X-Api-Key: [redacted]");
    check("wrong API key: abc123", "wrong API key: [redacted]");
    check("secret=>abc", "secret=>[redacted]");
    check("password=hun,ter2;x", "password=[redacted]");
    check("passwörd=ok, pässword: x", "passwörd=ok, pässword: x");
}

#[test]
fn maps_and_lists_of_secrets() {
    check(
        r#"{"credentials": {"tokens": ["ab12cd", "ef34gh"]}}"#,
        r#"{"credentials": {"tokens": [[redacted]]}}"#,
    );
    check(
        r#"{"secrets": {"db": "hunter2x", "region": "eu-west-1"}}"#,
        r#"{"secrets": {"db": "[redacted]", "region": "eu-west-1"}}"#,
    );
}

#[test]
fn the_password_in_a_message_about_a_mismatch() {
    check(
        "password mismatch: got Finch_Nest9, stored hash differs",
        "password mismatch: got [redacted], stored hash differs",
    );
    check(
        "password mismatch: got 32 bytes",
        "password mismatch: got 32 bytes",
    );
}

#[test]
fn headers_to_the_end_of_the_line() {
    check(
        "> Authorization: AWS4 Credential=a, Signature=b\n> Accept: c",
        "> Authorization: [redacted]\n> Accept: c",
    );
    check(
        "Cookie: a=b; c=d\r\nHost: x",
        "Cookie: [redacted]\r\nHost: x",
    );
    check(
        r#"{"Cookie": "a=b; c=d", "Host": "x"}"#,
        r#"{"Cookie": "[redacted]", "Host": "x"}"#,
    );
}

#[test]
fn headers_with_quotes() {
    check(
        "Authorization: Digest username=\"bob\", response=\"6629\"",
        "Authorization: [redacted]",
    );
    check(
        "curl -H \"Cookie: a=b; c=d\" https://example.org/",
        "curl -H \"Cookie: [redacted]\" https://example.org/",
    );
    check("password=ab\"cd e", "password=[redacted] e");
    check("say \"password=ab\".", "say \"password=[redacted]");
    check(
        "say \"password=ab\", then",
        "say \"password=[redacted]\", then",
    );
}

#[test]
fn a_quote_that_is_never_closed_hides_no_key() {
    let text = "password:\"\npassword: Some(\"hunter2\")";
    assert!(!Redactor::default().text(text).contains("hunter2"));
}

#[test]
fn credentials_urls_and_tokens() {
    check(
        "sent Bearer abc.def-123 to x",
        "sent Bearer [redacted] to x",
    );
    check("basic dXNlcjpwYXNz", "basic [redacted]");
    check("postgres://me:p@ss@db/x", "postgres://me:[redacted]@db/x");
    check(
        "redis://:hunter2@cache:6379",
        "redis://:[redacted]@cache:6379",
    );
    check(
        "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!",
        "got [redacted]!",
    );
    check(
        "push with ghp_0123456789abcdefghij failed",
        "push with [redacted] failed",
    );
    check(
        "https://ghp_0123456789abcdefghij@github.com/x",
        "https://[redacted]@github.com/x",
    );
    check("key AKIAIOSFODNN7EXAMPLE", "key [redacted]");
    check(
        "k: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end",
        "k: [redacted] end",
    );
    check("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]");
}

#[test]
fn text_that_is_not_secret_is_not_masked() {
    for text in [
        "",
        "author=bob monkey: 1 keyboard=us passed=3 tokens_used=12",
        "the bearer of bad news; a bearer token; basic training; Basic auth",
        "password::hash::verify at src/password.rs",
        "https://example.org:8080/a?b=c@d",
        "ssh://git@github.com/x",
        "mail to a:b@c",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "sha eyJ.a.b risk-1 task_id AKIA sk_live_",
        "password=",
        "password: \"\"",
    ] {
        check(text, text);
        assert!(matches!(Redactor::default().text(text), Cow::Borrowed(_)));
    }
}

#[test]
fn none_masks_only_what_is_added() {
    let redactor = Redactor::none().key("pin").literal("red");
    assert_eq!(
        redactor.text("password=1 pin=2 red"),
        "password=1 pin=[redacted] [redacted]"
    );
    assert_eq!(redactor.text("[redacted] red"), "[redacted] [redacted]");
    assert_eq!(redactor.value("password", "x"), "x");
    let counts = redactor.counts();
    assert_eq!(counts, [("key".to_owned(), 1), ("literal".to_owned(), 2)]);
}

#[test]
fn a_rule_that_panics_masks_everything() {
    let redactor = Redactor::default().rule("mine", |text| {
        if text.contains("boom") {
            panic!("a rule of the test's panics");
        }
        Cow::Borrowed(text)
    });
    assert_eq!(redactor.text("fine"), "fine");
    assert_eq!(redactor.text("boom, and more"), MASK);
    assert_eq!(redactor.counts(), [("failed".to_owned(), 1)]);
}

#[test]
fn a_text_on_which_a_rule_exceeds_its_budget_is_masked_as_a_whole() {
    let redactor = Redactor::default()
        .rule("slow", |text| Cow::Borrowed(text))
        .rule_budget(Duration::ZERO);
    assert_eq!(redactor.text("fine"), MASK);
    assert_eq!(redactor.counts(), [("failed".to_owned(), 1)]);

    BUDGET.set(Some(0));
    let redactor = Redactor::default();
    let masked = redactor.text("password=").into_owned();
    BUDGET.set(None);
    assert_eq!(masked, MASK);
    assert_eq!(redactor.counts(), [("failed".to_owned(), 1)]);
}

/// Values are learned and forgotten one by one; the index is not rebuilt for each.
#[test]
fn the_work_for_learned_values_is_in_proportion_to_their_number() {
    let forms = |count: usize| {
        FORMS.set(0);
        let redactor = Redactor::default();
        for n in 0..count {
            assert!(redactor.learn(&format!("Fl1ght-{n:06}")));
        }
        FORMS.get()
    };
    let (once, twice) = (forms(2000), forms(4000));
    // Each value is added once and removed once.
    assert!(once <= 2 * 2000 && twice <= 2 * 4000, "{once}, {twice}");

    let text = |count: usize| -> String {
        let pairs = (0..count).map(|n| format!("password=Xk9{n:06}zz "));
        pairs.collect()
    };
    FORMS.set(0);
    let _ = Redactor::default().text(&text(2000));
    let of_one_text = FORMS.get();
    assert!(of_one_text <= 2 * MAX_SEEN, "{of_one_text}");
}

fn steps(text: &str) -> usize {
    STEPS.set(0);
    let _ = Redactor::default().text(text);
    STEPS.get()
}

/// Counts steps, not seconds: twice the text may take a little more than twice the steps.
#[test]
fn steps_are_in_proportion_to_the_text() {
    for piece in HOSTILE {
        let n = 50_000 / piece.len();
        let (once, twice) = (steps(&piece.repeat(n)), steps(&piece.repeat(2 * n)));
        assert!(
            twice <= once * 21 / 10 + 1000,
            "{piece:?}: {once} steps, then {twice}"
        );
    }
}

/// The budget limits the time for a text, so no parser may exceed it by much.
#[test]
fn a_text_that_exceeds_the_budget_is_masked_as_a_whole_at_once() {
    const ALLOWED: usize = 50_000;
    let mut exceeding = 0;
    for piece in HOSTILE {
        let text = piece.repeat(200_000 / piece.len());
        let redactor = Redactor::default();
        STEPS.set(0);
        BUDGET.set(Some(ALLOWED));
        let masked = redactor.text(&text).into_owned();
        BUDGET.set(None);
        if STEPS.get() > ALLOWED {
            exceeding += 1;
            assert!(masked == MASK, "{piece:?}");
            assert_eq!(redactor.counts(), [("failed".to_owned(), 1)], "{piece:?}");
        }
        assert!(
            STEPS.get() <= ALLOWED + 8 * text.len(),
            "{piece:?}: {} steps",
            STEPS.get()
        );
    }
    assert!(exceeding > 30, "{exceeding}");
}

/// A text of about 600 KB that is full of secrets is within the budget.
#[test]
fn each_secret_in_a_long_text_is_masked_by_itself() {
    let count = 20_000;
    let text: String = (0..count)
        .map(|n| format!("password=hunter{n} user=ana\n"))
        .collect();
    let masked = Redactor::default().text(&text).into_owned();
    assert!(masked == "password=[redacted] user=ana\n".repeat(count));
}

/// Random text that is difficult for the rules.
fn nasty_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "password",
            "token",
            "=",
            ":",
            " ",
            "\n",
            "\"",
            "'",
            "\\",
            "://",
            "@",
            "Bearer ",
            "basic ",
            "eyJhbGciOiJI",
            ".",
            "ghp_0123456789",
            "[",
            "]",
            "{",
            "}",
            "(",
            ")",
            ",",
            ";",
            "&",
            MASK,
            "[redacted",
            "redacted]",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "Cookie",
            "key",
            "api ",
            "ä",
            "x1",
            ">",
            "/",
            "\r",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,6}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

#[test]
fn the_value_of_a_short_option_is_masked_once() {
    let text = Redactor::default()
        .text("sshpass -phunter2x ssh")
        .into_owned();
    assert_eq!(text, "sshpass -p[redacted] ssh");
}

proptest! {
    // More cases than by default, because texts that make the rules fail are rare.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2000)))]

    #[test]
    fn twice_is_once(text in nasty_text()) {
        let redactor = Redactor::default();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once), &*once, "from {:?}", text);
    }

    #[test]
    fn a_planted_secret_never_survives(
        before in nasty_text(), after in nasty_text(), form in 0..9usize,
    ) {
        let canary = "c4n4ryC4N4RY";
        let planted = [
            format!("\npassword={canary}"),
            format!("\napi_key: {canary}"),
            format!("\n\"dbPassword\": \"{canary}\""),
            format!("\nsecret='{canary}'"),
            format!("\nhttps://me:{canary}@example.org/"),
            format!("\nhttps://example.org/?a=b&token={canary}"),
            format!("\nBearer {canary}"),
            format!("\nCookie: a={canary}; b=c"),
            format!("\npassword: Some(\"{canary}\")"),
        ];
        let text = format!("{before}{}\n{after}", planted[form]);
        let redacted = Redactor::default().text(&text).into_owned();
        prop_assert!(!redacted.contains(canary), "{text:?} became {redacted:?}");
    }
}
