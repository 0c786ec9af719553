//! Encoders turn datasets into features: they learn scales and levels once and apply them alike ever after.

use serde_json::Value;

use crate::{Card, Dataset, Features, Handles, ModelReader, ModelWriter, Notices, Params, Result, Run};

/// What a detector wants of an encoder, read off its card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Whether missing numbers may stay missing.
    pub missing: Handles,
    /// Whether categories may stay codes.
    pub codes: Handles,
}

impl Wants {
    /// What the method of `card` wants.
    pub const fn of(card: &Card) -> Self {
        Self { missing: card.missing, codes: card.codes }
    }
}

/// An encoder's parameters.
pub trait Encoder: Params {
    /// Its name in recipes.
    const ID: &'static str;
    /// The fitted state.
    type Fitted: Encode;
    /// Learns scales and levels; the notices say what was left out or repaired.
    fn fit(&self, data: &Dataset, wants: Wants, run: &Run) -> Result<(Self::Fitted, Notices)>;
}

/// A fitted encoder.
pub trait Encode: Send + Sync + 'static {
    /// Features of `data`, of the same width every time. A row's features never depend on its batch.
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded>;
    /// The same features, made a few at a time where all at once may be more than fits into memory; `None` where they are
    /// not made by parts, and [`Self::encode`] is the only way.
    fn in_parts<'a>(&'a self, _data: &'a Dataset, _run: &Run) -> Result<Option<Box<dyn Parts + 'a>>> {
        Ok(None)
    }
    /// Scores of the items of `data` from those of the parts that [`Self::encode`] made of them. Where every item is one
    /// part, they are the same.
    fn pool(&self, data: &Dataset, parts: Vec<f32>) -> Result<Vec<f32>> {
        debug_assert_eq!(data.n_items(), parts.len());
        Ok(parts)
    }
    /// How many items one part looks at: the points of a window, 1 where a part is an item.
    fn span(&self) -> usize {
        1
    }
    /// Which column of the table each number column of the features came from, in order.
    fn value_origins(&self) -> &[Origin];
    /// The same for code columns.
    fn code_origins(&self) -> &[Origin];
    /// Writes everything that loading needs.
    fn save(&self, out: &mut ModelWriter) -> Result<()>;
    /// Reads it back; checks everything that encoding relies on.
    fn load(from: &ModelReader<'_>) -> Result<Self>
    where
        Self: Sized;
}

/// Features that are made when they are asked for: independent rows.
pub trait Parts: Send + Sync {
    /// How many there are in all.
    fn n_parts(&self) -> usize;
    /// Those at `parts`, in that order.
    fn take(&self, parts: &[usize]) -> Result<Features>;
    /// Which parts are known to be anomalous; none where there are no labels.
    fn known_anomalous(&self) -> Vec<bool>;
}

/// Where a feature came from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// Name of the column in the user's table.
    pub column: String,
    /// What of it: `value`, `missing`, `level=red`, `hour_sin`, ...
    pub aspect: String,
}

/// Features and what was noticed on the way.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The features.
    pub features: Features,
    /// Unseen levels, changed types and the like, counted.
    pub notices: Notices,
}

/// An [`Encoder`] of any type.
pub trait AnyEncoder: Send + Sync {
    /// Its name in recipes.
    fn id(&self) -> &'static str;
    /// All parameters.
    fn params(&self) -> Value;
    /// Learns scales and levels.
    fn fit(&self, data: &Dataset, wants: Wants, run: &Run) -> Result<(Box<dyn Encode>, Notices)>;
}

struct Erased<E>(E);

impl<E: Encoder> AnyEncoder for Erased<E> {
    fn id(&self) -> &'static str {
        E::ID
    }
    fn params(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }
    fn fit(&self, data: &Dataset, wants: Wants, run: &Run) -> Result<(Box<dyn Encode>, Notices)> {
        crate::check_params(E::ID, &self.0)?;
        let (fitted, notices) = run.install(|| self.0.fit(data, wants, run))?;
        Ok((Box::new(fitted), notices))
    }
}

/// One line of the registry of encoders.
#[derive(Clone, Copy)]
pub struct EncoderEntry {
    /// Its name in recipes.
    pub id: &'static str,
    /// An encoder from JSON parameters.
    pub from_json: fn(&Value) -> Result<Box<dyn AnyEncoder>>,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// A fitted encoder from what [`Encode::save`] wrote.
    pub load: fn(&ModelReader<'_>) -> Result<Box<dyn Encode>>,
}

impl EncoderEntry {
    /// The entry of `E`.
    pub const fn of<E: Encoder>() -> Self {
        Self {
            id: E::ID,
            from_json: |value| Ok(Box::new(Erased(crate::params_from_json::<E>(E::ID, value)?))),
            schema: crate::params_schema::<E>,
            load: |from| Ok(Box::new(E::Fitted::load(from)?)),
        }
    }
}
