//! Runs methods on sets, each set in a process of its own, several at once, and keeps what is done.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anomalyst::core::{Error, Result, Run};

use crate::job::{Contender, Job, Plan, Said};
use crate::suite::SetRef;
use crate::worker::blank;
use crate::{Row, RowFile, external, measured, memory};

/// How often the limits of a running worker are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What a worker may take beyond the time limit of an external tool, to end it and say so.
const GRACE: Duration = Duration::from_secs(10);
/// Methods that every table of results has beside the others: a method that does not beat them finds nothing.
pub const CONTROLS: [&str; 2] = ["random", "column_z_score"];

/// A benchmark: what runs on what, and how.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The sets; where one cannot even be found, why.
    pub sets: Vec<(SetRef, Option<String>)>,
    /// Who runs.
    pub contenders: Vec<Contender>,
    /// How.
    pub plan: Plan,
    /// Worker processes at once.
    pub n_jobs: usize,
    /// Whether runs recorded as failed are tried again.
    pub retry_failed: bool,
    /// The command that starts a worker: it reads a job on standard input.
    pub worker: Vec<std::ffi::OsString>,
}

/// Everything a benchmark knows at its end.
#[derive(Debug)]
pub struct Finished {
    /// One row for each set and method, in the order of sets, then methods.
    pub rows: Vec<Row>,
    /// How many were run now; the others had been done before.
    pub n_new: usize,
}

impl Finished {
    /// Rows without numbers.
    pub fn failed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.error.is_some())
    }
}

/// Adds the controls that are not named; the field's tables lack them.
pub fn with_controls(mut contenders: Vec<Contender>) -> Vec<Contender> {
    for control in CONTROLS {
        if !contenders.iter().any(|contender| contender.name() == control) {
            contenders.push(Contender::Own(control.to_owned()));
        }
    }
    contenders
}

