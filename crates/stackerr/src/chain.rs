//! An error and its causes, one by one.

use crate::inner::Inner;
use crate::link::{MAX_LINKS, Next, expand};
use std::error::Error as StdError;
use std::fmt::{self, Debug};

/// The iterator of [`Error::chain`](crate::Error::chain): the error, then its cause, and so on.
///
/// Ends at a join, which has several causes, and after 20,000 foreign links, so that a cyclic
/// chain ends too. Wrappers that add no message of their own ([`Traced`](crate::Traced), a boxed
/// [`Error`](crate::Error)) are skipped in favour of what they wrap.
pub struct Chain<'a> {
    next: Option<&'a (dyn StdError + 'static)>,
    links: usize,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(error: &'a (dyn StdError + 'static)) -> Self {
        Self {
            next: Some(error),
            links: 0,
        }
    }
}

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn StdError + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let mut error = self.next.take()?;
        loop {
            self.links += usize::from(!error.is::<Inner>());
            match expand(error).1 {
                Next::Same(same) if self.links < MAX_LINKS => error = same,
                Next::Cause(cause) if self.links < MAX_LINKS => {
                    self.next = Some(cause);
                    return Some(error);
                }
                _ => return Some(error),
            }
        }
    }
}

impl std::iter::FusedIterator for Chain<'_> {}

impl Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}
