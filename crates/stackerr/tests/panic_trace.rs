//! A stack captured in a panic hook begins at the function that panicked.

use stackerr::{Error, StackTrace, err};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

static TRACE: Mutex<Option<StackTrace>> = Mutex::new(None);
static ERROR: Mutex<Option<Error>> = Mutex::new(None);

#[test]
fn begins_at_the_function_that_panicked() {
    set_hook(Box::new(|info| {
        *TRACE.lock().unwrap() = Some(StackTrace::capture_panic(info.to_string()));
        *ERROR.lock().unwrap() = Some(err!("in the hook"));
    }));

    #[inline(never)]
    fn plainly() {
        panic!("plainly");
    }
    #[inline(never)]
    fn by_unwrap() {
        std::hint::black_box(None::<i32>).unwrap();
    }
    #[inline(never)]
    fn by_expect() {
        std::hint::black_box(Err::<i32, _>(std::fmt::Error)).expect("it");
    }
    #[inline(never)]
    fn by_index() {
        let items = std::hint::black_box(vec![1]);
        std::hint::black_box(items[std::hint::black_box(3)]);
    }
    #[inline(never)]
    fn by_slicing() {
        let text = std::hint::black_box("é");
        std::hint::black_box(&text[1..]);
    }
    #[inline(never)]
    fn by_overflow() {
        let zero = std::hint::black_box(0);
        std::hint::black_box(1 / zero);
    }
    #[inline(never)]
    fn by_value() {
        std::panic::panic_any(7);
    }
    #[inline(never)]
    fn by_borrow() {
        let cell = std::cell::RefCell::new(1);
        let _first = std::hint::black_box(cell.borrow_mut());
        let _second = std::hint::black_box(cell.borrow_mut());
    }

    let mut wrong = Vec::new();
    let cases: [(&str, fn()); 8] = [
        ("plainly", plainly),
        ("by_unwrap", by_unwrap),
        ("by_expect", by_expect),
        ("by_index", by_index),
        ("by_slicing", by_slicing),
        ("by_overflow", by_overflow),
        ("by_value", by_value),
        ("by_borrow", by_borrow),
    ];
    for (name, case) in cases {
        assert!(catch_unwind(case).is_err());
        let trace = TRACE.lock().unwrap().take().unwrap();
        // The stack must also have the callers.
        if !trace.frames()[0].name().ends_with(name) || trace.frames().len() < 5 {
            wrong.push(trace);
        }
    }

    let _ = take_hook();

    // The stack of an error created in the hook begins in the hook.
    let traces = ERROR.lock().unwrap().take().unwrap().stack_traces();
    let first = &traces.iter().next().unwrap().frames()[0];
    assert!(first.name().contains("closure"), "{traces}");
    assert!(
        first.file().unwrap().ends_with("panic_trace.rs"),
        "{traces}"
    );

    let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
}
