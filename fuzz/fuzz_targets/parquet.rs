//! Parquet and Arrow IPC files and streams.
//!
//! Some checks of the foreign decoders are assertions, which the reader turns into errors. libFuzzer's hook would
//! abort at the first of them, so that here a panic aborts only where it comes from code of our own.

#![no_main]

use anomalyst::data::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |place| place.file());
            if !file.contains("/registry/src/") {
                abort(panic);
            }
        }));
    },
    |bytes: &[u8]| {
        let ipc = bytes.starts_with(b"ARROW1") || bytes.starts_with(&[0xff; 4]);
        anomalyst_fuzz::read(bytes, Some(if ipc { Format::ArrowIpc } else { Format::Parquet }));
    }
);
