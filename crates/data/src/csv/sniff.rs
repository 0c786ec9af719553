//! How delimited text is written: its delimiter, quotes, line ends, and whether it begins with names.

use super::split::{Dialect, records, widths};
use crate::cell::{CellRules, Number};
use crate::time::TimeFormat;

/// Records that the delimiter is told from.
const RECORDS: usize = 200;
/// Bytes that the delimiter is told from, unless they are not even a few lines.
const BYTES: usize = 256 << 10;

/// How many records have how many cells under a dialect.
#[derive(Clone, Copy, Debug)]
struct Fit {
    n_records: usize,
    /// The usual number of cells.
    width: usize,
    /// Share of records with that number.
    share: f64,
    /// The number of cells of the first record.
    first_width: usize,
}

/// The dialect of `sample`, which ends with a line unless it is the whole text.
pub(crate) fn sniff(sample: &[u8], delimiter: Option<u8>) -> Dialect {
    let old_line_ends = !sample.contains(&b'\n') && sample.contains(&b'\r');
    let base = Dialect {
        newline: if old_line_ends { b'\r' } else { b'\n' },
        comments: sample.trim_ascii_start().starts_with(b"#"),
        ..Dialect::new(b',')
    };
    let lines = memchr::memchr_iter(base.newline, sample).map(|p| p + 1);
    let few = lines.enumerate().take_while(|&(i, end)| i < 8 || end <= BYTES).last();
    let sample = &sample[..few.map_or(sample.len(), |(_, end)| end)];
    let with = |delimiter| Dialect { delimiter, blanks: delimiter == b' ', ..base };
    let chosen = delimiter.map_or_else(|| with(best_delimiter(sample, with)), with);
    without_stray_quotes(sample, chosen)
}

fn best_delimiter(sample: &[u8], with: impl Fn(u8) -> Dialect) -> u8 {
    // A comma is listed last: it also occurs inside numbers and sentences, the others hardly do.
    let strong: Vec<(u8, Fit)> = b"\t;|,".iter().map(|&d| (d, fit(sample, with(d)))).collect();
    let best = |fits: &[(u8, Fit)], least: f64| {
        let mut best: Option<(u8, Fit)> = None;
        for &(delimiter, fit) in fits.iter().filter(|(_, f)| f.width > 1 && f.share >= least) {
            if best.is_none_or(|(_, b)| fit.share > b.share) {
                best = Some((delimiter, fit));
            }
        }
        best.map(|(delimiter, _)| delimiter)
    };
    if let Some(delimiter) = best(&strong, 0.8) {
        return delimiter;
    }
    let whole_lines = records(sample, Dialect { quote: None, ..with(0x1f) }, RECORDS);
    let values = whole_lines.iter().filter(|line| line.iter().all(|cell| is_value(cell))).count();
    if values * 2 < whole_lines.len() {
        // Sentences of one length have blanks, too; a header that fits tells a table from them.
        let fits = |(_, f): &(u8, Fit)| f.first_width == f.width;
        let weak: Vec<(u8, Fit)> = b" :".iter().map(|&d| (d, fit(sample, with(d)))).filter(fits).collect();
        if let Some(delimiter) = best(&weak, 0.9) {
            return delimiter;
        }
    }
    best(&strong, 0.3).unwrap_or(b',')
}

/// Whether a cell is one number or one time, which no delimiter may take apart.
fn is_value(cell: &[u8]) -> bool {
    matches!(CellRules::default().number(cell), Number::Value(_))
        || TimeFormat::OF_TEXT.iter().any(|f| f.parse(cell).is_some())
}

fn fit(sample: &[u8], dialect: Dialect) -> Fit {
    let widths = widths(sample, dialect, RECORDS);
    let first_width = widths.first().copied().unwrap_or(0);
    let mut sorted = widths.clone();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    let (n, width) = runs.map(|run| (run.len(), run[0])).max().unwrap_or((0, 0));
    Fit { n_records: widths.len(), width, share: n as f64 / widths.len().max(1) as f64, first_width }
}

/// Text with single quotation marks at the beginning of cells is not quoted at all.
fn without_stray_quotes(sample: &[u8], dialect: Dialect) -> Dialect {
    let bare = Dialect { quote: None, ..dialect };
    if !sample.contains(&b'"') {
        return dialect;
    }
    let (quoted, plain) = (fit(sample, dialect), fit(sample, bare));
    let fits_better =
        plain.share > quoted.share || (plain.share == quoted.share && plain.n_records > quoted.n_records);
    if plain.width > 1 && fits_better { bare } else { dialect }
}

