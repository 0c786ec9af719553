//! Explanations of self-made subjects, whose right answers are known.

mod degenerate;
mod evidence;
mod faithfulness;
mod stored;
mod subjects;
