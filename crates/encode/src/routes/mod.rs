//! Shipments to features: how far a price is from its product's, and how the network of routes is used.
//!
//! # Idea
//! A table of trade is a network: every row goes from one place to another. Laundering hides in prices that no
//! honest seller asks, in places that much passes through and in routes that nobody else takes. The encoder gives
//! detectors those three as numbers.
//!
//! # Equations
//! - price: `z = (ln p - median) / (1.4826 MAD)` of `ln p` among training rows of the same product, and
//!   `sign(z) ln(1 + |z|)`, so that one wild price does not set the scale. A product of fewer than eight prices, or
//!   of one price only, is measured by all prices
//! - hub: `ln(1 + b)` of the place's betweenness `b`, the number of shortest directed paths between two other places
//!   that pass through it (of several shortest ones its share), where every route has length 1
//! - route: `-ln((c + 1) / (n_from n_to / n + 1))` for `c` rows on the route, and rows from and to its ends: above 0
//!   where fewer go than the sizes of both ends let expect
//!
//! Prices that are missing or not above 0 stand at 0, the usual price; a place never seen has betweenness 0.
//!
//! # Complexity
//! Fit O(n log n + min(v, 1000) e) for `v` places and `e` routes: of more than 1000 places, paths from 1000 evenly
//! spaced ones are counted. Encoding O(n).
//!
//! # References
//! - Brandes 2001, A faster algorithm for betweenness centrality, Journal of Mathematical Sociology 25.
//!   doi:10.1080/0022250X.2001.9990249
//! - Das, Schneider 2007, KDD, for the ratio of the route. doi:10.1145/1281192.1281219

mod network;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Column, ColumnData, Dataset, Encode, Encoded, Encoder, Error, Features, Layout, ModelReader, ModelWriter,
    Notices, Origin, Params, Result, Run, Table, Wants, nearest_name,
};
use anomalyst_kernels::stats::median_and_mad;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use network::betweenness;

/// Fewer prices of a product do not tell what is usual.
const FEWEST_PRICES: usize = 8;
/// A spread of `ln p` below this is none: prices that differ by less than a millionth.
const LEAST_SPREAD: f64 = 1e-6;
/// From the median absolute deviation to the standard deviation of normal data.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Hubs that are named.
const N_HUBS: usize = 5;

/// Which columns hold what. Those not named are found by their usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteEncoder {
    /// The column of places that rows come from: exporter, reporter, origin, seller.
    pub from: Option<String>,
    /// The column of places that rows go to: importer, partner, destination, buyer.
    pub to: Option<String>,
    /// The column of prices per unit: unit_price, unit_value, price.
    pub price: Option<String>,
    /// The column of products whose prices are compared: product, commodity, hs_code; all rows where there is none.
    pub product: Option<String>,
    /// Which features are made.
    pub part: RoutePart,
}

/// Which features are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutePart {
    /// Price, hubs and route.
    #[default]
    All,
    /// The price alone.
    Price,
    /// Hubs and route.
    Network,
}

/// What was learned of a table of routes.
#[derive(Debug, Serialize, Deserialize)]
pub struct FittedRouteEncoder {
    columns: Roles,
    part: RoutePart,
    /// Median and spread of `ln p` of each product, and last those of all rows under no name.
    prices: BTreeMap<String, [f64; 2]>,
    usual: [f64; 2],
    /// Rows from, rows to and betweenness of each place.
    places: BTreeMap<String, [f64; 3]>,
    /// Rows on each route, by the names of its ends.
    routes: BTreeMap<String, BTreeMap<String, f64>>,
    n_rows: f64,
    #[serde(skip)]
    origins: Vec<Origin>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Roles {
    from: String,
    to: String,
    price: String,
    product: Option<String>,
}

impl Params for RouteEncoder {}

impl RouteEncoder {
    fn roles(&self, table: &Table) -> Result<Roles> {
        let find = |given: &Option<String>, role: &str, usual: &[&str]| -> Result<String> {
            let names = || table.columns.iter().filter(|c| c.data.len().is_some()).map(|c| c.name.as_str());
            match given {
                Some(name) if names().any(|other| other == name) => Ok(name.clone()),
                Some(name) => Err(Error::Unknown {
                    what: "column",
                    id: name.clone(),
                    nearest: nearest_name(name, names()).map(str::to_owned),
                }),
                None => {
                    let named = |usual: &&str| names().find(|name| name.eq_ignore_ascii_case(usual));
                    usual.iter().find_map(named).map(str::to_owned).ok_or_else(|| {
                        Error::Data(format!(
                            "no column is called {}; name the column of the {role} with --set encoder.{role}=COLUMN",
                            usual.join(", ")
                        ))
                    })
                }
            }
        };
        let product = find(&self.product, "product", &["product", "commodity", "hs_code", "item"]);
        Ok(Roles {
            from: find(&self.from, "from", &["exporter", "reporter", "origin", "seller", "from"])?,
            to: find(&self.to, "to", &["importer", "partner", "destination", "buyer", "to"])?,
            price: find(&self.price, "price", &["unit_price", "unit_value", "price_per_kg", "price"])?,
            product: if self.product.is_some() { Some(product?) } else { product.ok() },
        })
    }
}

/// The cells that count, row by row.
struct Cells<'t> {
    from: &'t ColumnData,
    to: &'t ColumnData,
    price: &'t [f64],
    product: Option<&'t ColumnData>,
}

