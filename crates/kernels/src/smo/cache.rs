//! Rows of kernels that were used lately.

/// Marks a row that is not kept.
const NONE: u32 = u32::MAX;

/// As many rows as the memory holds; the one not used for longest makes room.
pub(super) struct RowCache {
    n_rows: usize,
    bytes: usize,
    slots: Vec<Slot>,
    /// The slot of each row.
    slot_of: Vec<u32>,
    clock: u64,
}

struct Slot {
    owner: u32,
    used: u64,
    kernels: Vec<f32>,
}

impl RowCache {
    /// For rows of `n_rows` kernels; holds at least two.
    pub(super) fn new(n_rows: usize, bytes: usize) -> Self {
        Self { n_rows, bytes, slots: Vec::new(), slot_of: vec![NONE; n_rows], clock: 0 }
    }

    fn capacity(&self) -> usize {
        (self.bytes / (4 * self.n_rows.max(1))).max(2)
    }

    /// Where the kernels of row `i` are; `fill` writes them if they are not kept. The slot asked for before this one
    /// stays valid.
    pub(super) fn slot(&mut self, i: usize, fill: impl FnOnce(&mut [f32])) -> usize {
        self.clock += 1;
        let mut slot = self.slot_of[i];
        if slot == NONE {
            slot = self.free_slot();
            self.slot_of[i] = slot;
            let entry = &mut self.slots[slot as usize];
            entry.owner = i as u32;
            fill(&mut entry.kernels);
        }
        self.slots[slot as usize].used = self.clock;
        slot as usize
    }

    pub(super) fn row(&self, slot: usize) -> &[f32] {
        &self.slots[slot].kernels
    }

    fn free_slot(&mut self) -> u32 {
        if self.slots.len() < self.capacity() {
            self.slots.push(Slot { owner: NONE, used: 0, kernels: vec![0.0; self.n_rows] });
            return self.slots.len() as u32 - 1;
        }
        let oldest = (0..self.slots.len()).min_by_key(|&slot| self.slots[slot].used).unwrap_or(0);
        let owner = self.slots[oldest].owner;
        if owner != NONE {
            self.slot_of[owner as usize] = NONE;
        }
        oldest as u32
    }

    /// Leaves only the rows numbered in `keep`, ascending, of both rows and kernels.
    pub(super) fn keep(&mut self, keep: &[usize]) {
        let mut now = vec![NONE; self.n_rows];
        keep.iter().enumerate().for_each(|(at, &row)| now[row] = at as u32);
        self.n_rows = keep.len();
        self.slot_of = vec![NONE; keep.len()];
        self.slots.retain(|slot| slot.owner != NONE && now[slot.owner as usize] != NONE);
        for (at, slot) in self.slots.iter_mut().enumerate() {
            slot.owner = now[slot.owner as usize];
            slot.kernels = keep.iter().map(|&row| slot.kernels[row]).collect();
            self.slot_of[slot.owner as usize] = at as u32;
        }
    }
}
