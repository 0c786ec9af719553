//! Runs methods on sets, each set in a process of its own, several at once, and keeps what is done.

use std::cmp::Reverse;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anomalyst::core::{Error, Result, Run};
use serde::Serialize;

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
        let missing = |set: usize| (0..width).filter(|method| done[set * width + method].is_none()).collect();
        let mut shares: Vec<Share> =
            (0..self.sets.len()).map(|set| Share { set, methods: missing(set), is_begun: false }).collect();
        // The largest first: what is left for the end is short.
        shares.sort_by_cached_key(|share| Reverse(self.sets[share.set].0.n_bytes()));
        let todo = Todo(Mutex::new(Left { shares, took: vec![Duration::ZERO; width] }));
        let (send, receive) = channel::<Row>();
        let outcome = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.n_jobs.max(1))
                .map(|_| {
                    let (send, todo) = (send.clone(), &todo);
                    scope.spawn(move || -> Result<()> {
                        while let Some(set) = todo.next_set() {
                            self.run_set(set, todo, run, &mut |row| send.send(row).is_ok())?;
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

    /// Runs what `todo` has for a set, in as many worker processes as it takes; stops early when `keep` refuses a row.
    fn run_set(&self, set: usize, todo: &Todo, run: &Run, keep: &mut dyn FnMut(Row) -> bool) -> Result<()> {
        let (reference, missing) = &self.sets[set];
        let mut worker = None;
        while let Some(method) = todo.next_method(set) {
            let (contender, begin) = (&self.contenders[method], Instant::now());
            let answer = match (missing, worker.take()) {
                (Some(reason), _) => Err(reason.clone()),
                (None, idle) => {
                    let mut busy = match idle {
                        Some(worker) => worker,
                        None => Worker::start(
                            &self.worker,
                            &Job { set: reference.clone(), plan: self.plan.clone() },
                        )?,
                    };
                    let answer = busy.run(contender, self.time_limit(contender), &self.plan, run)?;
                    worker = answer.is_ok().then_some(busy);
                    answer
                }
            };
            todo.took(method, begin.elapsed());
            let row = answer.unwrap_or_else(|reason| Row {
                error: Some(reason),
                ..blank(reference, contender, &self.plan)
            });
            if !keep(row) {
                break;
            }
        }
        Ok(())
    }
}

/// What is still to run, shared by those who run it.
struct Todo(Mutex<Left>);

struct Left {
    shares: Vec<Share>,
    /// How long each method took so far, over all sets.
    took: Vec<Duration>,
}

/// The methods still to run on a set.
struct Share {
    set: usize,
    methods: Vec<usize>,
    is_begun: bool,
}

impl Todo {
    /// A set to work on: the first that nobody has begun, or else the one with most left, to help there.
    fn next_set(&self) -> Option<usize> {
        let mut left = self.lock();
        let open = left.shares.iter_mut().filter(|share| !share.methods.is_empty());
        let share = open.min_by_key(|share| {
            (share.is_begun, if share.is_begun { Reverse(share.methods.len()) } else { Reverse(0) })
        })?;
        share.is_begun = true;
        Some(share.set)
    }

    /// The method of those left on `set` that took longest on others, so that none is left alone with it at the end.
    fn next_method(&self, set: usize) -> Option<usize> {
        let left = &mut *self.lock();
        let methods = &mut left.shares.iter_mut().find(|share| share.set == set)?.methods;
        // Of equals the first in the order of the user.
        let (at, _) = methods.iter().enumerate().min_by_key(|&(_, &method)| Reverse(left.took[method]))?;
        Some(methods.remove(at))
    }

    fn took(&self, method: usize, time: Duration) {
        self.lock().took[method] += time;
    }

    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A process that works on one set.
struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
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
        let orders = child.stdin.take();
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
        let mut worker = Self { child, orders, said };
        worker.tell(job)?;
        Ok(worker)
    }

    /// Writes a line to the worker; one that has died already is noticed where its answer is missing.
    fn tell(&mut self, order: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(order).map_err(|error| Error::Data(error.to_string()))?;
        line.push(b'\n');
        if let Some(orders) = &mut self.orders {
            let _ = orders.write_all(&line);
        }
        Ok(())
    }

    /// The row of a method, or why there is none and the worker is of no more use.
    fn run(
        &mut self,
        contender: &Contender,
        limit: Duration,
        plan: &Plan,
        run: &Run,
    ) -> Result<std::result::Result<Row, String>> {
        self.tell(contender)?;
        let mut begin = Instant::now();
        loop {
            match self.said.recv_timeout(LOOK) {
                Ok(Said::Begins) => begin = Instant::now(),
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
