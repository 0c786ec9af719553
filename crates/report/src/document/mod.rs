//! Pages of text, tables and charts that come from no outcome: leaderboards, judgements of scores. One description is
//! rendered for the terminal (without charts) and as one HTML file.

mod card;
mod chart;
mod heat;
mod page;
mod terminal;
mod ticks;
mod timeline;

use anomalyst_core::{HeatPicture, PictureAxis};

pub use page::{document_html, write_document};
pub use terminal::document_text;

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// What it is about.
    pub title: String,
    /// The first thing to know, in a sentence or two.
    pub lead: String,
    /// Its parts, in order.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// Something that stands in a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Rows and columns.
    Grid(Grid),
    /// Lines or points over two axes.
    Chart(Chart),
    /// Mean ranks on one line, with bars over those that are not told apart.
    Ranks(Ranks),
    /// Rows and columns in which each row leads to a card.
    Listing(Listing),
    /// One thing that was found, with what is to be said about it.
    Card(Card),
    /// Channels of a series over time, one below the other.
    Strip(Strip),
    /// All channels of a series at once, by colours.
    Heat(HeatMap),
}

/// Rows and columns of text.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// What each column is called, and whether it holds numbers.
    pub columns: Vec<(String, bool)>,
    /// One text per column in each row.
    pub rows: Vec<Vec<String>>,
}

/// Lines or points over two axes.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Across and up.
    pub axes: [Axis; 2],
    /// What is drawn, each under its name.
    pub series: Vec<(String, Vec<[f64; 2]>)>,
    /// Whether points are joined; where not, each series' name stands at its first point.
    pub joined: bool,
}

/// An axis.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// First and last value; found from the points where absent.
    pub range: Option<[f64; 2]>,
    /// Whether equal steps are equal factors.
    pub logarithmic: bool,
}

/// Rows and columns in which each row leads to a card; on a narrow page rows stand below each other.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The rows.
    pub grid: Grid,
    /// For each row the anchor of its card; empty where it has none.
    pub targets: Vec<String>,
}

/// One thing that was found.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// What links to it name.
    pub anchor: String,
    /// Its place among all and what it is.
    pub title: String,
    /// How grave it is: a word that the page has a colour for.
    pub grade: String,
    /// When, and how sure.
    pub note: String,
    /// One sentence.
    pub sentence: String,
    /// Pictures and tables.
    pub blocks: Vec<Block>,
    /// Further things to know, each under its name; each a list of texts with the anchors they lead to, where they do.
    pub facts: Vec<(String, Vec<(String, String)>)>,
}

/// Channels of a series over time, one below the other, with stretches marked in all of them.
#[derive(Clone, Debug, Default)]
pub struct Strip {
    /// What it shows.
    pub title: String,
    /// From left to right.
    pub axis: PictureAxis,
    /// What is shown, from top to bottom.
    pub lanes: Vec<Lane>,
    /// Height of a lane in pixels.
    pub lane_height: usize,
    /// What is marked.
    pub marked: Vec<Mark>,
    /// A point that is marked in each lane, counted from 0 at the left.
    pub peak: Option<usize>,
}

/// One channel of a strip.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// The lowest and highest value of each bucket.
    pub values: Vec<[f64; 2]>,
    /// Low, middle and high of what was expected in each bucket; empty where nothing is to be shown.
    pub expected: Vec<[f64; 3]>,
}

/// A stretch that is marked.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// Its first point, counted from 0 at the left.
    pub first: usize,
    /// Its last point.
    pub last: usize,
    /// What stands above it; may be empty.
    pub label: String,
    /// The anchor that the label leads to; may be empty.
    pub target: String,
    /// Whether it only lies there, and is not what is shown.
    pub is_other: bool,
}

/// All channels of a series at once.
#[derive(Clone, Debug, Default)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// Its cells.
    pub picture: HeatPicture,
    /// What is marked above.
    pub marked: Vec<Mark>,
}

/// Mean ranks of methods: the best is at the left.
#[derive(Clone, Debug, Default)]
pub struct Ranks {
    /// What was ranked.
    pub title: String,
    /// Each method with its mean rank, the best first.
    pub methods: Vec<(String, f64)>,
    /// Positions of the first and the last method of each group that is not told apart.
    pub groups: Vec<[usize; 2]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terminal;

    fn document() -> Document {
        let chart = Chart {
            title: "Speed & quality".into(),
            axes: [
                Axis { label: "seconds".into(), range: None, logarithmic: true },
                Axis { label: "AUROC".into(), range: Some([0.0, 1.0]), logarithmic: false },
            ],
            series: vec![
                ("<b>x</b>".into(), vec![[0.01, 0.5], [10.0, 0.9]]),
                ("y".into(), vec![[0.0, f64::NAN]]),
            ],
            joined: false,
        };
        let ranks = Ranks {
            title: "Mean ranks".into(),
            methods: vec![("a".into(), 1.2), ("b".into(), 1.8), ("c".into(), 3.0)],
            groups: vec![[0, 1]],
        };
        let grid = Grid {
            columns: vec![("method".into(), false), ("AUROC".into(), true)],
            rows: vec![
                vec!["<script>alert(1)</script>".into(), "0.9".into()],
                vec!["random".into(), "0.5".into()],
            ],
        };
        let card = Card {
            anchor: "c\"1".into(),
            title: "<i>spike".into(),
            grade: "high".into(),
            facts: vec![("like".into(), vec![("<u>".into(), "c1".into())])],
            blocks: vec![Block::Text("inside".into())],
            ..Card::default()
        };
        let blocks = vec![
            Block::Text("Of 3 sets.".into()),
            Block::Listing(Listing { grid: grid.clone(), targets: vec!["c\"1".into()] }),
            Block::Card(card),
            Block::Grid(grid),
            Block::Chart(chart),
            Block::Ranks(ranks),
        ];
        Document {
            title: "Leaderboard".into(),
            lead: "a is best.".into(),
            sections: vec![Section { title: "All".into(), blocks }],
        }
    }

    #[test]
    fn a_terminal_gets_text_and_tables() {
        let text = document_text(&document(), &Terminal { width: 60, ..Terminal::default() });
        assert!(text.contains("a is best.") && text.contains("random") && text.contains("AUROC"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn a_narrow_terminal_gets_a_list() {
        let text = document_text(&document(), &Terminal { width: 12, ..Terminal::default() });
        assert!(text.contains("random") && text.lines().all(|line| line.chars().count() <= 12), "{text}");
    }

    #[test]
    fn what_the_data_says_cannot_act_in_a_page() {
        let html = document_html(&document());
        assert!(
            !html.contains("<script>") && !html.contains("<b>x") && html.contains("&lt;b&gt;x"),
            "{html}"
        );
        assert!(!html.contains("<i>") && !html.contains("<u>") && !html.contains("c\"1"), "{html}");
        assert!(html.contains("id=\"c&quot;1\"") && html.contains("href=\"#c&quot;1\""), "{html}");
        assert!(html.contains("Speed &amp; quality") && html.contains("default-src 'none'"));
        assert!(!html.contains("NaN"), "a point that is no number is left out");
    }
}
