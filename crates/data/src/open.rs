//! From what the user names to a source: find the files, tell their format, look at their beginning.

use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock};

use anomalyst_core::{Notices, Result, Run};
use rustc_hash::FxHashMap;

use crate::cell::CellRules;
use crate::compression::Compression;
use crate::input::{self, Input};
use crate::observe::Observed;
use crate::options::{Format, ReadOptions};
use crate::plan::Plan;
use crate::source::{Fault, Opened, SourceFile, TableSource};
use crate::text::Encoding;
use crate::text_source::TextSource;

/// Text that is looked at before reading, over all files.
const SAMPLE_BYTES: usize = 1 << 20;
/// Text that is looked at of each file at least.
const LEAST_SAMPLE_BYTES: usize = 32 << 10;

/// Opens what `inputs` stand for: files, patterns such as `*.csv`, folders of files of one kind, or `-` for the
/// standard input. Only the beginning of each file is looked at.
///
/// ```
/// use anomalyst_core::Run;
/// use anomalyst_data::{ReadOptions, open};
/// let missing = open(&["no/such/file.csv".to_owned()], &ReadOptions::default(), &Run::new(0));
/// assert!(missing.unwrap_err().to_string().starts_with("no/such/file.csv: the folder"));
/// ```
pub fn open(inputs: &[String], options: &ReadOptions, run: &Run) -> Result<TableSource> {
    open_inputs(input::resolve(inputs, run)?, options, run)
}

/// Opens a table in memory, which is called `name` in messages.
///
/// ```
/// use anomalyst_core::Run;
/// use anomalyst_data::{ReadOptions, open_bytes};
/// let run = Run::new(0);
/// let source = open_bytes("colours", &b"size,colour\n1,red\n2,blue\n"[..], &ReadOptions::default(), &run).unwrap();
/// let (table, _) = source.read(&run).unwrap();
/// assert_eq!(table.n_rows, 2);
/// assert_eq!(table.columns[1].data.text(1), "blue");
/// ```
pub fn open_bytes(
    name: &str,
    bytes: impl Into<Arc<[u8]>>,
    options: &ReadOptions,
    run: &Run,
) -> Result<TableSource> {
    open_inputs(vec![Input::memory(name, bytes.into())], options, run)
}

/// Opens what comes out of a stream, all of which is first kept in a temporary file.
pub fn open_stream(name: &str, stream: impl Read, options: &ReadOptions, run: &Run) -> Result<TableSource> {
    open_inputs(vec![Input::spooled(name, stream, run)?], options, run)
}

fn open_inputs(inputs: Vec<Input>, options: &ReadOptions, run: &Run) -> Result<TableSource> {
    let rules = CellRules::new(options)?;
    let n_bytes = inputs.iter().map(|i| i.n_bytes).sum();
    let sample_bytes = (SAMPLE_BYTES / inputs.len()).max(LEAST_SAMPLE_BYTES);
    let stage = run.stage("looking", inputs.len() as u64);
    let mut opened = Vec::with_capacity(inputs.len());
    let mut without_rows = None;
    let mut notices = Notices::default();
    for input in inputs {
        run.check()?;
        let name = input.name.clone();
        match open_file(input, options, &rules, sample_bytes) {
            Ok(file) => opened.push((name, file)),
            Err(Fault::Other(e)) => return Err(e),
            Err(Fault::NoRows(e)) => {
                notices.handled(None, format!("{e}; it is left out"));
                without_rows.get_or_insert(e);
            }
        }
        stage.advance(1);
    }
    if let (Some(e), true) = (without_rows, opened.is_empty()) {
        return Err(e);
    }
    let estimated_rows = opened.iter().map(|(_, o)| o.estimated_rows).sum();
    let format = formats(&opened);
    let columns = unite(&mut opened, &mut notices);
    let plan = Plan::new(&columns.names, columns.seen, columns.label.as_deref(), options, &mut notices)?;
    let place = |(i, (name, file)): (usize, (String, Opened))| SourceFile {
        name,
        place: file.place,
        targets: columns.targets[i].clone(),
        reader: file.reader,
    };
    let files = opened.into_iter().enumerate().map(place).collect();
    Ok(TableSource {
        files,
        plan,
        rules,
        format,
        n_bytes,
        estimated_rows,
        opening: notices,
        label_rule: OnceLock::new(),
        last_pass: Mutex::default(),
    })
}

fn formats(opened: &[(String, Opened)]) -> String {
    let mut formats: Vec<&str> = opened.iter().map(|(_, o)| o.format.1.as_str()).collect();
    formats.sort_unstable();
    formats.dedup();
    formats.join("; ")
}

/// The columns of all files together.
struct United {
    names: Vec<String>,
    seen: Vec<Observed>,
    label: Option<String>,
    targets: Vec<Vec<usize>>,
}

