//! JSON, as one object per line and as one array.

#![no_main]

use anomalyst::data::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    anomalyst_fuzz::read(bytes, Some(Format::Ndjson));
    anomalyst_fuzz::read(bytes, Some(Format::Json));
});
