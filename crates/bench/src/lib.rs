//! Runs methods over the field's benchmarks: what there is to run on, and what comes out.

pub mod suite;
