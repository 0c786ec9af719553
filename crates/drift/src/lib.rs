//! Has the data changed, where, since when.
//!
//! [`OrderTest`] asks it of one table: whether rows that follow each other are more alike than rows that do not.

mod order;

pub use order::{Break, Order, OrderTest};
