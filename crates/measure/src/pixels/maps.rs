//! Score maps beside masks, one at a time.

use std::sync::Arc;

use anomalyst_core::{Error, Result};

/// The scores of one image's pixels, row by row, and which of the pixels are anomalous.
///
/// The `new` and `with_mask` functions are the gate: every score is finite, and the mask has the map's size. Copies
/// share their pixels.
#[derive(Clone, Debug)]
pub struct ScoredMap {
    name: Arc<str>,
    width: usize,
    height: usize,
    scores: Arc<Vec<f32>>,
    odd: Option<Arc<Vec<bool>>>,
}

impl ScoredMap {
    /// The map of a normal image: `scores` row by row, higher is more anomalous; `name` stands in errors.
    pub fn new(name: impl Into<Arc<str>>, width: usize, height: usize, scores: Vec<f32>) -> Result<Self> {
        let name = name.into();
        let n_pixels = width.checked_mul(height).filter(|&n| n > 0 && u32::try_from(n).is_ok());
        if n_pixels != Some(scores.len()) {
            return Err(Error::Data(format!(
                "map {name} has {} scores, but is {width} x {height}; a map needs a score for each pixel, and at \
                 least one",
                scores.len()
            )));
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Data(format!(
                "the score of map {name} at row {}, column {} is {}; it must be a finite number",
                at / width + 1,
                at % width + 1,
                scores[at]
            )));
        }
        Ok(Self { name, width, height, scores: Arc::new(scores), odd: None })
    }

    /// With the image's mask, row by row: `true` is anomalous. A mask without an anomalous pixel says that the image
    /// is normal.
    pub fn with_mask(mut self, width: usize, height: usize, mask: Vec<bool>) -> Result<Self> {
        if (width, height) != (self.width, self.height) {
            return Err(Error::Data(format!(
                "the mask of map {} is {width} x {height}, but the map is {} x {}; resize one of them",
                self.name, self.width, self.height
            )));
        }
        if mask.len() != self.len() {
            return Err(Error::Data(format!(
                "the mask of map {} has {} pixels, but is {width} x {height}",
                self.name,
                mask.len()
            )));
        }
        self.odd = mask.contains(&true).then(|| Arc::new(mask));
        Ok(self)
    }

    /// What the map is called in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pixels in a row.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// How many pixels there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Never: the gate refuses a map without pixels.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Scores row by row.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Which pixels are anomalous; `None` where no pixel is.
    pub fn mask(&self) -> Option<&[bool]> {
        self.odd.as_ref().map(|odd| odd.as_slice())
    }

    /// Scores of the normal pixels.
    pub(super) fn for_each_normal(&self, mut take: impl FnMut(f32)) {
        match self.mask() {
            None => self.scores.iter().for_each(|&score| take(score)),
            Some(mask) => {
                let pixels = self.scores.iter().zip(mask);
                pixels.filter(|(_, odd)| !**odd).for_each(|(&score, _)| take(score));
            }
        }
    }

    /// Memory of the pixels.
    pub(super) fn n_bytes(&self) -> usize {
        self.len() * size_of::<f32>() + self.odd.as_ref().map_or(0, |odd| odd.len())
    }
}

/// Maps that can be had one by one, in any order and from several threads: from memory, files or a model.
pub trait Maps: Sync {
    /// How many there are.
    fn n_maps(&self) -> usize;
    /// The map at `i`, below [`Maps::n_maps`]. It may be asked for several times and must then be the same.
    fn get(&self, i: usize) -> Result<ScoredMap>;
    /// What the map at `i` is called in reports.
    fn name(&self, i: usize) -> String;
}

/// Maps in memory.
#[derive(Clone, Debug, Default)]
pub struct MapsInMemory(pub Vec<ScoredMap>);

impl Maps for MapsInMemory {
    fn n_maps(&self) -> usize {
        self.0.len()
    }

    fn get(&self, i: usize) -> Result<ScoredMap> {
        let missing = || Error::Data(format!("there is no map {}, only {}", i + 1, self.0.len()));
        self.0.get(i).cloned().ok_or_else(missing)
    }

    fn name(&self, i: usize) -> String {
        self.0.get(i).map(|map| map.name().to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_names_map_pixel_and_sizes() {
        let refused = |map: Result<ScoredMap>| map.err().map(|error| error.to_string()).unwrap_or_default();
        let map = || ScoredMap::new("a.png", 2, 2, vec![0.0; 4]).unwrap();
        let nan = refused(ScoredMap::new("a.png", 2, 2, vec![0.0, 1.0, f32::NAN, 0.0]));
        assert!(nan.contains("map a.png at row 2, column 1 is NaN"), "{nan}");
        assert!(refused(ScoredMap::new("a.png", 2, 2, vec![0.0; 3])).contains("3 scores, but is 2 x 2"));
        assert!(refused(ScoredMap::new("a.png", 0, 2, vec![])).contains("at least one"));
        let sizes = refused(map().with_mask(4, 1, vec![true; 4]));
        assert!(sizes.contains("a.png is 4 x 1") && sizes.contains("map is 2 x 2"), "{sizes}");
        assert!(refused(map().with_mask(2, 2, vec![true; 3])).contains("has 3 pixels"));
        assert!(map().with_mask(2, 2, vec![false; 4]).unwrap().mask().is_none());
    }
}