/// Whether the first of `records` holds names rather than values.
pub(crate) fn has_header(records: &[Vec<Vec<u8>>], rules: &CellRules) -> bool {
    let Some((first, rest)) = records.split_first() else { return true };
    let numbers: Vec<Option<f64>> = first.iter().map(|cell| number(cell, rules)).collect();
    let n_numbers = numbers.iter().flatten().count();
    let n_filled = first.iter().filter(|cell| !rules.is_missing(cell)).count();
    if counts_up(&numbers) && !rest.first().is_some_and(|r| counts_up(&all_numbers(r, rules))) {
        return true;
    }
    if n_numbers == 0 {
        return !recurs(first, rest);
    }
    if n_numbers == n_filled {
        return false;
    }
    // Names of number columns are no numbers, so that half of them being numbers is too many.
    let numeric = |column: usize| {
        let cells = rest.iter().filter_map(|r| r.get(column)).filter(|cell| !rules.is_missing(cell));
        let (mut n, mut total) = (0, 0);
        cells.for_each(|cell| {
            total += 1;
            n += usize::from(number(cell, rules).is_some());
        });
        n * 2 > total
    };
    let n_numeric = (0..first.len()).filter(|&c| numeric(c)).count();
    n_numbers * 2 < n_numeric.max(1)
}

fn number(cell: &[u8], rules: &CellRules) -> Option<f64> {
    match rules.number(cell) {
        Number::Value(value) => Some(value),
        Number::Infinite | Number::Beyond => Some(f64::MAX),
        Number::Missing | Number::Neither => None,
    }
}

fn all_numbers(record: &[Vec<u8>], rules: &CellRules) -> Vec<Option<f64>> {
    record.iter().map(|cell| number(cell, rules)).collect()
}

/// Names such as 2019, 2020, 2021, or 0, 1, 2 are numbers, too.
fn counts_up(numbers: &[Option<f64>]) -> bool {
    let numbers: Vec<f64> = numbers.iter().flatten().copied().collect();
    numbers.len() >= 3 && numbers[0] == numbers[0].trunc() && numbers.windows(2).all(|w| w[1] == w[0] + 1.0)
}

/// Whether most cells of the first record occur again below, as levels do and names do not.
fn recurs(first: &[Vec<u8>], rest: &[Vec<Vec<u8>>]) -> bool {
    let again = |(column, cell): (usize, &Vec<u8>)| rest.iter().any(|r| r.get(column) == Some(cell));
    !rest.is_empty() && first.iter().enumerate().filter(|&c| again(c)).count() * 2 > first.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(text: &str) -> u8 {
        sniff(text.as_bytes(), None).delimiter
    }

    #[test]
    fn delimiters() {
        assert_eq!(delimiter("a,b\n1,2\n"), b',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n2,5;3,5\n"), b';');
        assert_eq!(delimiter("1,5;2,5\n2,5;3,5\n"), b';');
        assert_eq!(delimiter("a\tb\nx, y\tz\n"), b'\t');
        assert_eq!(delimiter("a|b\n1|2\n"), b'|');
        assert_eq!(delimiter("1.5  2.5 x\n 3.5 4.5 y\n"), b' ');
        assert_eq!(delimiter("1:2:3\n4:5:6\n"), b':');
        assert_eq!(delimiter("time,value\n2014-04-01 00:00:00,20.0\n2014-04-01 00:05:00,21.0\n"), b',');
        assert_eq!(delimiter("2014-04-01 00:00:00\n2014-04-01 00:05:00\n"), b',');
        assert_eq!(delimiter("text\nsome words here\nand more\n"), b',');
        assert_eq!(delimiter("note\nremark number 1\nremark number 2\nremark number 3\n"), b',');
        assert_eq!(delimiter("a,b\n\"x;y\",1\n\"x;z\",2\n"), b',');
    }

    #[test]
    fn comments_and_stray_quotes() {
        assert!(sniff(b"# made by hand\n1 2\n3 4\n", None).comments);
        assert_eq!(sniff(b"ham\t\"so he said\nspam\tx\nham\ty\" \n", None).quote, None);
        assert_eq!(sniff(b"a,b\n\"x\ny\",2\n\"z\",3\n", None).quote, Some(b'"'));
    }

    #[test]
    fn headers() {
        let header = |text: &str| {
            let dialect = sniff(text.as_bytes(), None);
            has_header(&records(text.as_bytes(), dialect, 100), &CellRules::default())
        };
        assert!(header("a,b\n1,2\n"));
        assert!(header("name,colour\nx,red\ny,blue\n"));
        assert!(header("id,2019,2020,2021\nx,5,7,1\n"));
        assert!(header("0,1,2\n5,7,1\n"));
        assert!(!header("1,2\n3,4\n"));
        assert!(!header("0.5 0.25 A\n0.75 0.5 B\n"));
        assert!(!header("0,tcp,SF,491\n0,udp,SF,146\n"));
        assert!(!header("p,x,s\np,x,y\ne,x,s\n"));
    }
}
