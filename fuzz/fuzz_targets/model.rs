//! Model files: raw ones, and models whose content was changed behind a checksum that is right.

#![no_main]

use std::sync::OnceLock;

use anomalyst::series::AnyTrained;
use anomalyst_fuzz::{Models, mutate, score};
use libfuzzer_sys::fuzz_target;

static MODELS: OnceLock<Models> = OnceLock::new();

fuzz_target!(
    init: {
        MODELS.get_or_init(Models::fit);
    },
    |bytes: &[u8]| {
        let Some((&number, program)) = bytes.split_first() else { return };
        if number == 255 {
            let _ = AnyTrained::from_bytes(program);
            return;
        }
        let models = MODELS.get_or_init(Models::fit);
        let mut content = models.content(number.into());
        mutate(&mut content, program);
        score(models, &content);
    }
);
