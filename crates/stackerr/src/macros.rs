//! `err!`, `bail!`, `ensure!`.

/// An [`Error`](crate::Error): from a format string and its arguments, or from any one value that
/// [`Error::wrap`](crate::Error::wrap) takes.
///
/// # Examples
///
/// ```
/// use stackerr::err;
///
/// let job = 7;
/// assert_eq!(err!("no job {job}").to_string(), "no job 7");
/// assert_eq!(err!("no job {}", job).to_string(), "no job 7");
/// assert!(err!(std::fmt::Error).is::<std::fmt::Error>());
/// ```
#[macro_export]
macro_rules! err {
    ($text:literal $(,)?) => {
        $crate::Error::msg($crate::__private::text(::core::format_args!($text)))
    };
    ($error:expr $(,)?) => {
        $crate::Error::wrap($error)
    };
    ($format:expr, $($args:tt)*) => {
        $crate::Error::msg($crate::__private::text(::core::format_args!($format, $($args)*)))
    };
}

/// Returns an error made as [`err!`](crate::err) makes it.
///
/// # Examples
///
/// ```
/// fn even(n: u32) -> Result<(), stackerr::Error> {
///     if n % 2 == 1 {
///         stackerr::bail!("{n} is odd");
///     }
///     Ok(())
/// }
/// assert_eq!(even(3).unwrap_err().to_string(), "3 is odd");
/// ```
#[macro_export]
macro_rules! bail {
    ($($args:tt)+) => {
        return ::core::result::Result::Err(::core::convert::From::from($crate::err!($($args)+)))
    };
}

/// Returns an error unless the condition holds; without a message of its own the error says which
/// condition.
///
/// # Examples
///
/// ```
/// fn positive(n: i32) -> Result<(), stackerr::Error> {
///     stackerr::ensure!(n != 0);
///     stackerr::ensure!(n > 0, "{n} is negative");
///     Ok(())
/// }
/// assert_eq!(positive(0).unwrap_err().to_string(), "condition failed: `n != 0`");
/// assert_eq!(positive(-1).unwrap_err().to_string(), "-1 is negative");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr $(,)?) => {
        $crate::ensure!(
            $condition,
            "{}",
            ::core::concat!("condition failed: `", ::core::stringify!($condition), "`")
        )
    };
    ($condition:expr, $($args:tt)+) => {
        // A match, so that `!` on something that is no bool is a compile error.
        match $condition {
            true => {}
            false => $crate::bail!($($args)+),
        }
    };
}
