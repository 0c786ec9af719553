//! The layer that people write, [`Metric`], and its erased twin [`AnyMetric`], implemented once for all.

use anomalyst_core::{Params, Random, Result, Run, check_params, params_from_json, params_schema};
use serde::Serialize;
use serde_json::Value;

use crate::MetricCard;

/// How a metric's value would be drawn as a curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// What it is, such as `ROC`.
    pub title: &'static str,
    /// What the axes are.
    pub axes: [&'static str; 2],
    /// From left to right.
    pub points: Vec<[f64; 2]>,
}

/// What metrics of one family are computed from. The gate of the family.
pub trait Measurable: Sync {
    /// Says what `card` needs and this lacks.
    fn check(&self, card: &MetricCard) -> Result<()>;
}

/// What can be drawn again with replacement, so that a metric's spread over such draws tells how far to trust it.
pub trait Redraw: Measurable + Sized {
    /// Does the work that all draws share; `false` where draws would tell nothing.
    fn prepare(&self, _block: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    /// How much there is to draw; bounds how often drawing again is affordable.
    fn n_units(&self) -> usize;

    /// As much of the same kind, drawn with replacement: one by one, or in blocks of that many neighbours.
    fn redrawn(&self, block: Option<usize>, random: &mut Random) -> Result<Self>;

    /// How many draws are best made together.
    fn n_at_once(&self) -> usize {
        1
    }

    /// A draw from each of these streams.
    fn redrawn_at_once(&self, block: Option<usize>, randoms: &mut [Random]) -> Result<Vec<Self>> {
        randoms.iter_mut().map(|random| self.redrawn(block, random)).collect()
    }
}

/// A metric: plain parameters, a card, one number.
pub trait Metric: Params {
    /// Id, paper, range, needs, weakness.
    const CARD: MetricCard;
    /// What it is computed from.
    type Input: Measurable + ?Sized;

    /// The value. `input` has passed the gate: what the card needs is there, of equal length and finite.
    fn measure(&self, input: &Self::Input) -> Result<f64>;

    /// What a scorer that knows nothing gets on these very labels; `None` where the question makes no sense.
    fn random_level(&self, input: &Self::Input, run: &Run) -> Result<Option<f64>>;

    /// The curve behind the number, where there is one; at most some thousand points.
    fn curve(&self, _input: &Self::Input) -> Result<Option<Curve>> {
        Ok(None)
    }

    /// Whether the number is the mean of [`Metric::parts`] that are independent of each other, such as maps: then they
    /// give the paired test of two scorers.
    const INDEPENDENT_PARTS: bool = false;

    /// One value per item, series or map, where the number is a mean of such; `NaN` where one has none.
    fn parts(&self, _input: &Self::Input) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }
}

/// A [`Metric`] of any type over the input `I`.
pub trait AnyMetric<I: ?Sized>: Send + Sync {
    /// The metric's card.
    fn card(&self) -> &'static MetricCard;
    /// All parameters.
    fn params(&self) -> Value;
    /// The value, through the gate.
    fn measure(&self, input: &I) -> Result<f64>;
    /// What a scorer that knows nothing gets.
    fn random_level(&self, input: &I, run: &Run) -> Result<Option<f64>>;
    /// The curve behind the number.
    fn curve(&self, input: &I) -> Result<Option<Curve>>;
    /// One value per item, series or map.
    fn parts(&self, input: &I) -> Result<Option<Vec<f64>>>;
    /// Whether the number is the mean of independent parts.
    fn has_independent_parts(&self) -> bool;
}

struct Erased<M>(M);

impl<M: Metric> AnyMetric<M::Input> for Erased<M> {
    fn card(&self) -> &'static MetricCard {
        const { &M::CARD }
    }
    fn params(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }
    fn measure(&self, input: &M::Input) -> Result<f64> {
        self.0.measure_on(input)
    }
    fn random_level(&self, input: &M::Input, run: &Run) -> Result<Option<f64>> {
        input.check(&M::CARD)?;
        self.0.random_level(input, run)
    }
    fn curve(&self, input: &M::Input) -> Result<Option<Curve>> {
        input.check(&M::CARD)?;
        self.0.curve(input)
    }
    fn parts(&self, input: &M::Input) -> Result<Option<Vec<f64>>> {
        input.check(&M::CARD)?;
        self.0.parts(input)
    }
    fn has_independent_parts(&self) -> bool {
        M::INDEPENDENT_PARTS
    }
}

/// The typed way in: parameters and input pass the gate, then the metric is computed.
pub trait MetricExt: Metric {
    /// The value of this metric on `input`.
    fn measure_on(&self, input: &Self::Input) -> Result<f64> {
        check_params(Self::CARD.id, self)?;
        input.check(&Self::CARD)?;
        self.measure(input)
    }
}

impl<M: Metric> MetricExt for M {}

/// One line of a registry: how to get at a metric over `I` by its name.
pub struct MetricEntry<I: ?Sized + 'static> {
    /// The metric's card.
    pub card: &'static MetricCard,
    /// A metric from JSON parameters.
    pub from_json: fn(&Value) -> Result<Box<dyn AnyMetric<I>>>,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Value,
}

impl<I: ?Sized + 'static> MetricEntry<I> {
    /// The entry of `M`.
    pub const fn of<M: Metric<Input = I>>() -> Self {
        Self {
            card: const { &M::CARD },
            from_json: |value| Ok(Box::new(Erased(params_from_json::<M>(M::CARD.id, value)?))),
            schema: params_schema::<M>,
        }
    }

    /// The metric with its default parameters.
    pub fn default(&self) -> Result<Box<dyn AnyMetric<I>>> {
        (self.from_json)(&Value::Null)
    }
}

/// The registry of a folder of metrics: `metrics! { Case; auroc::Auroc, ap::Ap }` beside plain `mod` lines makes the
/// types public and lists them as `METRICS`.
macro_rules! metrics {
    ($input:ty; $($module:ident::$metric:ident),* $(,)?) => {
        $(pub use $module::$metric;)*
        /// Every metric here, sorted by id.
        pub const METRICS: &[$crate::MetricEntry<$input>] = &[$($crate::MetricEntry::of::<$metric>()),*];
    };
}
pub(crate) use metrics;