impl Roles {
    fn cells<'t>(&self, table: &'t Table) -> Result<Cells<'t>> {
        let column = |name: &str| -> Result<&'t ColumnData> {
            let found: Option<&Column> = table.columns.iter().find(|c| c.name == name);
            found.map(|column| &column.data).ok_or_else(|| Error::Unknown {
                what: "column",
                id: name.into(),
                nearest: nearest_name(name, table.columns.iter().map(|c| c.name.as_str())).map(str::to_owned),
            })
        };
        let ColumnData::Numbers(price) = column(&self.price)? else {
            return Err(Error::Data(format!("prices must be numbers, and `{}` holds none", self.price)));
        };
        let product = self.product.as_deref().map(column).transpose()?;
        Ok(Cells { from: column(&self.from)?, to: column(&self.to)?, price, product })
    }
}

impl Cells<'_> {
    fn product(&self, row: usize) -> String {
        self.product.map(|data| data.text(row)).unwrap_or_default()
    }

    /// The logarithm of the price, where it has one.
    fn ln_price(&self, row: usize) -> Option<f64> {
        Some(self.price[row].ln()).filter(|ln| ln.is_finite())
    }
}

impl Encoder for RouteEncoder {
    const ID: &'static str = "routes";
    type Fitted = FittedRouteEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedRouteEncoder, Notices)> {
        let table = table_of(data)?;
        let columns = self.roles(table)?;
        let cells = columns.cells(table)?;
        let mut by_product: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut places: BTreeMap<String, [f64; 3]> = BTreeMap::new();
        let mut routes: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        let mut all = Vec::new();
        for row in 0..table.n_rows {
            if row % 4096 == 0 {
                run.check()?;
            }
            if let Some(ln) = cells.ln_price(row) {
                by_product.entry(cells.product(row)).or_default().push(ln);
                all.push(ln);
            }
            let (from, to) = (cells.from.text(row), cells.to.text(row));
            places.entry(from.clone()).or_default()[0] += 1.0;
            places.entry(to.clone()).or_default()[1] += 1.0;
            *routes.entry(from).or_default().entry(to).or_default() += 1.0;
        }
        if all.is_empty() {
            return Err(Error::Data(format!("no price in `{}` is above 0", columns.price)));
        }
        let usual = spread(&mut all).unwrap_or([all[0], 1.0]);
        let enough = by_product.into_iter().filter(|(_, prices)| prices.len() >= FEWEST_PRICES);
        let prices = enough.filter_map(|(name, mut prices)| Some((name, spread(&mut prices)?))).collect();
        let number: BTreeMap<&str, u32> = places.keys().map(String::as_str).zip(0..).collect();
        let edges: Vec<(u32, u32)> = routes
            .iter()
            .flat_map(|(from, to)| to.keys().map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .map(|(from, to)| (number[from.as_str()], number[to.as_str()]))
            .collect();
        let central = betweenness(places.len(), &edges, run)?;
        let mut notices = Notices::default();
        notices.info(None, hubs(places.keys().map(String::as_str).zip(&central)));
        places.values_mut().zip(central).for_each(|(place, b)| place[2] = b);
        let n_rows = table.n_rows as f64;
        let fitted = FittedRouteEncoder {
            columns,
            part: self.part,
            prices,
            usual,
            places,
            routes,
            n_rows,
            origins: vec![],
        };
        Ok((fitted.with_origins(), notices))
    }
}

