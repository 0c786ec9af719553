//! NumPy arrays, alone and in archives.

#![no_main]

use anomalyst::data::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let alone = bytes.starts_with(b"\x93NUMPY");
    anomalyst_fuzz::read(bytes, Some(if alone { Format::Npy } else { Format::Npz }));
});
