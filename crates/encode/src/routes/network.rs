//! Betweenness centrality of a directed network (Brandes 2001).

use std::collections::VecDeque;

use anomalyst_core::{Result, Run};
use rayon::prelude::*;

/// Most places that paths are counted from.
const MOST_SOURCES: usize = 1000;

/// For each of `n` nodes the number of pairs of others whose shortest way passes through it; of several shortest ways
/// its share. Of more than 1000 nodes, ways from evenly spaced ones are counted and scaled up.
pub(super) fn betweenness(n: usize, edges: &[(u32, u32)], run: &Run) -> Result<Vec<f64>> {
    let mut sorted = edges.to_vec();
    sorted.sort_unstable();
    let mut start = vec![0_usize; n + 1];
    sorted.iter().for_each(|&(from, _)| start[from as usize + 1] += 1);
    (0..n).for_each(|i| start[i + 1] += start[i]);
    let next = |node: usize| sorted[start[node]..start[node + 1]].iter().map(|&(_, to)| to as usize);
    let n_sources = n.min(MOST_SOURCES);
    let stage = run.stage("counting shortest ways", n_sources as u64);
    // Blocks of sources are summed in their order, so that threads change nothing.
    let of_block = |block: usize| -> Result<Vec<f64>> {
        let mut total = vec![0.0; n];
        for source in (block * 16..n_sources.min(block * 16 + 16)).map(|i| i * n / n_sources.max(1)) {
            run.check()?;
            add_ways(source, &next, &mut total);
            stage.advance(1);
        }
        Ok(total)
    };
    let blocks: Vec<Vec<f64>> =
        (0..n_sources.div_ceil(16)).into_par_iter().map(of_block).collect::<Result<_>>()?;
    let mut total = vec![0.0; n];
    let scale = n as f64 / n_sources.max(1) as f64;
    blocks.iter().for_each(|block| total.iter_mut().zip(block).for_each(|(sum, v)| *sum += scale * v));
    Ok(total)
}

/// Adds what lies on shortest ways from one source.
fn add_ways<I: Iterator<Item = usize>>(source: usize, next: &impl Fn(usize) -> I, total: &mut [f64]) {
    let n = total.len();
    let (mut distance, mut ways) = (vec![usize::MAX; n], vec![0.0_f64; n]);
    let (mut order, mut queue) = (Vec::new(), VecDeque::from([source]));
    (distance[source], ways[source]) = (0, 1.0);
    while let Some(node) = queue.pop_front() {
        order.push(node);
        for to in next(node) {
            if distance[to] == usize::MAX {
                distance[to] = distance[node] + 1;
                queue.push_back(to);
            }
            if distance[to] == distance[node] + 1 {
                ways[to] += ways[node];
            }
        }
    }
    // From the far end back: what depends on a node is shared among the nodes before it.
    let mut depends = vec![0.0_f64; n];
    for &node in order.iter().rev() {
        for to in next(node) {
            if distance[to] == distance[node] + 1 {
                depends[node] += ways[node] / ways[to] * (1.0 + depends[to]);
            }
        }
        if node != source {
            total[node] += depends[node];
        }
    }
}
