//! `deaths DEATH [DIR]`

fn main() {
    let mut args = std::env::args().skip(1);
    let death = args.next().unwrap_or_default();
    deaths::run(&death, args.next().as_deref());
}
