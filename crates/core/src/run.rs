//! What every piece of work is given beside its data: seed, threads, limits, progress, cancellation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::SeedableRng;

use crate::{Error, Result};

/// The random generator of the project; its streams are derived by [`Run::random`].
pub type Random = rand_xoshiro::Xoshiro256PlusPlus;

/// Seed, threads, limits, progress and cancellation of one run.
///
/// Same seed, same threads or not: same result, bit for bit, on one machine.
#[derive(Clone)]
pub struct Run {
    seed: u64,
    n_threads: usize,
    progress: Arc<dyn Progress>,
    cancel: Cancel,
    max_memory_bytes: Option<u64>,
    deadline: Option<Instant>,
    pool: Arc<OnceLock<Option<rayon::ThreadPool>>>,
}

impl Default for Run {
    fn default() -> Self {
        Self::new(0)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("seed", &self.seed)
            .field("n_threads", &self.n_threads)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// A silent run without limits on all cores.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            n_threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: Arc::new(Silent),
            cancel: Cancel::default(),
            max_memory_bytes: None,
            deadline: None,
            pool: Arc::default(),
        }
    }

    /// With this many threads; 0 counts as 1.
    pub fn with_threads(mut self, n_threads: usize) -> Self {
        self.n_threads = n_threads.max(1);
        self.pool = Arc::default();
        self
    }

    /// Reporting to `progress`.
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Stopping when `cancel` is triggered.
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Keeping working memory below `bytes`.
    pub const fn with_max_memory(mut self, bytes: u64) -> Self {
        self.max_memory_bytes = Some(bytes);
        self
    }

    /// Giving up at `start + limit`.
    pub fn with_max_time(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }

    /// The seed all random streams derive from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How many threads may work.
    pub const fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// The flag that stops this run, to be handed to another.
    pub const fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The memory limit, if there is one.
    pub const fn max_memory_bytes(&self) -> Option<u64> {
        self.max_memory_bytes
    }

    /// Time left until the limit, if there is one.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The random stream of that number: tree 7 draws the same numbers whichever thread grows it.
    pub fn random(&self, stream: u64) -> Random {
        // SplitMix64 steps (Steele, Lea, Flood 2014) keep neighbouring seeds and streams apart.
        let mut z = self
            .seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(stream.wrapping_mul(0xd134_2543_de82_ef95));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Random::seed_from_u64(z ^ (z >> 31))
    }

    /// The same run with another seed, for a member of an ensemble.
    pub fn child(&self, number: u64) -> Self {
        let mut child = self.clone();
        child.seed = self.seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        child
    }

    /// `Err` once the user interrupted or the time is up. Cheap; called once per block of work.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_set() {
            return Err(Error::Cancelled);
        }
        match self.deadline {
            Some(at) if Instant::now() >= at => Err(Error::Budget {
                what: "this run".into(),
                need: "more time".into(),
                limit: "the time given".into(),
                hint: "give more with --max-time, or choose a faster method".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Begins a stage of `total` steps that is reported as it goes.
    pub fn stage(&self, name: &str, total: u64) -> Stage {
        self.progress.begin(name, total);
        Stage { progress: Arc::clone(&self.progress) }
    }

    /// Runs `work` on this run's threads; parallel iterators inside use them.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self
            .pool
            .get_or_init(|| rayon::ThreadPoolBuilder::new().num_threads(self.n_threads).build().ok());
        match pool {
            // A worker of this very pool goes on where it is.
            Some(pool) if pool.current_thread_index().is_none() => pool.install(work),
            _ => work(),
        }
    }
}

/// A flag that stops a run soon after it is set.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where progress is shown.
pub trait Progress: Send + Sync {
    /// A stage of `total` steps begins; 0 when unknown.
    fn begin(&self, name: &str, total: u64);
    /// `steps` more are done.
    fn advance(&self, steps: u64);
    /// The stage is over.
    fn end(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}

/// A stage of work in progress; it ends when dropped.
pub struct Stage {
    progress: Arc<dyn Progress>,
}

impl Stage {
    /// `steps` more are done; may be called from any thread.
    pub fn advance(&self, steps: u64) {
        self.progress.advance(steps);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.progress.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_and_repeat() {
        let run = Run::new(7);
        let first = run.random(0).next_u64();
        assert_eq!(first, Run::new(7).random(0).next_u64());
        assert_ne!(first, run.random(1).next_u64());
        assert_ne!(first, run.child(0).random(0).next_u64());
    }

    #[test]
    fn cancellation_and_time_are_noticed() {
        let cancel = Cancel::default();
        let run = Run::new(0).with_cancel(cancel.clone());
        assert!(run.check().is_ok());
        cancel.set();
        assert!(matches!(run.check(), Err(Error::Cancelled)));
        assert!(matches!(Run::new(0).with_max_time(Duration::ZERO).check(), Err(Error::Budget { .. })));
    }

    #[test]
    fn install_uses_the_threads_asked_for() {
        assert_eq!(Run::new(0).with_threads(3).install(rayon::current_num_threads), 3);
    }
}
