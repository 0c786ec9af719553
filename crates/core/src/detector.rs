//! The layer that people write: a [`Detector`] is hyper-parameters, its [`Model`] is fitted state.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{
    Card, Error, Estimate, Features, Handles, Label, ModelReader, ModelWriter, Params, Result, Run,
    check_params,
};

/// A method's hyper-parameters: plain data, checked at one gate.
pub trait Detector: Params {
    /// Id, paper, what it takes, invariances, cost.
    const CARD: Card;
    /// Parameters that differ from the defaults where the rows fitted to are known to be clean (`fit`), as a JSON
    /// object. Where they may hold anomalies (`scan`), a method guards against them by default.
    const ON_CLEAN: &'static str = "{}";
    /// Parameters of the encoder of windows that differ from its defaults where a method of rows judges windows of series,
    /// as a JSON object.
    const ON_SERIES: &'static str = "{}";
    /// Whether it learns from [`Features::labels`]; the gate then refuses data in which no part is known to be
    /// anomalous.
    const LEARNS_FROM_LABELS: bool = false;
    /// The fitted state.
    type Model: Model;

    /// Learns what is normal. `train` has passed the gate, so nothing needs to be checked again.
    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model>;

    /// Fits, and ranks the very rows it was fitted on.
    ///
    /// Not the same question as scoring new rows: methods in which a training row would meet itself (neighbours)
    /// leave it out here. The default scores the rows as if they were new.
    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let model = self.fit(train, run)?;
        let scores = model.score(train, run)?;
        Ok((model, scores))
    }

    /// Memory and time that fitting on `shape` will take; used to warn and to keep limits before work starts.
    fn estimate(&self, shape: Shape) -> Estimate;
}

/// A fitted normality model. Higher scores are more anomalous; a row's score never depends on its batch.
pub trait Model: Send + Sync + Sized + 'static {
    /// One finite score per part.
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>>;

    /// This model's own attribution, where the method allows an exact one.
    fn as_attribute(&self) -> Option<&dyn Attribute> {
        None
    }

    /// Writes everything that `load` needs.
    fn save(&self, out: &mut ModelWriter) -> Result<()>;

    /// Reads a model back. The file may be hostile: every index and length is checked here, so that scoring
    /// cannot go out of bounds whatever the file said. `shape` is what the gate will hold scored rows to.
    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self>;
}

/// How much each feature contributed to each row's score.
pub trait Attribute: Sync {
    /// One row of shares per row given. Shares need not sum to the score; their order and relative size count.
    /// Negative shares made the row look more normal.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions>;
}

/// Contributions of features to scores.
#[derive(Clone, Debug)]
pub struct Attributions {
    /// Rows x number columns.
    pub values: Array2<f32>,
    /// Rows x code columns; zero columns where there are none.
    pub codes: Array2<f32>,
}

/// The size of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Parts.
    pub n_parts: usize,
    /// Number columns.
    pub n_values: usize,
    /// Code columns.
    pub n_codes: usize,
}

impl Shape {
    /// The size of `features`.
    pub fn of(features: &Features) -> Self {
        Self { n_parts: features.n_parts(), n_values: features.n_values(), n_codes: features.n_codes() }
    }

    /// Number and code columns together.
    pub const fn n_columns(&self) -> usize {
        self.n_values + self.n_codes
    }
}

/// Features that passed the gate: finite (or missing where the card allows), of a layout and width that the
/// method takes, and enough rows. Only the gate makes one, so no method checks again and none can forget.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    features: &'a Features,
}

impl<'a> std::ops::Deref for Checked<'a> {
    type Target = Features;
    fn deref(&self) -> &Features {
        self.features
    }
}

impl<'a> Checked<'a> {
    /// The features, for as long as they live.
    pub fn features(&self) -> &'a Features {
        self.features
    }

    fn training<D: Detector>(features: &'a Features) -> Result<Self> {
        let card = &D::CARD;
        let need = card.min_items.max(1);
        if features.n_parts() < need {
            return Err(Error::TooFewItems { what: card.id.into(), got: features.n_parts(), need });
        }
        if features.n_values() + features.n_codes() == 0 {
            return Err(Error::Data(format!("{}: there is no usable column to learn from", card.id)));
        }
        if D::LEARNS_FROM_LABELS {
            check_labels(card.id, features)?;
        }
        Self::common(card, features)
    }

    fn scoring(card: &Card, fitted: Shape, features: &'a Features) -> Result<Self> {
        for (fitted, got) in [(fitted.n_values, features.n_values()), (fitted.n_codes, features.n_codes())] {
            if fitted != got {
                return Err(Error::WidthMismatch { fitted, got });
            }
        }
        Self::common(card, features)
    }

    fn common(card: &Card, features: &'a Features) -> Result<Self> {
        if !card.accepts.contains(&features.layout.kind()) {
            return Err(Error::UnsupportedLayout {
                method: card.id.into(),
                got: format!("{:?}", features.layout.kind()).to_lowercase(),
                want: format!("{:?}", card.accepts).to_lowercase(),
            });
        }
        if card.codes == Handles::Refuses && features.n_codes() > 0 {
            return Err(Error::Data(format!(
                "{} does not take code columns; encode categories as numbers",
                card.id
            )));
        }
        if let Some(codes) = &features.codes
            && codes.nrows() != features.n_parts()
        {
            return Err(Error::Data(format!(
                "{} rows of codes beside {} rows",
                codes.nrows(),
                features.n_parts()
            )));
        }
        if let Some((row, column)) = features.first_not_finite(card.missing == Handles::Native) {
            return Err(Error::NotFinite { row, column });
        }
        Ok(Self { features })
    }
}

