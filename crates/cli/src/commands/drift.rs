//! `anomalyst drift`.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Error};
use anomalyst::drift::{OrderOptions, OrderTest, check_order};
use anomalyst::report::{self, Items};

use crate::args::DriftArgs;
use crate::console;

pub(crate) fn run(args: &DriftArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    // A second DATA will be what the first is compared with; until then it must not be read as more of the same.
    if let [_, second, ..] = args.read.data.as_slice() {
        return Err(Error::BadParameter {
            name: "DATA".into(),
            got: format!("followed by `{second}`"),
            want: "one file, folder or quoted pattern, whose rows are tested for their order".into(),
        }
        .into());
    }
    let options = OrderOptions {
        test: OrderTest {
            n_neighbors: args.neighbors as usize,
            n_permutations: args.permutations as usize,
            ..OrderTest::default()
        },
        alpha: args.alpha,
        strict: args.run.strict,
    };
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    let style = console::style(args.run.color, args.show);
    if !args.json {
        console::print(&report::heading(&input.source, &style))?;
    }
    let outcome = check_order(input, &options, &run)?;
    if let Some(path) = &args.out {
        let items = outcome.ids.as_deref().map_or(Items::NumberedFrom(1), Items::Ids);
        report::write_scores(path, items, &outcome.order.scores)?;
    }
    if args.json {
        console::print(&serde_json::to_string_pretty(&outcome)?)?;
    } else {
        console::print(&report::document_text(&outcome.document("Order of the rows", args.show), &style))?;
    }
    Ok(ExitCode::SUCCESS)
}
