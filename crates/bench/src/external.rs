//! Tools of other makers, run through a command of theirs in the same harness.
//!
//! The command gets files: `{train}` and `{test}` are CSV with a header, `{train.npy}` and `{test.npy}` the same as
//! NumPy arrays of float64; it writes one score per row of test, a number a line, to `{out}`. Labels are in none of
//! them; under protocols that give labels, `{train_labels}` has 1 (anomalous), 0 (normal) or -1 (unknown) for each row of
//! train, a number a line, and commands without it get no row that is known to be anomalous. Where nothing is learned apart, train and test hold the same rows.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anomalyst::core::{ColumnData, Error, Label, Result, Run, Table};

use crate::job::{Contender, Plan};
use crate::memory;
use crate::protocol::Split;

/// How often a running command is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Where a command gets the labels of the rows it learns from.
const LABELS: &str = "{train_labels}";
/// The longest excerpt of a command's own error message.
const MOST_SAID: usize = 400;

/// Reads `name=command words`; blanks separate words, quotes keep blanks.
pub fn parse(text: &str) -> Result<Contender> {
    let refuse =
        |want: &str| Error::BadParameter { name: "external".into(), got: text.into(), want: want.into() };
    let (name, command) = text
        .split_once('=')
        .filter(|(name, command)| !name.trim().is_empty() && !command.trim().is_empty())
        .ok_or_else(|| refuse("name=command, such as 'knn=python3 knn.py {train} {test} {out}'"))?;
    let template = words(command).ok_or_else(|| refuse("a command whose quotes are closed"))?;
    if !template.iter().any(|word| word.contains("{out}")) {
        return Err(refuse("a command with {out} in it, the file it writes its scores to"));
    }
    Ok(Contender::External { name: name.trim().into(), template })
}

/// Splits at blanks outside of quotes; `None` where a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Scores, wall seconds, and the most memory seen.
pub(crate) struct Answer {
    pub(crate) scores: Vec<f64>,
    pub(crate) secs: f64,
    pub(crate) peak_bytes: Option<u64>,
}

/// Runs the command on the two sides of `split`.
pub(crate) fn run(template: &[String], split: &Split, plan: &Plan, run: &Run) -> Result<Answer> {
    let folder = tempfile::tempdir().map_err(|error| Error::io("temporary folder", error))?;
    let mut filled = template.to_vec();
    let learns = filled.iter().any(|word| word.contains(LABELS));
    let train = split.train_for(learns);
    if learns {
        let labels = train.labels.as_ref().ok_or_else(|| {
            Error::Data(format!(
                "protocol `{}` has no {LABELS}; use labelled or time",
                plan.protocol.as_str()
            ))
        })?;
        let path = folder.path().join("train_labels.txt");
        let number = |label: &Label| match label {
            Label::Anomalous => "1\n",
            Label::Normal => "0\n",
            Label::Unknown => "-1\n",
        };
        let text: String = labels.iter().map(number).collect();
        std::fs::write(&path, text).map_err(|error| Error::io(&path, error))?;
        filled.iter_mut().for_each(|word| *word = word.replace(LABELS, &path.display().to_string()));
    }
    for (what, table) in [("train", &train), ("test", &split.test)] {
        for (suffix, write) in [("", csv as fn(&Path, &Table) -> Result<()>), (".npy", npy)] {
            let mark = format!("{{{what}{suffix}}}");
            if filled.iter().any(|word| word.contains(&mark)) {
                let file = if suffix.is_empty() { format!("{what}.csv") } else { format!("{what}{suffix}") };
                let path = folder.path().join(file);
                write(&path, table)?;
                filled.iter_mut().for_each(|word| *word = word.replace(&mark, &path.display().to_string()));
            }
        }
    }
    let out = folder.path().join("scores.txt");
    filled.iter_mut().for_each(|word| *word = word.replace("{out}", &out.display().to_string()));
    let begin = Instant::now();
    let peak_bytes = watch(&filled, plan, run)?;
    let secs = begin.elapsed().as_secs_f64();
    let scores = read_scores(&out, split.labels.len())?;
    Ok(Answer { scores, secs, peak_bytes })
}

/// Starts the command and waits for its end within the limits.
fn watch(words: &[String], plan: &Plan, run: &Run) -> Result<Option<u64>> {
    let errors = tempfile::tempfile().map_err(|error| Error::io("temporary file", error))?;
    let to_child = errors.try_clone().map_err(|error| Error::io("temporary file", error))?;
    let begin = Instant::now();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(to_child))
        .spawn()
        .map_err(|error| Error::Data(format!("`{}` cannot be started: {error}", words[0])))?;
    let mut peak = None;
    loop {
        peak = memory::peak_of(child.id()).or(peak);
        let ended = child.try_wait().map_err(|error| Error::Data(format!("`{}`: {error}", words[0])))?;
        if let Some(status) = ended {
            return if status.success() { Ok(peak) } else { Err(failure(&words[0], status, errors)) };
        }
        let over = if begin.elapsed() > plan.time_limit {
            Some(too_slow(plan.time_limit))
        } else if plan.memory_limit_bytes.is_some_and(|limit| peak.is_some_and(|peak| peak > limit)) {
            Some(Error::Data("ended: it held more than the memory limit".into()))
        } else {
            run.check().err()
        };
        if let Some(over) = over {
            let _ = child.kill();
            let _ = child.wait();
            return Err(over);
        }
        std::thread::sleep(LOOK);
    }
}

/// What a run that was ended for its time says.
pub(crate) fn too_slow(limit: Duration) -> Error {
    Error::Data(format!("ended: it took longer than the time limit of {} s", limit.as_secs_f64()))
}

