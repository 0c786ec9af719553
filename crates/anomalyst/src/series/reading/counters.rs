//! Counters, which only grow until they start anew.

use anomalyst_core::{NoticeKind, Notices, Series, Tally};

/// Steps that show what a channel is.
const ENOUGH: usize = 32;
/// One new start in more steps than this; what starts anew more often is a wave.
const RARE: usize = 100;

/// What each point of a counter adds to the one before; one that is below it has started anew, and adds itself. The first
/// point of a series has none.
pub(super) fn take_increments(series: &mut Series, is_counter: &[bool], notices: &mut Notices) {
    let ranges: Vec<_> = series.ranges().collect();
    for (channel, _) in is_counter.iter().enumerate().filter(|&(_, &is)| is) {
        let mut n_restarts = 0_u64;
        for range in &ranges {
            let mut before = None;
            for point in range.clone() {
                let now = series.values[[point, channel]];
                if now.is_nan() {
                    continue;
                }
                series.values[[point, channel]] = match before {
                    None => f64::NAN,
                    Some(before) if now < before => {
                        n_restarts += 1;
                        now
                    }
                    Some(before) => now - before,
                };
                before = Some(now);
            }
        }
        let tally = Tally { n: n_restarts, of: series.n_points() as u64 };
        let name = series.channels[channel].clone();
        notices.counted(NoticeKind::Info, Some(&name), tally, |_| {
            format!("a counter: what it grows by is looked at; it starts anew {n_restarts} times")
        });
    }
}

/// Names the channels that look like counters and are not treated as such.
pub(super) fn hint(series: &Series, is_counter: &[bool], notices: &mut Notices) {
    for (channel, _) in is_counter.iter().enumerate().filter(|&(_, &is)| !is) {
        let (mut n_up, mut n_steps, mut n_restarts, mut n_down) = (0, 0, 0, 0);
        for range in series.ranges() {
            let mut values = range.map(|point| series.values[[point, channel]]).filter(|v| !v.is_nan());
            let Some(mut before) = values.next() else { continue };
            for now in values {
                n_steps += 1;
                n_up += usize::from(now > before);
                n_restarts += usize::from(now >= 0.0 && now < before / 2.0);
                n_down += usize::from(now < before);
                before = now;
            }
        }
        let looks_like_one =
            n_restarts > 0 && n_restarts == n_down && 2 * n_up > n_steps && RARE * n_restarts < n_steps;
        if looks_like_one && n_steps >= ENOUGH {
            let name = &series.channels[channel];
            notices.info(
                Some(name),
                format!(
                    "looks like a counter that starts anew; --counter '{name}' looks at what it grows by"
                ),
            );
        }
    }
}