/// Matches columns by name, in the order in which they first appear.
fn unite(opened: &mut [(String, Opened)], notices: &mut Notices) -> United {
    let mut united = United { names: Vec::new(), seen: Vec::new(), label: None, targets: Vec::new() };
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    let n_files = opened.len();
    for (i, (name, file)) in opened.iter_mut().enumerate() {
        let n_before = united.names.len();
        let mut targets = Vec::with_capacity(file.names.len());
        for (column, seen) in file.names.iter().zip(std::mem::take(&mut file.seen)) {
            let target = *places.entry(column.clone()).or_insert(united.names.len());
            if target == united.names.len() {
                united.names.push(column.clone());
                united.seen.push(seen);
            } else {
                united.seen[target].merge(&seen);
            }
            targets.push(target);
        }
        let n_new = united.names.len() - n_before;
        let n_absent = united.names.len() - targets.len();
        if i > 0 && n_new > 0 {
            let first = &united.names[n_before];
            notices.handled(None, format!("{name} has {n_new} columns that earlier files do not have, such as `{first}`; they count as missing there"));
        }
        if i > 0 && n_absent > n_new {
            notices.handled(
                None,
                format!("{name} lacks {n_absent} columns that other files have; they count as missing there"),
            );
        }
        united.targets.push(targets);
        united.label = united.label.take().or(file.label.take());
        // The same remark about every one of a hundred files helps nobody.
        if i < 3 || n_files <= 5 {
            notices.extend(std::mem::take(&mut file.notices));
        }
    }
    united
}

fn open_file(
    input: Input,
    options: &ReadOptions,
    rules: &CellRules,
    sample_bytes: usize,
) -> std::result::Result<Opened, Fault> {
    let mut start = [0; 16];
    let n = read_start(&input, Compression::Plain, &mut start)?;
    if n == 0 {
        return Err(input.no_rows("the file is empty"));
    }
    let mut notices = Notices::default();
    let compression = Compression::of(&start[..n]);
    let mut inner = [0; 4096];
    let n = read_start(&input, compression, &mut inner)?;
    let inner = &inner[..n];
    let promised = Format::from_file_name(&input.name);
    let format = match options.format {
        Some(format) => format,
        None => detect(inner, promised),
    };
    if let Some(promised) = promised.filter(|&p| options.format.is_none() && p != format && !akin(p, format))
    {
        notices.info(
            None,
            format!("{} is called {promised}, but its content is {format}; it is read as that", input.name),
        );
    }
    if !format.is_text() && compression != Compression::Plain {
        let name = compression.as_str();
        return Err(input.bad(format!("{format} inside {name} cannot be read; unpack it first")).into());
    }
    let encoding = Encoding::of(inner);
    let text = || TextSource { input: input.clone(), compression, encoding };
    let mut opened = match format {
        Format::Csv => crate::csv::open(text(), options, rules, sample_bytes)?,
        Format::Ndjson | Format::Json => crate::json::open(text(), format, options, rules, sample_bytes)?,
        Format::Arff => crate::arff::open(text(), rules, sample_bytes)?,
        Format::Npz => crate::numpy::open_npz(&input)?,
        Format::Npy => crate::numpy::open_npy(&input)?,
        Format::Parquet => crate::arrow::open_parquet(&input, rules)?,
        Format::ArrowIpc => crate::arrow::open_ipc(&input, rules)?,
    };
    notices.extend(opened.notices);
    opened.notices = notices;
    Ok(opened)
}

fn read_start(input: &Input, compression: Compression, into: &mut [u8]) -> Result<usize> {
    let mut stream = compression.expanded(input.stream()?).map_err(|e| input.failed(e))?;
    let mut n = 0;
    while n < into.len() {
        match stream.read(&mut into[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(input.failed(e)),
        }
    }
    Ok(n)
}

/// Line by line or all in one, JSON is JSON.
const fn akin(a: Format, b: Format) -> bool {
    matches!((a, b), (Format::Json | Format::Ndjson, Format::Json | Format::Ndjson))
}

/// The format of content that begins like this, whatever the file is called.
fn detect(start: &[u8], promised: Option<Format>) -> Format {
    if start.starts_with(b"PAR1") {
        return Format::Parquet;
    }
    if start.starts_with(b"ARROW1") || start.starts_with(&[0xff, 0xff, 0xff, 0xff]) {
        return Format::ArrowIpc;
    }
    if start.starts_with(b"\x93NUMPY") {
        return Format::Npy;
    }
    // An archive without any file begins with its directory.
    if start.starts_with(b"PK\x05\x06") {
        return Format::Npz;
    }
    if start.starts_with(b"PK\x03\x04") && (promised == Some(Format::Npz) || has(start, b".npy")) {
        return Format::Npz;
    }
    let text = start.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(start).trim_ascii_start();
    match text.first() {
        Some(b'{') if has(&text[..text.len().min(64)], b"\"") || text.starts_with(b"{}") => Format::Ndjson,
        Some(b'[') if matches!(text[1..].trim_ascii_start().first(), Some(b'{' | b']') | None) => {
            Format::Json
        }
        Some(b'%' | b'@') if promised == Some(Format::Arff) || is_arff(text) => Format::Arff,
        _ => Format::Csv,
    }
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w == word)
}

fn is_arff(text: &[u8]) -> bool {
    text.to_ascii_lowercase()
        .split(|&b| b == b'\n')
        .any(|line| line.trim_ascii_start().starts_with(b"@relation"))
}
