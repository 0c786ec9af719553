//! The plane in which a series is a line.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Run};
use anomalyst_kernels::linalg::symmetric_eigen;
use ndarray::Array2;

use crate::shapes;

/// The most moving sums that describe a window.
const MOST_SUMS: usize = 100;
/// The most windows that components are learned from.
const MOST_WINDOWS: usize = 10_000;
/// Points nearer to the origin than this share of the windows' spread are at the origin: they have no direction.
const LEAST_SHARE: f64 = 1e-9;
/// Windows between two looks at whether to stop.
const PIECE: usize = 1 << 14;

/// Projects windows.
pub(super) struct Plane {
    window: usize,
    /// The mean of each moving sum.
    mean: Vec<f64>,
    /// Two vectors of as many numbers.
    axes: [Vec<f64>; 2],
    /// What is no farther from the origin is at it.
    least: f64,
}

/// Points that a moving sum is over.
fn sum_len(window: usize) -> usize {
    (window / 3).max(1)
}

/// Where the moving sums begin that describe a window.
fn places(window: usize) -> Vec<usize> {
    let last = window - sum_len(window);
    let n = (last + 1).min(MOST_SUMS);
    (0..n).map(|i| if n > 1 { i * last / (n - 1) } else { 0 }).collect()
}

/// The moving sums of a series; a series shorter than a window has no window.
fn moving_sums(points: &[f64], window: usize) -> Vec<f64> {
    let len = sum_len(window);
    // Sums from the middle of the series, so that a large offset does not swallow small deviations.
    let middle = points.iter().sum::<f64>() / points.len().max(1) as f64;
    let mut sums = vec![0.0];
    sums.extend(points.iter().scan(0.0, |sum, v| {
        *sum += v - middle;
        Some(*sum)
    }));
    let sum = |i: usize| sums[i + len] - sums[i] + middle * len as f64;
    (0..(points.len() + 1).saturating_sub(len)).map(sum).collect()
}

const fn n_windows(n_points: usize, window: usize) -> usize {
    (n_points + 1).saturating_sub(window)
}

impl Plane {
    /// Learns the components of all windows of the series, as far as they are not a change of level.
    pub(super) fn learn(series: &[Vec<f64>], window: usize) -> Result<Self> {
        let places = places(window);
        let total: usize = series.iter().map(|points| n_windows(points.len(), window)).sum();
        let stride = total.div_ceil(MOST_WINDOWS).max(1);
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for points in series {
            let sums = moving_sums(points, window);
            let row = |start: usize| places.iter().map(|&place| sums[start + place]).collect();
            rows.extend((0..n_windows(points.len(), window)).step_by(stride).map(row));
        }
        let d = places.len();
        let count = rows.len().max(1) as f64;
        let mut mean = vec![0.0; d];
        rows.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(mean, v)| *mean += v / count));
        let mut covariance = Array2::<f64>::zeros((d, d));
        for row in &mut rows {
            row.iter_mut().zip(&mean).for_each(|(v, mean)| *v -= mean);
            for (mut of, &a) in covariance.rows_mut().into_iter().zip(row.iter()) {
                of.iter_mut().zip(row.iter()).for_each(|(sum, &b)| *sum += a * b / count);
            }
        }
        let eigen = symmetric_eigen(covariance.view())?;
        let first: Vec<Vec<f64>> = (0..d.min(3)).map(|i| eigen.vectors.row(i).to_vec()).collect();
        let spread = covariance.diag().iter().sum::<f64>().max(0.0).sqrt();
        let least = (LEAST_SHARE * spread).max(f64::MIN_POSITIVE);
        Ok(Self { window, mean, axes: without_level(&first), least })
    }

    /// Points of a window.
    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// The points of the plane of a series' windows.
    pub(super) fn line(&self, points: &[f64], run: &Run) -> Result<Vec<[f64; 2]>> {
        let (places, sums) = (places(self.window), moving_sums(points, self.window));
        let project = |start: usize| {
            let mut at = [0.0; 2];
            for (((&place, mean), x), y) in
                places.iter().zip(&self.mean).zip(&self.axes[0]).zip(&self.axes[1])
            {
                let v = sums[start + place] - mean;
                at[0] += v * x;
                at[1] += v * y;
            }
            let size = at[0].hypot(at[1]);
            if size <= self.least || !size.is_finite() { [0.0; 2] } else { at }
        };
        let mut line = Vec::with_capacity(n_windows(points.len(), self.window));
        for start in 0..n_windows(points.len(), self.window) {
            if start % PIECE == 0 {
                run.check()?;
            }
            line.push(project(start));
        }
        Ok(line)
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("mean", &self.mean);
        out.put_list("axes", &self.axes.concat());
        out.put_json("window", &self.window)?;
        out.put_json("least", &self.least)
    }

    pub(super) fn load(from: &ModelReader<'_>) -> Result<Self> {
        let window = shapes::possible(from.json("window")?)?;
        let d = places(window).len();
        let (mean, axes): (Vec<f64>, Vec<f64>) = (from.list_of("mean", d)?, from.list_of("axes", 2 * d)?);
        let least: f64 = from.json("least")?;
        // Axes are parts of unit vectors.
        let is_possible = mean.iter().all(|v| v.is_finite()) && axes.iter().all(|v| v.abs() <= 1.0 + 1e-9);
        if !(is_possible && least > 0.0 && least.is_finite()) {
            return Err(Error::model("the plane of a channel is not possible"));
        }
        Ok(Self { window, mean, axes: [axes[..d].to_vec(), axes[d..].to_vec()], least })
    }
}

