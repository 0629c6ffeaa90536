//! The kinds of frames, by name.

use stackerr::FrameKind::{self, App, Async, Capture, Panic, Plumbing, Runtime};

#[test]
fn names_and_their_kinds() {
    let cases: &[(&str, FrameKind)] = &[
        ("census::main", App),
        ("census::parse::{{closure}}", App),
        ("census::parse::{closure#0}", App),
        ("<census::Job as core::convert::From<i32>>::from", App),
        ("<census::Job as core::ops::drop::Drop>::drop", App),
        ("<std::path::Path as census::Ext>::visit", App),
        ("<&str as census::Ext>::visit", App),
        ("<stackerr::error::Error as census::Show>::show", App),
        ("census::run::<stackerr::error::Error>", App),
        ("stackerrs::run", App),
        ("core_graphics::draw", App),
        ("tokio_postgres::connect", App),
        ("mainly", App),
        ("main", Runtime),
        ("_start", Runtime),
        ("__libc_start_main_impl", Runtime),
        ("clone3", Runtime),
        ("std::rt::lang_start::{{closure}}", Runtime),
        ("std::sys::backtrace::__rust_begin_short_backtrace", Runtime),
        ("std::sys::thread::unix::Thread::new::thread_start", Runtime),
        (
            "<std::sys::thread::unix::Thread>::new::thread_start",
            Runtime,
        ),
        (
            "std::thread::Builder::spawn_unchecked_::{{closure}}",
            Runtime,
        ),
        ("std::panicking::try::do_call", Panic),
        (
            "std::panicking::catch_unwind::<isize, main::{closure#0}>",
            Panic,
        ),
        ("core::panicking::panic_fmt", Panic),
        ("__rustc::rust_begin_unwind", Panic),
        ("__rust_try", Panic),
        (
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            Plumbing,
        ),
        (
            "<fn() -> core::result::Result<(), app::E> as core::ops::function::FnOnce<()>>::call_once",
            Plumbing,
        ),
        (
            "<&dyn core::ops::function::Fn<(), Output = i32> as core::ops::function::FnOnce<()>>::call_once",
            Plumbing,
        ),
        (
            "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once",
            Plumbing,
        ),
        ("<T as core::convert::Into<U>>::into", Plumbing),
        (
            "<usize as core::slice::index::SliceIndex<[T]>>::index",
            Plumbing,
        ),
        (
            "core::iter::traits::iterator::Iterator::try_for_each",
            Plumbing,
        ),
        (
            "<core::result::Result<T,F> as core::ops::try_trait::FromResidual<core::result::Result<core::convert::Infallible,E>>>::from_residual",
            Plumbing,
        ),
        (
            "tokio::runtime::task::core::Core<T,S>::poll::{{closure}}",
            Async,
        ),
        (
            "<core::pin::Pin<P> as core::future::future::Future>::poll",
            Plumbing,
        ),
        ("core::future::poll_fn::poll", Async),
        (
            "<futures_util::future::map::Map<Fut,F> as core::future::future::Future>::poll",
            Async,
        ),
        ("backtrace::backtrace::trace", Capture),
        ("stackerr::error::Error::msg", Capture),
        (
            "<stackerr::error::Error as core::convert::From<E>>::from",
            Capture,
        ),
        (
            "<core::result::Result<T,E> as stackerr::ext::ResultExt<T,E>>::context",
            Capture,
        ),
    ];
    for &(name, kind) in cases {
        assert_eq!(FrameKind::of(name), kind, "{name}");
        assert_eq!(kind.is_noise(), kind != App);
    }
}
