//! An error keeps the stack of the place where it was created, through two contexts and a join.

use stackerr::{Error, JoinExt, ResultExt};

fn parse(text: &str) -> Result<u32, Error> {
    let number = text
        .parse::<u32>()
        .with_context(|| format!("{text:?} is not a number"))?;
    Ok(number)
}

fn main() {
    let numbers = ["1", "two", "3", "four"]
        .map(parse)
        .into_iter()
        .join_errors::<Vec<_>>();
    match numbers.context("cannot add up") {
        Ok(numbers) => println!("{}", numbers.iter().sum::<u32>()),
        Err(error) => println!("{error:?}"),
    }
}
