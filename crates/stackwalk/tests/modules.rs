//! The loaded modules, and their build-ids.
#![cfg(target_os = "linux")]

use stackwalk::modules;

#[test]
fn the_executable_comes_first_and_libc_is_listed() {
    let modules = modules();
    let exe = std::env::current_exe().unwrap();
    assert_eq!(modules[0].name(), exe.to_str().unwrap());
    assert!(modules[0].contains(the_executable_comes_first_and_libc_is_listed as fn() as usize));
    if cfg!(target_env = "gnu") {
        let libc = modules
            .iter()
            .find(|module| module.name().contains("libc.so"))
            .unwrap();
        assert!(std::path::Path::new(libc.name()).is_absolute());
        assert!(!libc.contains(modules[0].base()));
    }
}

#[test]
fn a_build_id_is_equal_to_the_one_in_the_file() {
    let mut checked = 0;
    for module in modules() {
        let (Some(id), Ok(file)) = (module.build_id(), std::fs::read(module.name())) else {
            continue;
        };
        let bytes: Vec<u8> = (0..id.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap())
            .collect();
        assert!(bytes.len() >= 8, "{id}");
        // The build-id comes after the note's type, 3, and its owner.
        let note = [&[3, 0, 0, 0][..], b"GNU\0", &bytes].concat();
        assert!(
            file.windows(note.len()).any(|window| window == note),
            "{module:?}"
        );
        checked += 1;
    }
    assert!(checked > 0);
}