/// With the end of what the command said, where its own error message usually stands.
fn failure(program: &str, status: std::process::ExitStatus, mut errors: std::fs::File) -> Error {
    use std::io::{Read, Seek, SeekFrom};
    let mut said = Vec::new();
    let from_end = errors.seek(SeekFrom::End(0)).unwrap_or(0).min(MOST_SAID as u64);
    let _ = errors.seek(SeekFrom::End(-(from_end as i64))).and_then(|_| errors.read_to_end(&mut said));
    let said = String::from_utf8_lossy(&said);
    Error::Data(format!("`{program}` ended with {status}: {}", said.trim()))
}

fn read_scores(path: &Path, want: usize) -> Result<Vec<f64>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Data(format!("the command left no readable scores: {error}")))?;
    let mut scores = Vec::with_capacity(want);
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let score: f64 = line.trim().parse().map_err(|_| {
            Error::Data(format!("line {} of the command's scores is `{}`, not a number", i + 1, line.trim()))
        })?;
        scores.push(score);
    }
    if scores.len() != want {
        return Err(Error::Data(format!("the command wrote {} scores for {want} rows", scores.len())));
    }
    Ok(scores)
}

fn csv(path: &Path, table: &Table) -> Result<()> {
    let columns: Vec<_> = used(table).collect();
    let write = || -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        let names: Vec<String> =
            columns.iter().map(|column| format!("\"{}\"", column.name.replace('"', "\"\""))).collect();
        writeln!(out, "{}", names.join(","))?;
        for row in 0..table.n_rows {
            for (i, column) in columns.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                match &column.data {
                    ColumnData::Numbers(cells) if cells[row].is_nan() => write!(out, "{comma}")?,
                    ColumnData::Numbers(cells) => write!(out, "{comma}{}", cells[row])?,
                    other => write!(out, "{comma}\"{}\"", other.text(row).replace('"', "\"\""))?,
                }
            }
            writeln!(out)?;
        }
        out.flush()
    };
    write().map_err(|error| Error::io(path, error))
}

/// Format 1.0 of NumPy's arrays, in C order; codes of categories as numbers.
fn npy(path: &Path, table: &Table) -> Result<()> {
    let columns: Vec<_> = used(table).collect();
    let mut header = format!(
        "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}",
        table.n_rows,
        columns.len()
    );
    // Magic, version and length take ten bytes; the data begins at a multiple of 64.
    header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
    header.push('\n');
    let write = || -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&(header.len() as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for row in 0..table.n_rows {
            for column in &columns {
                let value = match &column.data {
                    _ if column.data.is_missing(row) => f64::NAN,
                    ColumnData::Numbers(cells) => cells[row],
                    ColumnData::Codes { codes, .. } => f64::from(codes[row]),
                    ColumnData::Times(cells) => cells[row] as f64,
                    ColumnData::Omitted => f64::NAN,
                };
                out.write_all(&value.to_le_bytes())?;
            }
        }
        out.flush()
    };
    write().map_err(|error| Error::io(path, error))
}

fn used(table: &Table) -> impl Iterator<Item = &anomalyst::core::Column> {
    table.columns.iter().filter(|column| !matches!(column.data, ColumnData::Omitted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;
    use ndarray::array;

    fn plan(time_limit: Duration) -> Plan {
        Plan {
            protocol: Protocol::Scan,
            known: None,
            cap: 10,
            seed: 0,
            metrics: vec![],
            n_threads: 1,
            time_limit,
            memory_limit_bytes: None,
        }
    }

    fn split() -> Split {
        let test = Table::from_matrix(&array![[1.0, 2.0], [3.0, 4.5], [f64::NAN, 6.0]]);
        Split { train: None, test, labels: vec![false, true, false], periods: Vec::new() }
    }

    fn answer(command: &str, limit: f64) -> std::result::Result<Answer, String> {
        let Contender::External { template, .. } = parse(command).unwrap() else { panic!("not external") };
        let plan = plan(Duration::from_secs_f64(limit));
        run(&template, &split(), &plan, &Run::new(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn words_keep_what_is_quoted() {
        assert_eq!(words("a 'b c'  d\"e f\" ''").unwrap(), ["a", "b c", "de f", ""]);
        assert!(words("a 'b").is_none());
        assert!(parse("knn").is_err() && parse("=x {out}").is_err() && parse("knn=python x.py").is_err());
    }

    #[test]
    fn a_command_reads_rows_and_writes_scores() {
        let ok = answer("tail=sh -c 'tail -n +2 $0 | cut -d, -f2 > $1' {test} {out}", 10.0).unwrap();
        assert_eq!(ok.scores, [2.0, 4.5, 6.0]);
        let same = answer(
            "npy=sh -c 'tail -c 48 {train.npy} | od -An -v -w16 -tf8 | tr -s \" \" | cut -d\" \" -f3 > $0' {out}",
            10.0,
        );
        assert_eq!(same.unwrap().scores, [2.0, 4.5, 6.0]);
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let error = |command: &str| answer(command, 0.3).err().unwrap();
        assert!(error("x=sh -c 'echo broken >&2; exit 4' {out}").contains("broken"));
        assert!(error("x=no_such_program_here {out}").contains("cannot be started"));
        assert!(error("x=sh -c 'echo 1 > $0' {out}").contains("1 scores for 3 rows"));
        assert!(error("x=sh -c 'echo one > $0' {out}").contains("`one`, not a number"));
        assert!(error("x=true {out}").contains("no readable scores"));
        assert!(
            error("x=sleep 20 {out}").contains("sleep")
                || error("x=sh -c 'sleep 20' {out}").contains("time limit")
        );
    }
}
