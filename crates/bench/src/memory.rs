//! How much memory a process holds and has held, where the system says (Linux).

use std::fs;

/// The most resident memory the process has held.
pub(crate) fn peak_of(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmHWM:")
}

/// The resident memory the process holds now.
pub(crate) fn resident_of(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmRSS:")
}

/// The most resident memory this process has held since [`forget_peak`].
pub(crate) fn own_peak() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// Lets the peak of this process begin anew. Where the system refuses, the peak stays that of the whole process.
pub(crate) fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn field(path: &str, name: &str) -> Option<u64> {
    let status = fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_seen_and_forgotten() {
        let before = own_peak().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let high = own_peak().unwrap();
        assert!(high >= before + (50 << 20), "{before} to {high}");
        drop(block);
        forget_peak();
        assert!(own_peak().unwrap() < high);
        assert!(resident_of(std::process::id()).unwrap() <= peak_of(std::process::id()).unwrap());
    }
}