/// Median and deviation; `None` where all are equal.
fn spread(values: &mut [f64]) -> Option<[f64; 2]> {
    let (median, mad) = median_and_mad(values);
    Some([median, MAD_TO_SIGMA * mad]).filter(|[_, spread]| *spread > LEAST_SPREAD)
}

/// The ranking of hubs, as a sentence.
fn hubs<'a>(places: impl Iterator<Item = (&'a str, &'a f64)>) -> String {
    let mut ranked: Vec<(&str, f64)> = places.map(|(name, &b)| (name, b)).filter(|(_, b)| *b > 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let total: f64 = ranked.iter().map(|(_, b)| b).sum();
    let named: Vec<String> = ranked
        .iter()
        .take(N_HUBS)
        .map(|(name, b)| {
            format!("{} ({:.0} %)", if name.is_empty() { "unnamed" } else { name }, 100.0 * b / total)
        })
        .collect();
    match named.is_empty() {
        true => "no place lies on the way between two others".into(),
        false => format!("hubs, by their share of the shortest ways between others: {}", named.join(", ")),
    }
}

impl FittedRouteEncoder {
    fn with_origins(mut self) -> Self {
        let origin =
            |column: &String, aspect: &str| Origin { column: column.clone(), aspect: aspect.to_owned() };
        let price = [origin(&self.columns.price, "value")];
        let network = [
            origin(&self.columns.from, "hub"),
            origin(&self.columns.to, "hub"),
            origin(&self.columns.to, "rare route"),
        ];
        self.origins = match self.part {
            RoutePart::Price => price.to_vec(),
            RoutePart::Network => network.to_vec(),
            RoutePart::All => price.into_iter().chain(network).collect(),
        };
        self
    }

    fn price(&self, cells: &Cells<'_>, row: usize) -> f64 {
        let Some(ln) = cells.ln_price(row) else { return 0.0 };
        let [median, spread] = self.prices.get(&cells.product(row)).unwrap_or(&self.usual);
        let z = (ln - median) / spread;
        z.signum() * z.abs().ln_1p()
    }

    fn network(&self, cells: &Cells<'_>, row: usize) -> [f64; 3] {
        let (from, to) = (cells.from.text(row), cells.to.text(row));
        let place = |name: &str| self.places.get(name).copied().unwrap_or_default();
        let (source, target) = (place(&from), place(&to));
        let count = self.routes.get(&from).and_then(|to_| to_.get(&to)).copied().unwrap_or(0.0);
        let expected = source[0] * target[1] / self.n_rows;
        [source[2].ln_1p(), target[2].ln_1p(), -((count + 1.0) / (expected + 1.0)).ln()]
    }
}

impl Encode for FittedRouteEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        let table = table_of(data)?;
        let cells = self.columns.cells(table)?;
        let mut values = Array2::zeros((table.n_rows, self.origins.len()));
        for (row, mut out) in values.rows_mut().into_iter().enumerate() {
            if row % 4096 == 0 {
                run.check()?;
            }
            let price = (self.part != RoutePart::Network).then(|| self.price(&cells, row));
            let network = (self.part != RoutePart::Price).then(|| self.network(&cells, row));
            let all = price.into_iter().chain(network.into_iter().flatten());
            out.iter_mut().zip(all).for_each(|(out, v)| *out = v as f32);
        }
        let features = Features { values, codes: None, layout: Layout::Rows, labels: table.labels.clone() };
        Ok(Encoded { features, notices: Notices::default() })
    }

    fn value_origins(&self) -> &[Origin] {
        &self.origins
    }

    fn code_origins(&self) -> &[Origin] {
        &[]
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("routes", self)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let fitted: Self = from.json("routes")?;
        let spreads = || fitted.prices.values().chain([&fitted.usual]);
        let counts =
            fitted.places.values().flatten().chain(fitted.routes.values().flat_map(|to| to.values()));
        let sound = fitted.n_rows.is_finite()
            && fitted.n_rows >= 1.0
            && spreads()
                .all(|[median, spread]| median.is_finite() && spread.is_finite() && *spread > LEAST_SPREAD)
            && counts.into_iter().all(|v| v.is_finite() && (0.0..1e30).contains(v));
        if sound { Ok(fitted.with_origins()) } else { Err(Error::model("routes that do not hold together")) }
    }
}

fn table_of(data: &Dataset) -> Result<&Table> {
    match data {
        Dataset::Table(table) => Ok(table),
        _ => Err(Error::Data("the encoder `routes` takes tables".into())),
    }
}
