//! `anomalyst bench`, and the process it starts for each set.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Error, Run};
use anomalyst::recipe::Modality;
use anomalyst::registry;
use anomalyst::report;
use anomalyst_bench::suite::{Kind, load_suite};
use anomalyst_bench::{
    Benchmark, Board, Contender, Plan, Protocol, RowFile, Sets, boards, leaderboard, parse_external,
    run_worker, with_controls,
};

use crate::args::BenchArgs;
use crate::console;

/// Rows of a table that take part where nothing is said.
const CAP: usize = 10_000;
/// Skipped files that are named.
const SHOWN_SKIPPED: usize = 3;

pub(crate) fn run(args: &BenchArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run(args.seed.unwrap_or(0), args.quiet, cancel);
    let (benchmark, skipped) = benchmark(args)?;
    for (_, reason) in skipped.iter().take(SHOWN_SKIPPED) {
        eprintln!("skipped {reason}");
    }
    if skipped.len() > SHOWN_SKIPPED {
        eprintln!("skipped {} more files that are no labelled sets", skipped.len() - SHOWN_SKIPPED);
    }
    for contender in &benchmark.contenders {
        // Said at once, and recorded for each set: the other methods are worth running all the same.
        if let Contender::Own(name) = contender
            && let Err(error) = registry::resolve(name, registry::Task::Scan, Modality::Table)
        {
            eprintln!("warning: {error}");
        }
    }
    let file = args.out.as_deref().map(RowFile::open).transpose()?;
    let finished = benchmark.run(file, &run)?;
    let boards = boards(&finished.rows, &args.metrics, &run);
    let mut page = leaderboard(&finished.rows, &boards);
    console::print(&report::document_text(&page, &console::style(args.color, 0)))?;
    if let Some(path) = &args.report {
        page.sections.extend(boards.iter().map(Board::each_set));
        report::write_document(&page, path)?;
    }
    let n_before = finished.rows.len() - finished.n_new;
    if n_before > 0 {
        eprintln!("{n_before} of {} runs had been done before", finished.rows.len());
    }
    match finished.failed().count() {
        0 => Ok(ExitCode::SUCCESS),
        n => Err(Error::Data(format!("{n} of {} runs failed", finished.rows.len())).into()),
    }
}

type Skipped = Vec<(std::path::PathBuf, String)>;

fn benchmark(args: &BenchArgs) -> anyhow::Result<(Benchmark, Skipped)> {
    let suite = match &args.suite {
        Some(path) if path.is_file() => Some(load_suite(path)?),
        _ => None,
    };
    let kind = args.kind.or(suite.as_ref().map(|suite| suite.kind)).unwrap_or(Kind::Table);
    let sets = match (&suite, &args.suite) {
        (Some(suite), _) => Sets::of_suite(suite),
        (None, Some(folder)) => Sets::find(kind, &[folder.display().to_string()])?,
        (None, None) => Sets::find(kind, &args.data)?,
    };
    let of_suite = suite.as_ref();
    let written = of_suite.and_then(|suite| suite.protocol.as_deref()).map(str::parse).transpose()?;
    let usual = if kind == Kind::Series { Protocol::Prefix } else { Protocol::Scan };
    let mut methods = args.methods.clone();
    if methods.is_empty() {
        methods = of_suite.map(|suite| suite.methods.clone()).unwrap_or_default();
    }
    if methods.is_empty() && args.external.is_empty() {
        methods = vec!["auto".into()];
    }
    let mut contenders: Vec<Contender> = methods.into_iter().map(Contender::Own).collect();
    for text in &args.external {
        contenders.push(parse_external(text)?);
    }
    let mut names: Vec<&str> = contenders.iter().map(Contender::name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        anyhow::bail!("two methods are called `{}`; results could not be told apart", pair[0]);
    }
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let n_jobs = args.jobs.map_or(n_cores, usize::from);
    let protocol = args.protocol.or(written).unwrap_or(usual);
    if args.known.is_some() && !protocol.gives_labels() {
        anyhow::bail!(
            "--known is about labels, which protocol {} does not give; use labelled or time",
            protocol.as_str()
        );
    }
    let plan = Plan {
        protocol,
        known: args.known.map(|known| known as usize),
        cap: args.cap.map(|cap| cap as usize).or(of_suite.and_then(|suite| suite.cap)).unwrap_or(CAP),
        seed: args.seed.or(of_suite.and_then(|suite| suite.seed)).unwrap_or(0),
        metrics: args.metrics.clone(),
        n_threads: (n_cores / n_jobs).max(1),
        time_limit: args.time_limit,
        memory_limit_bytes: args.memory_limit,
    };
    let benchmark = Benchmark {
        sets: sets.sets,
        contenders: with_controls(contenders),
        plan,
        n_jobs,
        retry_failed: args.retry_failed,
        worker: vec![std::env::current_exe()?.into(), "bench-worker".into()],
    };
    Ok((benchmark, sets.skipped))
}

/// Answers a job on standard input.
pub(crate) fn work(cancel: Cancel) -> anyhow::Result<ExitCode> {
    run_worker(std::io::stdin().lock(), std::io::stdout().lock(), &Run::new(0).with_cancel(cancel))?;
    Ok(ExitCode::SUCCESS)
}