/// The second and third axis once the first lies along what a change of level is in the components.
fn without_level(components: &[Vec<f64>]) -> [Vec<f64>; 2] {
    let part = |i: usize| components.get(i).map_or(0.0, |component| component.iter().sum::<f64>());
    let level = [part(0), part(1), part(2)];
    let size = level.iter().map(|v| v * v).sum::<f64>().sqrt();
    // A level that shows in no component leaves them as they are.
    let of_unit = components.first().map_or(0, Vec::len) as f64;
    let level = if size > 1e-9 * of_unit.sqrt() { level.map(|v| v / size) } else { [1.0, 0.0, 0.0] };
    // The direction counts, whichever way it points; this way the turn is the shorter one.
    let [x, y, z] = if level[0] < 0.0 { level.map(|v| -v) } else { level };
    let turned = [
        [-y, 1.0 - y * y / (1.0 + x), -y * z / (1.0 + x)],
        [-z, -y * z / (1.0 + x), 1.0 - z * z / (1.0 + x)],
    ];
    turned.map(|weights| {
        let d = components.first().map_or(0, Vec::len);
        let mut axis = vec![0.0; d];
        for (component, weight) in components.iter().zip(weights) {
            axis.iter_mut().zip(component).for_each(|(axis, v)| *axis += weight * v);
        }
        axis
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials::wave;

    #[test]
    fn sums_in_closed_form() {
        assert_eq!(moving_sums(&[1.0, 2.0, 4.0, 5.0], 6), [3.0, 6.0, 9.0]);
        assert_eq!(places(6), [0, 1, 2, 3, 4]);
        assert_eq!((places(3).len(), places(3000).len(), places(3000)[99]), (3, 100, 2000));
    }

    /// Two axes of length 1, at a right angle, and none with a share of the level.
    #[test]
    fn a_level_does_not_show() {
        for points in [wave(500, 17.0, 0.4), (0..500).map(|i| (f64::from(i) * 0.01).powi(2)).collect()] {
            let plane = Plane::learn(std::slice::from_ref(&points), 12).unwrap();
            let [a, b] = &plane.axes;
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            assert!(
                (dot(a, a) - 1.0).abs() < 1e-9 && (dot(b, b) - 1.0).abs() < 1e-9 && dot(a, b).abs() < 1e-9
            );
            let run = Run::new(0);
            let higher: Vec<f64> = points.iter().map(|v| v + 7.0).collect();
            let (line, other) = (plane.line(&points, &run).unwrap(), plane.line(&higher, &run).unwrap());
            let spread = line.iter().map(|at| at[0].hypot(at[1])).fold(0.0, f64::max);
            let near =
                |(a, b): (&[f64; 2], &[f64; 2])| (a[0] - b[0]).hypot(a[1] - b[1]) < 1e-6 * spread.max(1.0);
            assert!(line.len() == 489 && line.iter().zip(&other).all(near));
        }
    }

    /// A line is a change of level only: its windows are all at the origin.
    #[test]
    fn a_slope_stands_still() {
        let points: Vec<f64> = (0..300).map(|i| f64::from(i) * 0.01).collect();
        let line =
            Plane::learn(std::slice::from_ref(&points), 12).unwrap().line(&points, &Run::new(0)).unwrap();
        assert!(line.iter().all(|at| at[0].hypot(at[1]) < 1e-6), "{:?}", &line[..3]);
    }
}