impl Benchmark {
    /// Runs what `file` does not have yet and adds it there.
    ///
    /// A run that fails, takes too long or holds too much is a row with its message; only what concerns all runs (the
    /// file, an interruption) is an error.
    pub fn run(&self, mut file: Option<(RowFile, Vec<Row>)>, run: &Run) -> Result<Finished> {
        self.check()?;
        let known = file.as_mut().map(|(_, rows)| std::mem::take(rows)).unwrap_or_default();
        let wanted: Vec<Row> = self
            .sets
            .iter()
            .flat_map(|(set, _)| self.contenders.iter().map(|c| blank(set, c, &self.plan)))
            .collect();
        // The last row counts: a run tried again is written below its first try.
        let mut done: Vec<Option<Row>> = wanted
            .iter()
            .map(|row| {
                known.iter().rfind(|k| k.is_same_work(row)).filter(|k| !self.is_to_do_again(k)).cloned()
            })
            .collect();
        let n_before = done.iter().flatten().count();
        let stage = run.stage("benchmark", (wanted.len() - n_before) as u64);
        let width = self.contenders.len();
        let tasks = (0..self.sets.len()).filter(|s| done[s * width..][..width].iter().any(Option::is_none));
        let missing = |set: usize| -> Vec<usize> {
            (0..width).filter(|method| done[set * width + method].is_none()).collect()
        };
        let mut tasks: Vec<(usize, Vec<usize>)> = tasks.map(|set| (set, missing(set))).collect();
        // The largest first, so that no worker is left alone with a large one at the end.
        tasks.sort_by_cached_key(|(set, _)| std::cmp::Reverse(self.sets[*set].0.n_bytes()));
        let tasks = Mutex::new(VecDeque::from(tasks));
        let (send, receive) = channel::<Row>();
        let outcome = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.n_jobs.max(1))
                .map(|_| {
                    let (send, tasks) = (send.clone(), &tasks);
                    scope.spawn(move || -> Result<()> {
                        while let Some((set, methods)) = next(tasks) {
                            self.run_set(set, &methods, run, &mut |row| send.send(row).is_ok())?;
                        }
                        Ok(())
                    })
                })
                .collect();
            drop(send);
            for row in receive {
                stage.advance(1);
                if let Some((file, _)) = &mut file {
                    file.push(&row)?;
                }
                if let Some(at) = wanted.iter().position(|w| w.is_same_work(&row)) {
                    done[at] = Some(row);
                }
            }
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::Data("a thread of the benchmark panicked".into())),
            })
        });
        outcome?;
        let rows: Vec<Row> = done.into_iter().flatten().collect();
        Ok(Finished { n_new: rows.len() - n_before, rows })
    }

    fn is_to_do_again(&self, row: &Row) -> bool {
        self.retry_failed && row.error.is_some()
    }

    /// What would be wrong with every run.
    fn check(&self) -> Result<()> {
        let Some((first, _)) = self.sets.first() else {
            return Err(Error::Data("there is no set to run on".into()));
        };
        measured::check_names(first.kind, &self.plan.metrics)?;
        let mut names: Vec<&str> = self.sets.iter().map(|(set, _)| set.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Data(format!(
                "two sets are called `{}`, so their results could not be told apart; run them apart or name the \
                 folder above both",
                pair[0]
            )));
        }
        Ok(())
    }

    /// A worker ends external tools itself, in good time.
    fn time_limit(&self, contender: &Contender) -> Duration {
        match contender {
            Contender::Own(_) => self.plan.time_limit,
            Contender::External { .. } => self.plan.time_limit + GRACE,
        }
    }

    /// Runs `methods` on a set, in as many worker processes as it takes; stops early when `keep` refuses a row.
    fn run_set(
        &self,
        set: usize,
        methods: &[usize],
        run: &Run,
        keep: &mut dyn FnMut(Row) -> bool,
    ) -> Result<()> {
        let (set, missing) = &self.sets[set];
        let mut left: VecDeque<&Contender> = methods.iter().map(|&method| &self.contenders[method]).collect();
        if let Some(reason) = missing {
            for contender in left {
                if !keep(Row { error: Some(reason.clone()), ..blank(set, contender, &self.plan) }) {
                    break;
                }
            }
            return Ok(());
        }
        while !left.is_empty() {
            let job = Job {
                set: set.clone(),
                methods: left.iter().copied().cloned().collect(),
                plan: self.plan.clone(),
            };
            let mut worker = Worker::start(&self.worker, &job)?;
            while !left.is_empty() {
                let limit = self.time_limit(left[0]);
                match worker.next_row(limit, &self.plan, run)? {
                    Ok(row) => {
                        left.pop_front();
                        if !keep(row) {
                            return Ok(());
                        }
                    }
                    Err(reason) => {
                        if let Some(contender) = left.pop_front()
                            && !keep(Row { error: Some(reason), ..blank(set, contender, &self.plan) })
                        {
                            return Ok(());
                        }
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

fn next<T>(tasks: &Mutex<VecDeque<T>>) -> Option<T> {
    tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front()
}

/// A process that works on one set.
struct Worker {
    child: Child,
    said: Receiver<Said>,
}

impl Worker {
    fn start(command: &[std::ffi::OsString], job: &Job) -> Result<Self> {
        let [program, args @ ..] = command else { return Err(Error::Data("no command for workers".into())) };
        let start = |error| Error::io(program, error);
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(start)?;
        let job = serde_json::to_vec(job).map_err(|error| Error::Data(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A worker that has died already is noticed where its answer is missing.
            let _ = stdin.write_all(&job);
        }
        let (send, said) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
                for said in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                    if send.send(said).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, said })
    }

    /// The next row, or why there is none and the worker is gone.
    fn next_row(
        &mut self,
        limit: Duration,
        plan: &Plan,
        run: &Run,
    ) -> Result<std::result::Result<Row, String>> {
        let mut begin = Instant::now();
        loop {
            match self.said.recv_timeout(LOOK) {
                Ok(Said::Begins(_)) => begin = Instant::now(),
                Ok(Said::Done(row)) => return Ok(Ok(*row)),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map(|status| status.to_string()).unwrap_or_default();
                    return Ok(Err(format!(
                        "its process ended without an answer ({status}); it may have run out of memory"
                    )));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            run.check()?;
            if begin.elapsed() > limit {
                return Ok(Err(external::too_slow(plan.time_limit).to_string()));
            }
            if let Some(limit) = plan.memory_limit_bytes
                && memory::resident_of(self.child.id()).is_some_and(|bytes| bytes > limit)
            {
                return Ok(Err(format!("ended: it held more than the memory limit of {limit} bytes")));
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
