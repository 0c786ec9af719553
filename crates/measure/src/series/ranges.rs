//! How well ranges are covered by other ranges: precision and recall of series are this with the roles exchanged.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which points of a range weigh most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// All alike.
    #[default]
    Flat,
    /// The first most, falling by one step per point.
    Front,
    /// The last most, rising by one step per point.
    Back,
    /// Those in the middle most.
    Middle,
}

/// What a range that is covered in pieces gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// The same as one covered in one piece.
    #[default]
    One,
    /// Its cover divided by the number of pieces.
    Reciprocal,
}

/// How cover is rewarded.
pub(super) struct Cover {
    pub existence_weight: f64,
    pub bias: Bias,
    pub cardinality: Cardinality,
}

impl Cover {
    /// The mean reward of `ranges` covered by `others`; 0 without ranges. Both are sorted and disjoint.
    pub(super) fn mean(&self, ranges: &[Range<usize>], others: &[Range<usize>]) -> f64 {
        let mut first = 0;
        let mut total = 0.0;
        for range in ranges {
            first += others[first..].partition_point(|other| other.end <= range.start);
            let touching = others[first..].iter().take_while(|other| other.start < range.end);
            let (mut covered, mut n_pieces) = (0.0, 0_usize);
            for other in touching {
                covered += self.weight(range, other.start.max(range.start)..other.end.min(range.end));
                n_pieces += 1;
            }
            if n_pieces > 0 {
                let share = covered / self.weight(range, range.clone());
                let divisor = if self.cardinality == Cardinality::Reciprocal { n_pieces as f64 } else { 1.0 };
                total += self.existence_weight + (1.0 - self.existence_weight) * share / divisor;
            }
        }
        total / ranges.len().max(1) as f64
    }

    /// What the points `part` of `range` weigh together.
    fn weight(&self, range: &Range<usize>, part: Range<usize>) -> f64 {
        let len = range.len();
        // Positions count from 1; sums of positions a..=b in closed form.
        let (a, b) = (part.start - range.start + 1, part.end - range.start);
        let rising = |a: usize, b: usize| if a > b { 0.0 } else { (a + b) as f64 * (b + 1 - a) as f64 / 2.0 };
        match self.bias {
            Bias::Flat => part.len() as f64,
            Bias::Back => rising(a, b),
            Bias::Front => rising(len + 1 - b, len + 1 - a),
            Bias::Middle => {
                let half = len / 2;
                let late = a.max(half + 1);
                let falling = if late > b { 0.0 } else { rising(len + 1 - b, len + 1 - late) };
                rising(a, b.min(half)) + falling
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The weight of each point by its position from 1, as the paper's table of biases says.
    fn weight(bias: Bias, position: usize, len: usize) -> f64 {
        let (position, rest) = (position as f64, (len - position + 1) as f64);
        match bias {
            Bias::Flat => 1.0,
            Bias::Front => rest,
            Bias::Back => position,
            Bias::Middle if 2.0 * position <= len as f64 => position,
            Bias::Middle => rest,
        }
    }

    fn naive(cover: &Cover, ranges: &[Range<usize>], others: &[bool]) -> f64 {
        let one = |range: &Range<usize>| {
            let weigh = |at: usize| weight(cover.bias, at - range.start + 1, range.len());
            let covered: f64 = range.clone().filter(|&at| others[at]).map(weigh).sum();
            let n_pieces = super::super::runs::runs(&others[range.clone()]).len();
            let divisor = if cover.cardinality == Cardinality::One { 1.0 } else { n_pieces.max(1) as f64 };
            let touched = if n_pieces > 0 { cover.existence_weight } else { 0.0 };
            touched
                + (1.0 - cover.existence_weight) * covered / range.clone().map(weigh).sum::<f64>() / divisor
        };
        ranges.iter().map(one).sum::<f64>() / ranges.len().max(1) as f64
    }

    proptest! {
        #[test]
        fn equals_weighing_points(points in prop::collection::vec(any::<(bool, bool)>(), 1..60)) {
            let (odd, alarms): (Vec<bool>, Vec<bool>) = points.into_iter().unzip();
            let ranges = super::super::runs::runs(&odd);
            for bias in [Bias::Flat, Bias::Front, Bias::Back, Bias::Middle] {
                for cardinality in [Cardinality::One, Cardinality::Reciprocal] {
                    let cover = Cover { existence_weight: 0.3, bias, cardinality };
                    let got = cover.mean(&ranges, &super::super::runs::runs(&alarms));
                    prop_assert!((got - naive(&cover, &ranges, &alarms)).abs() < 1e-12, "{bias:?} {cardinality:?}");
                }
            }
        }
    }
}
