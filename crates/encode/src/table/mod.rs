//! Tables to features: one row of numbers, and codes where wanted, per row of the table.
//!
//! # Idea
//! Every column is measured in its own unit from its own middle, so that no column counts more because of its
//! unit; categories and times become numbers that keep what makes them odd. What was learnt is applied to every
//! later table by column name, and whatever differs there is counted and said.
//!
//! # Equations
//! - number: `(x - center) / unit`, in 64 bits, then narrowed; beyond a million units it grows with the logarithm
//! - category of few levels: one column of 0 and 1 per level; two levels are sqrt(2) apart, as two values of a
//!   column of unit variance are in the root mean square
//! - category of many levels: rarity `-ln((c + 0.5) / (n + 0.5 (k + 1)))`, scaled like a number
//! - boolean: one column of 0 and sqrt(2)
//! - time: elapsed time, scaled like a number; `sqrt(2) (sin a, cos a)` of the time of day, weekday, day of year
//! - missing: the median, and `(m - p) / sqrt(p (1 - p))` within +-10, with `m` 1 where missing and `p` its share
//!
//! # Complexity
//! O(n d) time, for fit and for encoding. Memory: the features, and while fitting one column per thread.
//!
//! # Degenerate input
//! Columns with one value, without values, or equal to another are left out and said. Where no column is left,
//! fitting fails and names the reason for each.
//!
//! `docs/encoding.md` says what happens to new data.

mod bind;
mod categories;
mod column;
mod fit;
mod notices;
mod numbers;
mod params;
mod saved;
#[cfg(test)]
mod tests;
mod times;
mod twins;
mod write;

use anomalyst_core::{
    Dataset, Encode, Encoded, Encoder, Error, Features, Layout, ModelReader, ModelWriter, Notices, Origin,
    Result, Run, Table, Wants,
};
use ndarray::Array2;

use column::FittedColumn;
pub use params::{Categories, Missing, Scale, TableEncoder};
pub(crate) use times::Cycle;

/// What was learnt of every column of the training table.
#[derive(Debug)]
pub struct FittedTableEncoder {
    columns: Vec<FittedColumn>,
    keeps_missing: bool,
    scale: Scale,
    value_origins: Vec<Origin>,
    code_origins: Vec<Origin>,
}

impl Encoder for TableEncoder {
    const ID: &'static str = "table";
    type Fitted = FittedTableEncoder;

    fn fit(&self, data: &Dataset, wants: Wants, run: &Run) -> Result<(FittedTableEncoder, Notices)> {
        let table = table_of(data)?;
        let (columns, notices) = run.install(|| fit::fit_columns(self, wants, table, run))?;
        Ok((FittedTableEncoder::new(columns, self.keeps_missing(wants), self.scale), notices))
    }
}

impl FittedTableEncoder {
    fn new(columns: Vec<FittedColumn>, keeps_missing: bool, scale: Scale) -> Self {
        let origins = |column: &FittedColumn| {
            let name = column.name.clone();
            column.aspects().map(move |aspect| Origin { column: name.clone(), aspect }).collect::<Vec<_>>()
        };
        let code_origin = |c: &FittedColumn| Origin { column: c.name.clone(), aspect: "level".into() };
        let value_origins = columns.iter().flat_map(origins).collect();
        let code_origins = columns.iter().filter(|c| c.has_codes()).map(code_origin).collect();
        Self { columns, keeps_missing, scale, value_origins, code_origins }
    }

    fn encode_table(&self, table: &Table, run: &Run) -> Result<Encoded> {
        let n_rows = table.n_rows;
        crate::check_memory(n_rows, self.value_origins.len() + self.code_origins.len(), run)?;
        let (cells, notices) = bind::bind(&self.columns, self.keeps_missing, table, run)?;
        let writer = write::Writer {
            columns: &self.columns,
            cells: &cells,
            keeps_missing: self.keeps_missing,
            swing: self.scale.swing(),
        };
        let shape = |width: usize| (n_rows, width);
        let wrong = |e: ndarray::ShapeError| Error::Data(format!("features: {e}"));
        let values = writer.values(n_rows, run)?;
        let values = Array2::from_shape_vec(shape(self.value_origins.len()), values).map_err(wrong)?;
        let codes = match self.code_origins.len() {
            0 => None,
            width => Some(Array2::from_shape_vec(shape(width), writer.codes(n_rows, run)?).map_err(wrong)?),
        };
        let features = Features { values, codes, layout: Layout::Rows, labels: table.labels.clone() };
        Ok(Encoded { features, notices })
    }
}

impl Encode for FittedTableEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        let table = table_of(data)?;
        run.install(|| self.encode_table(table, run))
    }

    fn value_origins(&self) -> &[Origin] {
        &self.value_origins
    }

    fn code_origins(&self) -> &[Origin] {
        &self.code_origins
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        saved::save(self, out)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        saved::load(from)
    }
}

/// The table in `data`; tables can be put together by hand, so lengths are checked.
fn table_of(data: &Dataset) -> Result<&Table> {
    let Dataset::Table(table) = data else {
        return Err(Error::Data("the encoder `table` takes tables".into()));
    };
    let lengths = table.columns.iter().map(|c| (c.name.as_str(), c.data.len()));
    let labels = table.labels.as_ref().map(|labels| ("labels", Some(labels.len())));
    match lengths.chain(labels).find(|(_, len)| len.is_some_and(|len| len != table.n_rows)) {
        Some((name, len)) => Err(Error::Data(format!(
            "column `{name}` has {} rows, the table has {}",
            len.unwrap_or_default(),
            table.n_rows
        ))),
        None => Ok(table),
    }
}
