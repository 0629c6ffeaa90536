//! Stacks without names.
#![cfg(target_os = "linux")]

use stackerr::{Error, FrameKind, StackTraces, err, set_max_depth};

/// How often the executable is mapped. A lookup of names maps the whole file.
fn mappings() -> usize {
    let exe = std::env::current_exe().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let maps = maps
        .lines()
        .filter(|line| line.ends_with(exe.to_str().unwrap()));
    maps.count()
}

/// The only test of this file, because it must run alone in its process.
#[test]
fn no_names_are_looked_up() {
    set_max_depth(3);
    let whole =
        Error::join([Error::new(std::fmt::Error).context("outer"), err!("second")]).unwrap();
    let named = whole.stack_traces();
    let before = mappings();
    let bare: StackTraces = named.without_names();
    assert_eq!(bare.len(), 2);
    for (bare, named) in bare.iter().zip(&named) {
        assert_eq!(bare.error(), named.error());
        assert_eq!(bare.type_name(), named.type_name());
        assert_eq!(bare.trail(), named.trail());
        assert_eq!(bare.stamp(), named.stamp());
        // The frames of the capture, which cannot be recognised without names, must not count towards
        // the depth.
        assert!(named.addresses().len() > 3);
        let ips: Vec<usize> = bare.frames().iter().map(stackerr::Frame::ip).collect();
        assert_eq!(ips, named.addresses());
        for frame in bare.frames() {
            assert!(!frame.is_named());
            assert_eq!(
                (frame.file(), frame.line(), frame.column()),
                (None, None, None)
            );
            assert!(frame.module().is_some());
            assert!(frame.address() != 0 && frame.address() < frame.ip());
            let kind = frame.kind();
            let exe = std::env::current_exe().unwrap();
            assert_eq!(kind == FrameKind::App, frame.module() == exe.to_str());
        }
        assert!(bare.without_names().frames().len() > 3);
    }
    assert!(bare.to_string().contains("+0x"));
    assert_eq!(mappings(), before);

    // With names, the executable is mapped.
    assert_eq!(named.iter().next().unwrap().frames().len(), 3);
    assert!(mappings() > before);
}
