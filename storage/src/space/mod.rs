//! Where pages come from and go to: the freelist that the file keeps, and the proof that no page is lost.

mod check;
pub(crate) mod freelist;

pub(crate) use check::check;
