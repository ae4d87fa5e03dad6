//! The queue of a recursion: rows as flat values, first in first out, or by an order.

use super::sort_key::KeyColumn;
use crate::ir::SortKey;
use crate::value::Value;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Which row leaves next: places of its columns, and how they order. Without any, the one that came first.
#[derive(Debug)]
pub(super) struct Order(Vec<(usize, KeyColumn)>);

impl Order {
    pub(super) fn of(keys: &[(usize, SortKey)]) -> Order {
        Order(keys.iter().map(|(place, key)| (*place, KeyColumn::of(key))).collect())
    }
}

/// A row under its key; of equal keys the first comes first.
type Keyed = Reverse<(Box<[u8]>, u64, Unordered)>;

/// Values that take no part in an order: what stands before them is never equal.
#[derive(Debug)]
struct Unordered(Vec<Value>);

impl PartialEq for Unordered {
    fn eq(&self, _: &Unordered) -> bool {
        true
    }
}

impl Eq for Unordered {}

impl PartialOrd for Unordered {
    fn partial_cmp(&self, other: &Unordered) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Unordered {
    fn cmp(&self, _: &Unordered) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// The rows.
#[derive(Debug)]
pub(super) struct Rows {
    width: usize,
    order: Order,
    /// Without an order: the first row, where it entered an empty queue. Many recursions never have a second one.
    front: Vec<Value>,
    has_front: bool,
    /// The values of the rows behind it, one row after the other.
    line: VecDeque<Value>,
    heap: BinaryHeap<Keyed>,
    entered: u64,
    key: Vec<u8>,
}

impl Rows {
    pub(super) fn new(width: usize, order: Order) -> Rows {
        Rows {
            width,
            order,
            front: Vec::new(),
            has_front: false,
            line: VecDeque::new(),
            heap: BinaryHeap::new(),
            entered: 0,
            key: Vec::new(),
        }
    }

    /// Values a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// True if an ORDER BY decides.
    pub(super) fn is_ordered(&self) -> bool {
        !self.order.0.is_empty()
    }

    /// No row.
    pub(super) fn clear(&mut self) {
        self.has_front = false;
        self.line.clear();
        self.heap.clear();
        self.entered = 0;
    }

    /// Adds a row, whose values are taken out of `row`.
    pub(super) fn push(&mut self, row: &mut Vec<Value>) {
        if self.order.0.is_empty() {
            if !self.has_front && self.line.is_empty() {
                std::mem::swap(row, &mut self.front);
                self.has_front = true;
                return;
            }
            row.drain(..).for_each(|value| self.line.push_back(value));
            return;
        }
        self.key.clear();
        for (place, column) in &self.order.0 {
            column.push_bytes(row.get(*place).map(Value::as_ref).unwrap_or_default(), &mut self.key);
        }
        let values = Unordered(std::mem::take(row));
        self.heap.push(Reverse((self.key.as_slice().into(), self.entered, values)));
        self.entered += 1;
    }

    /// Takes the next row into `row`; false if there is none.
    pub(super) fn pop(&mut self, row: &mut Vec<Value>) -> bool {
        if self.has_front {
            std::mem::swap(row, &mut self.front);
            self.has_front = false;
            return true;
        }
        row.clear();
        if self.order.0.is_empty() {
            if self.line.len() < self.width || self.line.is_empty() {
                return false;
            }
            row.extend((0..self.width).filter_map(|_| self.line.pop_front()));
            return true;
        }
        match self.heap.pop() {
            Some(Reverse((_, _, values))) => {
                *row = values.0;
                true
            }
            None => false,
        }
    }
}
