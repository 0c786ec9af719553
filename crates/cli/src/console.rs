//! Progress, colours and widths of the terminal.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

use anomalyst::core::{Cancel, Progress, Run};
use anomalyst::report::Terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{RunArgs, When};

/// The run that these arguments mean.
pub(crate) fn run_of(args: &RunArgs, cancel: Cancel) -> Run {
    let mut run = run(args.seed, args.quiet, cancel);
    if let Some(threads) = args.threads {
        run = run.with_threads(threads);
    }
    if let Some(bytes) = args.max_memory {
        run = run.with_max_memory(bytes);
    }
    if let Some(limit) = args.max_time {
        run = run.with_max_time(limit);
    }
    run
}

/// A run without limits that shows its progress on a terminal.
pub(crate) fn run(seed: u64, quiet: bool, cancel: Cancel) -> Run {
    let run = Run::new(seed).with_cancel(cancel);
    if quiet || !std::io::stderr().is_terminal() {
        return run;
    }
    run.with_progress(Arc::new(Bars::default()))
}

/// How to print on standard output.
pub(crate) fn style(color: When, top: usize) -> Terminal {
    let is_terminal = std::io::stdout().is_terminal();
    let width = match terminal_size::terminal_size() {
        Some((terminal_size::Width(width), _)) if is_terminal => usize::from(width),
        _ => columns_variable().unwrap_or(100),
    };
    #[allow(clippy::disallowed_methods, reason = "the command is where the environment is read")]
    let (no_color, lang) = (
        std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var("TERM").is_ok_and(|t| t == "dumb"),
        ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty())),
    );
    let unicode = lang.is_none_or(|lang| lang.to_ascii_lowercase().contains("utf"));
    let color = match color {
        When::Always => true,
        When::Never => false,
        When::Auto => is_terminal && !no_color,
    };
    Terminal { width, color, unicode, top }
}

fn columns_variable() -> Option<usize> {
    #[allow(clippy::disallowed_methods, reason = "the command is where the environment is read")]
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|width| *width >= 20)
}

/// Prints to standard output; a closed pipe comes back as an error.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// One bar or spinner at a time on standard error.
#[derive(Default)]
struct Bars {
    current: Mutex<Vec<ProgressBar>>,
}

impl Progress for Bars {
    fn begin(&self, name: &str, total: u64) {
        let (bar, template) = if total == 0 {
            (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
        } else {
            (ProgressBar::new(total), "{bar:30} {percent:>3} %  {msg}  {eta} left")
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        if let Ok(mut bars) = self.current.lock() {
            bars.push(bar);
        }
    }

    fn advance(&self, steps: u64) {
        if let Ok(bars) = self.current.lock()
            && let Some(bar) = bars.last()
        {
            bar.inc(steps);
        }
    }

    fn end(&self) {
        if let Ok(mut bars) = self.current.lock()
            && let Some(bar) = bars.pop()
        {
            bar.finish_and_clear();
        }
    }
}
