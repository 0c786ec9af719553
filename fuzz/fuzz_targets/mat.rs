//! MATLAB files of level 5.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(table) = anomalyst_bench::suite::mat_table(Path::new("fuzzed"), bytes) else { return };
    assert_eq!(table.labels.map(|labels| labels.len()), Some(table.n_rows));
    for column in &table.columns {
        assert_eq!(column.data.len(), Some(table.n_rows));
        if let anomalyst::core::ColumnData::Numbers(cells) = &column.data {
            assert!(cells.iter().all(|cell| !cell.is_infinite()));
        }
    }
});
