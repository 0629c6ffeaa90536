//! What a fingerprint depends on, and what not.

use stackerr::{Error, err};

#[inline(never)]
fn fail(n: u32) -> Error {
    let err = if n == 0 {
        err!("zero")
    } else {
        err!("not {n}")
    };
    std::hint::black_box(err)
}

#[inline(never)]
fn fail_elsewhere(n: u32) -> Error {
    std::hint::black_box(err!("not {n}"))
}

fn print(err: &Error) -> String {
    err.stack_traces().fingerprint()
}

#[test]
fn neither_message_nor_line_nor_address_matters() {
    let prints: Vec<String> = (0..3).map(|n| print(&fail(n))).collect();
    assert_eq!(prints[0], prints[1]);
    assert_eq!(prints[1], prints[2]);
    let (version, hash) = prints[0].split_once('-').unwrap();
    assert_eq!(version, "fr1");
    assert_eq!(hash.len(), 16);
    assert!(u64::from_str_radix(hash, 16).is_ok());
}

#[test]
fn the_function_matters() {
    let prints: Vec<String> = [fail, fail_elsewhere].map(|make| print(&make(1))).into();
    assert_ne!(prints[0], prints[1]);
}

#[test]
fn the_type_matters() {
    #[inline(never)]
    fn of(error: Box<dyn std::any::Any>) -> Error {
        let err = match error.downcast::<std::fmt::Error>() {
            Ok(error) => Error::new(*error),
            Err(_) => Error::new(std::sync::mpsc::RecvError),
        };
        std::hint::black_box(err)
    }
    let values: [Box<dyn std::any::Any>; 2] = [Box::new(std::fmt::Error), Box::new(7)];
    let prints = values.map(|value| print(&of(value)));
    assert_ne!(prints[0], prints[1]);
}

#[test]
fn neither_order_nor_number_of_joined_errors_matters() {
    let join = |numbers: &[u32]| {
        let errors = numbers
            .iter()
            .map(|&n| if n < 10 { fail(n) } else { fail_elsewhere(n) });
        Error::join(errors).unwrap()
    };
    let all = [&[0, 10][..], &[10, 0], &[10, 1, 2, 11, 3]].map(|numbers| print(&join(numbers)));
    assert_eq!(all[0], all[1]);
    assert_eq!(all[1], all[2]);
    assert_ne!(all[0], print(&join(&[0, 1])));
}