/// Labels of which some say anomalous and some do not.
fn check_labels(id: &str, features: &Features) -> Result<()> {
    let refuse = |what: &str| Err(Error::Data(format!("`{id}` learns from labels: {what}")));
    let Some(labels) = &features.labels else {
        return refuse("name the column that says which rows are anomalous with --label");
    };
    if labels.len() != features.n_parts() {
        return refuse(&format!("there are {} for {} rows", labels.len(), features.n_parts()));
    }
    match labels.iter().filter(|label| **label == Label::Anomalous).count() {
        0 => refuse(
            "no row is labelled anomalous; label at least one, or choose a method that needs no labels",
        ),
        n if n == labels.len() => {
            refuse("every row is labelled anomalous; add rows that are normal or of which nothing is known")
        }
        _ => Ok(()),
    }
}

/// The typed way in: parameters and data pass the gate, then the method runs on the run's threads.
pub trait DetectorExt: Detector {
    /// Learns what is normal from `train`.
    fn fit_on(&self, train: &Features, run: &Run) -> Result<Fitted<Self>> {
        check_params(Self::CARD.id, self)?;
        let checked = Checked::training::<Self>(train)?;
        let model = run.install(|| self.fit(checked, run))?;
        Ok(Fitted { params: self.clone(), model, shape: Shape::of(train) })
    }

    /// Learns from `train` and ranks those same rows (see [`Detector::fit_score`]).
    fn fit_score_on(&self, train: &Features, run: &Run) -> Result<(Fitted<Self>, Vec<f32>)> {
        check_params(Self::CARD.id, self)?;
        let checked = Checked::training::<Self>(train)?;
        let (model, scores) = run.install(|| self.fit_score(checked, run))?;
        check_scores(Self::CARD.id, &scores, train.n_parts())?;
        Ok((Fitted { params: self.clone(), model, shape: Shape::of(train) }, scores))
    }
}

impl<D: Detector> DetectorExt for D {}

/// A fitted model with the parameters and the shape it came from.
pub struct Fitted<D: Detector> {
    pub(crate) params: D,
    pub(crate) model: D::Model,
    pub(crate) shape: Shape,
}

impl<D: Detector> Fitted<D> {
    /// One finite score per part of `features`; higher is more anomalous.
    pub fn score(&self, features: &Features, run: &Run) -> Result<Vec<f32>> {
        let checked = Checked::scoring(&D::CARD, self.shape, features)?;
        if features.n_parts() == 0 {
            return Ok(Vec::new());
        }
        let scores = run.install(|| self.model.score(checked, run))?;
        check_scores(D::CARD.id, &scores, features.n_parts())?;
        Ok(scores)
    }

    /// How much each feature contributed, where the method has an exact answer.
    pub fn attribute(&self, features: &Features, run: &Run) -> Option<Result<Attributions>> {
        let attribute = self.model.as_attribute()?;
        let checked = Checked::scoring(&D::CARD, self.shape, features);
        Some(checked.and_then(|rows| run.install(|| attribute.attribute(rows, run))))
    }

    /// The method's own fitted state.
    pub const fn model(&self) -> &D::Model {
        &self.model
    }

    /// The parameters it was fitted with.
    pub const fn params(&self) -> &D {
        &self.params
    }

    /// The size of the training features.
    pub const fn shape(&self) -> Shape {
        self.shape
    }
}

/// A score that is not finite is a bug of the method or a hostile model; it must not reach a decision.
fn check_scores(id: &str, scores: &[f32], want: usize) -> Result<()> {
    if scores.len() != want {
        let what = format!("{} scores for {want} rows", scores.len());
        return Err(Error::Numeric { method: id.into(), what });
    }
    match scores.iter().position(|s| !s.is_finite()) {
        Some(row) => Err(Error::Numeric {
            method: id.into(),
            what: format!("the score of row {row} is not finite; check the scale of the data"),
        }),
        None => Ok(()),
    }
}
