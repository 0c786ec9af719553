//! The layer that programs use: methods by name, without their types. Implemented once for all.

use serde_json::Value;

use crate::{
    Attributions, Card, Detector, DetectorExt, Error, Estimate, Features, Fitted, Model, ModelReader,
    ModelWriter, Result, Run, Shape, params_from_json, params_schema,
};

/// A [`Detector`] of any type.
pub trait AnyDetector: Send + Sync {
    /// The method's card.
    fn card(&self) -> &'static Card;
    /// All parameters.
    fn params(&self) -> Value;
    /// Fits through the gate.
    fn fit(&self, train: &Features, run: &Run) -> Result<Box<dyn AnyModel>>;
    /// Fits and ranks the same rows (see [`Detector::fit_score`]).
    fn fit_score(&self, train: &Features, run: &Run) -> Result<(Box<dyn AnyModel>, Vec<f32>)>;
    /// Memory and time for data of that shape.
    fn estimate(&self, shape: Shape) -> Estimate;
}

/// A fitted [`Model`] of any type, with what it was fitted from.
pub trait AnyModel: Send + Sync {
    /// The method's card.
    fn card(&self) -> &'static Card;
    /// All parameters.
    fn params(&self) -> Value;
    /// The training features' shape.
    fn shape(&self) -> Shape;
    /// One finite score per part.
    fn score(&self, features: &Features, run: &Run) -> Result<Vec<f32>>;
    /// The method's exact attribution, if it has one.
    fn attribute(&self, features: &Features, run: &Run) -> Option<Result<Attributions>>;
    /// Writes parameters, shape and state.
    fn save(&self, out: &mut ModelWriter) -> Result<()>;
}

struct Erased<D>(D);

impl<D: Detector> AnyDetector for Erased<D> {
    fn card(&self) -> &'static Card {
        &D::CARD
    }
    fn params(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }
    fn fit(&self, train: &Features, run: &Run) -> Result<Box<dyn AnyModel>> {
        Ok(Box::new(self.0.fit_on(train, run)?))
    }
    fn fit_score(&self, train: &Features, run: &Run) -> Result<(Box<dyn AnyModel>, Vec<f32>)> {
        let (fitted, scores) = self.0.fit_score_on(train, run)?;
        Ok((Box::new(fitted), scores))
    }
    fn estimate(&self, shape: Shape) -> Estimate {
        self.0.estimate(shape)
    }
}

impl<D: Detector> AnyModel for Fitted<D> {
    fn card(&self) -> &'static Card {
        &D::CARD
    }
    fn params(&self) -> Value {
        serde_json::to_value(&self.params).unwrap_or_default()
    }
    fn shape(&self) -> Shape {
        self.shape
    }
    fn score(&self, features: &Features, run: &Run) -> Result<Vec<f32>> {
        Fitted::score(self, features, run)
    }
    fn attribute(&self, features: &Features, run: &Run) -> Option<Result<Attributions>> {
        Fitted::attribute(self, features, run)
    }
    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("shape", &self.shape)?;
        out.put_json("params", &self.params)?;
        out.scope("state", |out| self.model.save(out))
    }
}

/// One line of a registry: how to get at a method by its name.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The method's card.
    pub card: &'static Card,
    /// Parameters for clean rows (see [`Detector::ON_CLEAN`]).
    pub on_clean: &'static str,
    /// Parameters of the encoder of windows (see [`Detector::ON_SERIES`]).
    pub on_series: &'static str,
    /// Whether a fit needs labels (see [`Detector::LEARNS_FROM_LABELS`]).
    pub learns_from_labels: bool,
    /// A detector from JSON parameters.
    pub from_json: fn(&Value) -> Result<Box<dyn AnyDetector>>,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// A model from what [`AnyModel::save`] wrote.
    pub load: fn(&ModelReader<'_>) -> Result<Box<dyn AnyModel>>,
}

impl Entry {
    /// The entry of `D`.
    pub const fn of<D: Detector>() -> Self {
        Self {
            card: &D::CARD,
            on_clean: D::ON_CLEAN,
            on_series: D::ON_SERIES,
            learns_from_labels: D::LEARNS_FROM_LABELS,
            from_json: |value| Ok(Box::new(Erased(params_from_json::<D>(D::CARD.id, value)?))),
            schema: params_schema::<D>,
            load: |from| {
                let shape: Shape = from.json("shape")?;
                let params: Value = from.json("params")?;
                let params = params_from_json::<D>(D::CARD.id, &params)?;
                let model = D::Model::load(&from.scope("state"), shape)?;
                Ok(Box::new(Fitted { params, model, shape }))
            },
        }
    }
}

/// The registry of a folder of methods: `methods! { ecod::Ecod, pca::Pca }` beside plain `mod` lines makes the types
/// public and lists them as `METHODS`. Modules are declared outside, where the formatter sees them.
#[macro_export]
macro_rules! methods {
    ($($module:ident::$method:ident),* $(,)?) => {
        $(pub use $module::$method;)*
        /// Every method here, sorted by id.
        pub const METHODS: &[$crate::Entry] = &[$($crate::Entry::of::<$method>()),*];
    };
}

/// The entry called `id`, or an error that names the nearest one.
pub fn find_entry<'a>(entries: &'a [Entry], id: &str) -> Result<&'a Entry> {
    entries.iter().find(|entry| entry.card.id == id).ok_or_else(|| Error::Unknown {
        what: "method",
        id: id.into(),
        nearest: nearest_name(id, entries.iter().map(|entry| entry.card.id)).map(str::to_owned),
    })
}

/// The name most like `word`, if one is like it at all (at most a third of its letters differ).
pub fn nearest_name<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    names
        .map(|name| (edit_distance(word, name), name))
        .min()
        .filter(|(d, _)| *d <= limit)
        .map(|(_, name)| name)
}

/// Letters added, left out, replaced, or two neighbours swapped: the fewest that turn one word into the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=b.len()).collect()];
    for i in 0..a.len() {
        rows.rotate_left(1);
        let [before, above, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        for j in 0..b.len() {
            let mut least = (above[j] + usize::from(a[i] != b[j])).min(row[j] + 1).min(above[j + 1] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
    }
    rows[2][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        assert_eq!(
            nearest_name("isolation_forrest", ["ecod", "isolation_forest"].into_iter()),
            Some("isolation_forest")
        );
        assert_eq!(nearest_name("lable", ["able-bodied", "label"].into_iter()), Some("label"));
        let pairs =
            [("", "", 0), ("", "ab", 2), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abcd", "badc", 2)];
        for (a, b, distance) in pairs {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (distance, distance), "{a} {b}");
        }
        assert_eq!(nearest_name("zzz", ["ecod", "isolation_forest"].into_iter()), None);
    }
}
