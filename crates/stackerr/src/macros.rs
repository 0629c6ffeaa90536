//! `err!`, `bail!`, `ensure!`.

/// Creates an [`Error`](crate::Error): from a format string and its arguments, or from one value.
///
/// A value that is an error, or converts into one (see [`IntoError`](crate::IntoError)), becomes
/// that error; any other value that implements `Display` becomes the message.
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
/// assert_eq!(err!(job).to_string(), "7");
/// ```
#[macro_export]
macro_rules! err {
    ($text:literal $(,)?) => {{
        // The format arguments must not outlive this statement: they are not `Send`.
        let text = $crate::__private::text(::core::format_args!($text));
        $crate::__private::message(text)
    }};
    ($value:expr $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::__private::{DisplayKind as _, ErrorKind as _};
        let error = match $value {
            value => (&value).stackerr_kind().convert(value),
        };
        error
    }};
    ($format:expr, $($args:tt)*) => {{
        // Always owned, so that `downcast` does not depend on what the compiler folds.
        let text = ::std::format!($format, $($args)*);
        $crate::__private::message(::std::borrow::Cow::Owned(text))
    }};
}

/// Returns an error from the function: `return Err(err!(…))`, see [`err!`](crate::err).
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
        return ::core::result::Result::Err($crate::err!($($args)+))
    };
}

/// Returns an error from the function unless the condition holds.
///
/// If no message is given, the error shows the condition. For a comparison by `==`, `!=`, `<`, `<=`,
/// `>` or `>=` it also shows both values, if they implement `Debug` and are short.
///
/// # Examples
///
/// ```
/// fn positive(n: i32) -> Result<(), stackerr::Error> {
///     stackerr::ensure!(n != 0);
///     stackerr::ensure!(n > 0, "{n} is negative");
///     Ok(())
/// }
/// assert_eq!(positive(0).unwrap_err().to_string(), "Condition failed: `n != 0` (0 vs 0)");
/// assert_eq!(positive(-1).unwrap_err().to_string(), "-1 is negative");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($args:tt)+) => {
        // A match, so that a condition that is not a bool is a compile error.
        match $condition {
            true => {}
            false => $crate::bail!($($args)+),
        }
    };
    ($($condition:tt)+) => {
        $crate::__ensure!(@short $($condition)+)
    };
}

