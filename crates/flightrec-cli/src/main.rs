//! The program `flightrec`, for whoever receives a dump.

fn main() {}
