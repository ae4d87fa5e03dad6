//! A foreign key between its two tables: which columns it refers to, and how a key is looked up on either side.

use super::schema::{Catalog, ForeignKey, Index, IndexKey, Table};
use std::sync::Arc;

/// A foreign key with both of its tables.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What the child's table says.
    pub key: Arc<ForeignKey>,
    /// The table that refers.
    pub child: Arc<Table>,
    /// The table referred to; `None` where there is none.
    pub parent: Option<Arc<Table>>,
    /// Columns of the parent, in the order of the key's.
    pub parent_columns: Vec<usize>,
    /// How the parent's key is looked up; else why it cannot be.
    pub lookup: Result<KeyLookup, String>,
    /// An index of the child that begins with the key's columns and compares them as the parent does, and for each of
    /// its first columns which of the key's it is.
    pub child_index: Option<(Arc<Index>, Vec<usize>)>,
}

/// How the parent's key is looked up.
#[derive(Clone, Debug)]
pub enum KeyLookup {
    /// By the row id.
    RowId,
    /// By a unique index, and for each of its columns which of the key's it is.
    Index(Arc<Index>, Vec<usize>),
}

impl Reference {
    /// The foreign key `key` of `child`.
    #[must_use]
    pub fn new(catalog: &Catalog, child: &Arc<Table>, key: &Arc<ForeignKey>) -> Reference {
        let mut reference = Reference {
            key: Arc::clone(key),
            child: Arc::clone(child),
            parent: catalog.table(&key.parent).cloned(),
            parent_columns: Vec::new(),
            lookup: Err(format!("no such table: {}", key.parent)),
            child_index: None,
        };
        let Some(parent) = &reference.parent else { return reference };
        let mismatch = format!("foreign key mismatch - {} referencing {}", child.name, parent.name);
        let columns: Option<Vec<usize>> = match key.parent_columns.as_slice() {
            [] => Some(parent.primary_key.clone()),
            named => named.iter().map(|name| parent.column(name)).collect(),
        };
        let columns = columns.filter(|columns| columns.len() == key.columns.len());
        reference.lookup = match columns.as_deref().map(|columns| lookup(parent, columns)) {
            Some(Some(lookup)) => Ok(lookup),
            _ => Err(mismatch),
        };
        reference.parent_columns = columns.unwrap_or_default();
        reference.child_index = child_index(&reference);
        reference
    }

    /// The columns of the child by name.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        let column = |place: &usize| self.child.columns.get(*place).map(|column| column.name.clone());
        self.key.columns.iter().filter_map(column).collect()
    }
}

/// The row id, or a unique index over just these columns that compares them as the columns themselves do.
fn lookup(parent: &Table, columns: &[usize]) -> Option<KeyLookup> {
    if let [only] = columns
        && parent.row_id_column == Some(*only)
    {
        return Some(KeyLookup::RowId);
    }
    parent.indexes.iter().filter(|index| index.unique && index.filter.is_none()).find_map(|index| {
        if index.columns.len() != columns.len() {
            return None;
        }
        let places = index.columns.iter().map(|column| {
            let IndexKey::Column(place) = column.key else { return None };
            let own = parent.columns.get(place)?.collation;
            columns.iter().position(|c| *c == place).filter(|_| own == column.collation)
        });
        places.collect::<Option<Vec<usize>>>().map(|places| KeyLookup::Index(Arc::clone(index), places))
    })
}

fn child_index(reference: &Reference) -> Option<(Arc<Index>, Vec<usize>)> {
    let parent = reference.parent.as_ref()?;
    let width = reference.key.columns.len();
    reference.child.indexes.iter().filter(|index| index.filter.is_none()).find_map(|index| {
        let mut places = Vec::with_capacity(width);
        for column in index.columns.iter().take(width) {
            let IndexKey::Column(place) = column.key else { return None };
            let at = reference.key.columns.iter().position(|c| *c == place)?;
            let above = parent.columns.get(*reference.parent_columns.get(at)?)?;
            let below = reference.child.columns.get(place)?;
            let alike = above.collation == column.collation && above.column_type == below.column_type;
            if !alike || places.contains(&at) {
                return None;
            }
            places.push(at);
        }
        (places.len() == width && width > 0).then(|| (Arc::clone(index), places))
    })
}
