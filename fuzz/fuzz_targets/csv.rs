//! Delimited text, whatever its delimiter, quotes and line ends.

#![no_main]

use anomalyst::data::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| anomalyst_fuzz::read(bytes, Some(Format::Csv)));