/// Splits a condition at its comparison, token by token. Conditions of 48 tokens and more are not
/// split (`@short`).
///
/// `@left [tokens] rest` searches for the operator. `@right [left] [operator] [tokens] rest` searches
/// for an operator that binds weaker than a comparison; with one, the condition is not a plain
/// comparison. `@cast` is `@left` after `as`, where `<` may begin the arguments of a type. `@generic`
/// is inside `::<…>`, with one mark per open bracket (`@right_generic` on the right). Conditions that
/// are ambiguous are not split (`@whole`).
#[doc(hidden)]
#[macro_export]
macro_rules! __ensure {
    // A longer condition would exceed the recursion limit, which is 128.
    (@short
     $t0:tt $t1:tt $t2:tt $t3:tt $t4:tt $t5:tt $t6:tt $t7:tt $t8:tt $t9:tt $t10:tt $t11:tt
     $t12:tt $t13:tt $t14:tt $t15:tt $t16:tt $t17:tt $t18:tt $t19:tt $t20:tt $t21:tt $t22:tt
     $t23:tt $t24:tt $t25:tt $t26:tt $t27:tt $t28:tt $t29:tt $t30:tt $t31:tt $t32:tt $t33:tt
     $t34:tt $t35:tt $t36:tt $t37:tt $t38:tt $t39:tt $t40:tt $t41:tt $t42:tt $t43:tt $t44:tt
     $t45:tt $t46:tt $t47:tt
     $($rest:tt)*
    ) => {
        $crate::__ensure!(@whole
     $t0 $t1 $t2 $t3 $t4 $t5 $t6 $t7 $t8 $t9 $t10 $t11 $t12 $t13 $t14 $t15 $t16 $t17 $t18
     $t19 $t20 $t21 $t22 $t23 $t24 $t25 $t26 $t27 $t28 $t29 $t30 $t31 $t32 $t33 $t34 $t35
     $t36 $t37 $t38 $t39 $t40 $t41 $t42 $t43 $t44 $t45 $t46 $t47
     $($rest)*)
    };
    (@short $($condition:tt)+) => { $crate::__ensure!(@left [] $($condition)+) };
    // Operators that are always comparisons.
    (@left [$($left:tt)+] == $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [==] [] $($right)+) };
    (@left [$($left:tt)+] != $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [!=] [] $($right)+) };
    (@left [$($left:tt)+] <= $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [<=] [] $($right)+) };
    (@left [$($left:tt)+] >= $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [>=] [] $($right)+) };
    (@cast [$($left:tt)+] == $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [==] [] $($right)+) };
    (@cast [$($left:tt)+] != $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [!=] [] $($right)+) };
    (@cast [$($left:tt)+] > $($right:tt)+) => { $crate::__ensure!(@right [$($left)+] [>] [] $($right)+) };
    (@cast [$($left:tt)*] for < $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* for <] [<] $($rest)*) };
    (@cast [$($left:tt)*] << $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* <<] [< <] $($rest)*) };
    (@cast [$($left:tt)*] < $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* <] [<] $($rest)*) };
    (@cast [$($left:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@unless_weak cast [$($left)*] $next $($rest)*) };
    (@cast [$($left:tt)*]) => { $crate::__ensure!(@whole $($left)*) };
    // A closure is an operand, and all tokens that follow belong to its body.
    (@left [$($left:tt)*] + | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* + | $($rest)*) };
    (@left [$($left:tt)*] - | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* - | $($rest)*) };
    (@left [$($left:tt)*] * | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* * | $($rest)*) };
    (@left [$($left:tt)*] / | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* / | $($rest)*) };
    (@left [$($left:tt)*] % | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* % | $($rest)*) };
    (@left [$($left:tt)*] ^ | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* ^ | $($rest)*) };
    (@left [$($left:tt)*] & | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* & | $($rest)*) };
    (@left [$($left:tt)*] ! | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* ! | $($rest)*) };
    (@left [$($left:tt)*] << | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* << | $($rest)*) };
    (@left [$($left:tt)*] >> | $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* >> | $($rest)*) };
    // A turbofish.
    (@left [$($left:tt)*] :: <- $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* :: <-] [<] $($rest)*) };
    (@left [$($left:tt)*] :: << $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* :: <<] [< <] $($rest)*) };
    (@left [$($left:tt)*] :: < $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* :: <] [<] $($rest)*) };
    (@generic [$($left:tt)*] [$($open:tt)*] < $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* <] [$($open)* <] $($rest)*) };
    (@generic [$($left:tt)*] [<] > $($rest:tt)*) => { $crate::__ensure!(@left [$($left)* >] $($rest)*) };
    (@generic [$($left:tt)*] [< $($open:tt)+] > $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* >] [$($open)+] $($rest)*) };
    (@generic [$($left:tt)*] [$($open:tt)*] << $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* <<] [$($open)* < <] $($rest)*) };
    (@generic [$($left:tt)*] [<] >> $($rest:tt)*) => { $crate::__ensure!(@right [$($left)* >] [>] [] $($rest)*) };
    (@generic [$($left:tt)*] [< <] >> $($rest:tt)*) => { $crate::__ensure!(@left [$($left)* >>] $($rest)*) };
    (@generic [$($left:tt)*] [< < $($open:tt)+] >> $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* >>] [$($open)+] $($rest)*) };
    (@generic [$($left:tt)*] [$($open:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@generic [$($left)* $next] [$($open)*] $($rest)*) };
    (@generic [$($left:tt)*] [$($open:tt)*]) => { $crate::__ensure!(@whole $($left)*) };
    // `<` and `>` after something that ends an operand.
    (@left [$($left:tt)*] as && $($rest:tt)*) => { $crate::__ensure!(@cast [$($left)* as &&] $($rest)*) };
    (@left [$($left:tt)*] as $($rest:tt)*) => { $crate::__ensure!(@cast [$($left)* as] $($rest)*) };
    (@left [$($left:tt)*] $last:ident < $($right:tt)+) => { $crate::__ensure!(@right [$($left)* $last] [<] [] $($right)+) };
    (@left [$($left:tt)*] $last:ident > $($right:tt)+) => { $crate::__ensure!(@right [$($left)* $last] [>] [] $($right)+) };
    (@left [$($left:tt)*] ($($last:tt)*) < $($right:tt)+) => { $crate::__ensure!(@right [$($left)* ($($last)*)] [<] [] $($right)+) };
    (@left [$($left:tt)*] ($($last:tt)*) > $($right:tt)+) => { $crate::__ensure!(@right [$($left)* ($($last)*)] [>] [] $($right)+) };
    (@left [$($left:tt)*] [$($last:tt)*] < $($right:tt)+) => { $crate::__ensure!(@right [$($left)* [$($last)*]] [<] [] $($right)+) };
    (@left [$($left:tt)*] [$($last:tt)*] > $($right:tt)+) => { $crate::__ensure!(@right [$($left)* [$($last)*]] [>] [] $($right)+) };
    // Must be tried before the rules with `literal`, which can't backtrack after a `-`.
    (@left [$($left:tt)*] - $($rest:tt)*) => { $crate::__ensure!(@left [$($left)* -] $($rest)*) };
    (@left [$($left:tt)*] $last:literal < $($right:tt)+) => { $crate::__ensure!(@right [$($left)* $last] [<] [] $($right)+) };
    (@left [$($left:tt)*] $last:literal > $($right:tt)+) => { $crate::__ensure!(@right [$($left)* $last] [>] [] $($right)+) };
    (@left [$($left:tt)*] < $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* < $($rest)*) };
    (@left [$($left:tt)*] > $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* > $($rest)*) };
    (@left [$($left:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@unless_weak left [$($left)*] $next $($rest)*) };
    (@left [$($left:tt)*]) => { $crate::__ensure!(@whole $($left)*) };

    // Operators that bind weaker than a comparison (`&&` before an operand does not), and keywords whose
    // operand includes the comparison.
    (@unless_weak $mode:ident [] && $($rest:tt)*) => { $crate::__ensure!(@$mode [&&] $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] async move { $($block:tt)* } $($rest:tt)*) => {
        $crate::__ensure!(@$mode [$($left)* async move { $($block)* }] $($rest)*)
    };
    (@unless_weak $mode:ident [$($left:tt)*] && $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* && $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] || $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* || $($rest)*) };
    (@unless_weak $mode:ident [] | $($rest:tt)*) => { $crate::__ensure!(@whole | $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] .. $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* .. $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] ..= $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* ..= $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] = $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* = $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] return $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* return $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] break $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* break $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] move $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* move $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] if $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* if $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] match $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* match $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] while $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* while $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] for $($rest:tt)*) => { $crate::__ensure!(@whole $($left)* for $($rest)*) };
    (@unless_weak $mode:ident [$($left:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@$mode [$($left)* $next] $($rest)*) };

    // The right operand.
    (@right $left:tt [$op:tt] [$($right:tt)+] $(,)?) => { $crate::__ensure!(@compare $left [$op] [$($right)+]) };
    (@right $left:tt $op:tt [$($right:tt)*] :: < $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* :: <] [<] $($rest)*) };
    (@right $left:tt $op:tt [$($right:tt)*] :: << $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* :: <<] [< <] $($rest)*) };
    (@right $left:tt $op:tt [$($right:tt)*] :: <- $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* :: <-] [<] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [$($open:tt)*] < $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* <] [$($open)* <] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [$($open:tt)*] << $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* <<] [$($open)* < <] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [<] > $($rest:tt)*) => { $crate::__ensure!(@right $left $op [$($right)* >] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [< $($open:tt)+] > $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* >] [$($open)+] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [< <] >> $($rest:tt)*) => { $crate::__ensure!(@right $left $op [$($right)* >>] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [< < $($open:tt)+] >> $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* >>] [$($open)+] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [$($open:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@right_generic $left $op [$($right)* $next] [$($open)*] $($rest)*) };
    (@right_generic $left:tt $op:tt [$($right:tt)*] [$($open:tt)*]) => { $crate::__ensure!(@rejoin $left $op [$($right)*]) };
    (@right $left:tt $op:tt [] && $($rest:tt)*) => { $crate::__ensure!(@right $left $op [&&] $($rest)*) };
    (@right $left:tt $op:tt [$($right:tt)*] * && $($rest:tt)*) => { $crate::__ensure!(@right $left $op [$($right)* * &&] $($rest)*) };
    (@right $left:tt $op:tt [$($right:tt)*] && $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* && $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] || $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* || $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] .. $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* .. $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] ..= $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* ..= $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] = $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* = $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] == $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* == $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] != $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* != $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] < $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* < $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] > $($rest:tt)*) => { $crate::__ensure!(@rejoin $left $op [$($right)* > $($rest)*]) };
    (@right $left:tt $op:tt [$($right:tt)*] $next:tt $($rest:tt)*) => { $crate::__ensure!(@right $left $op [$($right)* $next] $($rest)*) };
    (@rejoin [$($left:tt)*] [$op:tt] [$($right:tt)*]) => { $crate::__ensure!(@whole $($left)* $op $($right)*) };

    (@compare [$($left:tt)+] [$op:tt] [$($right:tt)+]) => {
        match (&($($left)+), &($($right)+)) {
            (left, right) => if !(*left $op *right) {
                #[allow(unused_imports)]
                use $crate::__private::{DebugOperands as _, OpaqueOperands as _};
                let operands = $crate::__private::Operands(left, right);
                let condition = ::core::stringify!($($left)+ $op $($right)+);
                return ::core::result::Result::Err((&operands).stackerr_failed(condition));
            }
        }
    };
    (@whole $condition:expr $(,)?) => {
        match $condition {
            true => {}
            false => {
                let condition = ::core::stringify!($condition);
                return ::core::result::Result::Err($crate::__private::failed(condition));
            }
        }
    };
}

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    use crate::{Error, IntoError};
    use std::borrow::Cow;
    use std::fmt::{Arguments, Debug, Display};
    use std::marker::PhantomData;

    /// Returns the text. A plain literal is not copied.
    #[must_use]
    pub fn text(message: Arguments<'_>) -> Cow<'static, str> {
        message
            .as_str()
            .map_or_else(|| Cow::Owned(message.to_string()), Cow::Borrowed)
    }

    #[must_use]
    #[track_caller]
    pub fn message(text: Cow<'static, str>) -> Error {
        Error::text(text)
    }

    /// Selects the conversion of a value by autoref: a method call finds [`ErrorKind`] without adding a
    /// reference, and [`DisplayKind`] only with one more, so the former is preferred.
    #[derive(Debug)]
    pub struct ViaIntoError<Via>(PhantomData<Via>);

    pub trait ErrorKind<Via> {
        fn stackerr_kind(&self) -> ViaIntoError<Via>;
    }

    impl<E: IntoError<Via>, Via> ErrorKind<Via> for E {
        fn stackerr_kind(&self) -> ViaIntoError<Via> {
            ViaIntoError(PhantomData)
        }
    }

    impl<Via> ViaIntoError<Via> {
        #[track_caller]
        pub fn convert<E: IntoError<Via>>(self, error: E) -> Error {
            error.into_error()
        }
    }

    #[derive(Debug)]
    pub struct ViaDisplay;

    pub trait DisplayKind {
        fn stackerr_kind(&self) -> ViaDisplay;
    }

    impl<T: Display + Send + Sync + 'static> DisplayKind for &T {
        fn stackerr_kind(&self) -> ViaDisplay {
            ViaDisplay
        }
    }

    impl ViaDisplay {
        #[track_caller]
        pub fn convert<T: Display + Send + Sync + 'static>(self, value: T) -> Error {
            Error::msg(value)
        }
    }

    /// The maximum length in bytes of each operand that is shown. It must be one line.
    const MAX_OPERAND: usize = 40;

    #[derive(Debug)]
    pub struct Operands<'a, A: ?Sized, B: ?Sized>(pub &'a A, pub &'a B);

    pub trait DebugOperands {
        fn stackerr_failed(&self, condition: &str) -> Error;
    }

    impl<A: Debug + ?Sized, B: Debug + ?Sized> DebugOperands for Operands<'_, A, B> {
        #[track_caller]
        fn stackerr_failed(&self, condition: &str) -> Error {
            let [left, right] = [format!("{:?}", self.0), format!("{:?}", self.1)];
            let is_short = |text: &str| text.len() <= MAX_OPERAND && !text.contains('\n');
            if is_short(&left) && is_short(&right) {
                let text = format!("Condition failed: `{condition}` ({left} vs {right})");
                message(Cow::Owned(text))
            } else {
                failed(condition)
            }
        }
    }

    pub trait OpaqueOperands {
        fn stackerr_failed(&self, condition: &str) -> Error;
    }

    impl<A: ?Sized, B: ?Sized> OpaqueOperands for &Operands<'_, A, B> {
        #[track_caller]
        fn stackerr_failed(&self, condition: &str) -> Error {
            failed(condition)
        }
    }

    #[must_use]
    #[track_caller]
    pub fn failed(condition: &str) -> Error {
        message(Cow::Owned(format!("Condition failed: `{condition}`")))
    }
}
