//! `anomalyst explain`.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Error, Table, nearest_name};
use anomalyst::data::ReadOptions;
use anomalyst::series::AnyTrained;

use crate::args::ExplainArgs;
use crate::{commands, console};

pub(crate) fn run(args: &ExplainArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let (model, table) = match &args.model {
        Some(path) => {
            let AnyTrained::Table(model) = AnyTrained::load(path)? else {
                return Err(
                    Error::Data("a model of series explains events: `score` says why each".into()).into()
                );
            };
            let model = *model;
            let read = ReadOptions { expected: Some(model.schema.clone()), ..args.read.options() };
            let source = anomalyst::data::open(&args.read.data, &read, &run)?;
            (model, anomalyst::read(&source, &run)?.table)
        }
        None => {
            let options = commands::options(&args.method, &args.decide, &args.run);
            let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
            let input = anomalyst::read(&source, &run)?;
            let table = input.table.clone();
            (anomalyst::scan(input, &options, &run)?.1, table)
        }
    };
    let row = find(&table, &args.item)?;
    let finding = anomalyst::explain_item(&model, &table, row, &run)?;
    if args.json {
        console::print(&serde_json::to_string_pretty(&finding)?)?;
    } else {
        console::print(&anomalyst::report::explanation(&finding, &console::style(args.run.color, 1)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// By id where there are ids, else by row number counted from 1.
fn find(table: &Table, item: &str) -> Result<usize, Error> {
    if let Some(ids) = &table.ids
        && let Some(row) = ids.iter().position(|id| id == item)
    {
        return Ok(row);
    }
    match item.parse::<usize>() {
        Ok(number) if table.ids.is_none() && (1..=table.n_rows).contains(&number) => Ok(number - 1),
        Ok(_) if table.ids.is_none() => {
            Err(Error::Data(format!("there is no row {item}; rows are numbered 1 to {}", table.n_rows)))
        }
        _ => Err(Error::Unknown {
            what: "item",
            id: item.into(),
            nearest: nearest_name(item, table.ids.iter().flatten().map(String::as_str)).map(str::to_owned),
        }),
    }
}
