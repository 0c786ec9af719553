//! Connected components of a mask, 8-connected: pixels that touch at a side or a corner belong together.
//!
//! Union-find over runs of pixels in a row instead of over pixels: a mask has far fewer runs.

/// Neighbouring pixels of one row in one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelRun {
    /// Row of the map.
    pub(super) row: u32,
    /// First column.
    pub(super) start: u32,
    /// One behind the last column.
    pub(super) end: u32,
    /// Which component, from 0 in order of first pixels.
    pub(super) component: u32,
}

impl PixelRun {
    /// How many pixels.
    pub(super) const fn len(self) -> u32 {
        self.end - self.start
    }

    /// Where its pixels stand in a map of this width.
    pub(super) const fn pixels(self, width: usize) -> std::ops::Range<usize> {
        let row = self.row as usize * width;
        row + self.start as usize..row + self.end as usize
    }
}

/// The connected components of a mask.
#[derive(Clone, Debug, Default)]
pub(super) struct Components {
    /// Row by row, left to right.
    pub(super) runs: Vec<PixelRun>,
    /// Pixels of each component.
    pub(super) sizes: Vec<u32>,
}

impl Components {
    /// The components of the pixels of a map of this width, row by row, for which `inside` holds.
    pub(super) fn of<T>(pixels: &[T], width: usize, inside: impl Fn(&T) -> bool) -> Self {
        let mut runs: Vec<PixelRun> = Vec::new();
        let mut parents: Vec<u32> = Vec::new();
        let mut above = 0..0;
        for (row, pixels) in pixels.chunks_exact(width.max(1)).enumerate() {
            let first = runs.len();
            push_runs(&mut runs, row as u32, pixels, &inside);
            parents.extend(first as u32..runs.len() as u32);
            join_rows(&runs, above, first..runs.len(), &mut parents);
            above = first..runs.len();
        }
        let mut sizes: Vec<u32> = Vec::new();
        for at in 0..runs.len() {
            let root = find(&mut parents, at as u32) as usize;
            if root == at {
                runs[at].component = sizes.len() as u32;
                sizes.push(0);
            } else {
                // A root is the earliest run of its component, so it was numbered before.
                runs[at].component = runs[root].component;
            }
            sizes[runs[at].component as usize] += runs[at].len();
        }
        Self { runs, sizes }
    }
}

fn push_runs<T>(runs: &mut Vec<PixelRun>, row: u32, pixels: &[T], inside: impl Fn(&T) -> bool) {
    let mut at = 0;
    while let Some(skip) = pixels[at..].iter().position(&inside) {
        let start = at + skip;
        let len = pixels[start..].iter().position(|pixel| !inside(pixel)).unwrap_or(pixels.len() - start);
        at = start + len;
        runs.push(PixelRun { row, start: start as u32, end: at as u32, component: 0 });
    }
}

/// Joins the runs of two neighbouring rows that touch.
fn join_rows(
    runs: &[PixelRun],
    mut above: std::ops::Range<usize>,
    mut below: std::ops::Range<usize>,
    parents: &mut [u32],
) {
    while !above.is_empty() && !below.is_empty() {
        let (a, b) = (runs[above.start], runs[below.start]);
        // One column apart still touches, at a corner.
        if a.row + 1 == b.row && a.start <= b.end && b.start <= a.end {
            let (a, b) = (find(parents, above.start as u32), find(parents, below.start as u32));
            parents[a.max(b) as usize] = a.min(b);
        }
        if a.end <= b.end { above.start += 1 } else { below.start += 1 }
    }
}

fn find(parents: &mut [u32], mut at: u32) -> u32 {
    while parents[at as usize] != at {
        let up = parents[parents[at as usize] as usize];
        parents[at as usize] = up;
        at = up;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Labels of pixels, 0 outside: each component is flooded from its first pixel.
    fn flooded(mask: &[bool], width: usize) -> Vec<u32> {
        let (height, mut labels, mut n) = (mask.len() / width, vec![0; mask.len()], 0);
        for first in 0..mask.len() {
            if !mask[first] || labels[first] > 0 {
                continue;
            }
            n += 1;
            let mut open = vec![first];
            while let Some(at) = open.pop() {
                labels[at] = n;
                let (y, x) = (at / width, at % width);
                for near_y in y.saturating_sub(1)..(y + 2).min(height) {
                    for near_x in x.saturating_sub(1)..(x + 2).min(width) {
                        let near = near_y * width + near_x;
                        if mask[near] && labels[near] == 0 {
                            open.push(near);
                        }
                    }
                }
            }
        }
        labels
    }

    #[test]
    fn corners_touch() {
        let mask = [true, false, false, true, false, true, false, false];
        let found = Components::of(&mask, 4, |&odd| odd);
        assert_eq!(found.sizes, [2, 1]);
    }

    proptest! {
        #[test]
        fn equals_flooding(width in 1_usize..9, pixels in prop::collection::vec(any::<bool>(), 1..90)) {
            let mask = &pixels[..pixels.len() / width * width];
            let found = Components::of(mask, width, |&odd| odd);
            let mut labels = vec![0; mask.len()];
            for run in &found.runs {
                labels[run.pixels(width)].fill(run.component + 1);
            }
            prop_assert_eq!(labels.clone(), flooded(mask, width));
            for (component, &size) in found.sizes.iter().enumerate() {
                let n = labels.iter().filter(|&&label| label == component as u32 + 1).count();
                prop_assert_eq!(size as usize, n);
            }
        }
    }
}
