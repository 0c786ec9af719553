use super::*;
use crate::fixture;

/// For a look in a browser: `cargo test -p anomalyst-report -- --ignored look`.
#[test]
#[ignore = "writes anomalyst-report.html to the temporary folder, for a person to look at"]
fn look() {
    let path = std::env::temp_dir().join("anomalyst-report.html");
    write_report(&fixture::outcome(), &path).unwrap();
}
