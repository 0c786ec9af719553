//! Explanations of self-made subjects, whose right answers are known.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

mod degenerate;
mod evidence;
mod faithfulness;
mod heat;
mod planted;
mod relations;
mod series;
mod stored;
mod subjects;
