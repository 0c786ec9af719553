//! Benchmarks that anyone can rerun, and judgements of scores that any tool made.
//!
//! [`suite`] finds and reads labelled sets in the field's layouts; [`Protocol`] divides them; [`Benchmark`] runs
//! methods on them, each set in a process of its own, and keeps a [`Row`] per run.

mod board;
pub mod eval;
mod external;
mod harness;
mod job;
mod leaks;
mod measured;
mod memory;
mod periods;
mod protocol;
mod row;
mod sets;
pub mod suite;
mod worker;

pub use board::{Board, Line, boards, leaderboard};
pub use external::parse as parse_external;
pub use harness::{Benchmark, CONTROLS, Finished, with_controls};
pub use job::{Contender, Job, Plan, Said};
pub use measured::{metrics_of, name_in_results};
pub use periods::OfPeriod;
pub use protocol::Protocol;
pub use row::{Row, RowFile};
pub use sets::Sets;
pub use worker::run as run_worker;
