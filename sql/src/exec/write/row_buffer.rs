//! One row in flight: its columns and then its row id, in buffers that are reused from row to row.

use crate::error::Result;
use crate::exec::expr::RowSource;
use crate::value::ValueRef;
use crate::value_list::ValueList;

/// A row that owns its values.
pub(super) type RowBuffer = ValueList;

impl RowSource for RowBuffer {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.get(column))
    }
}
