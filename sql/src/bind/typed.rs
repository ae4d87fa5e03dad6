//! A bound expression with what the binder knows of it beside its value: kinds, affinity, collation, and the column
//! it is. Pure data and SQLite's rules for combining it (datatype3, chapters 3, 4.2 and 7.1).

use crate::ir::{ColumnId, Comparison, Expr};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use crate::value::Value;
use smol_str::SmolStr;
use std::rc::Rc;

/// A bound expression.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// The expression.
    pub expr: Expr,
    /// The kinds of values it can give.
    pub types: TypeSet,
    /// Its affinity.
    pub affinity: Affinity,
    /// Its collation, if it has one.
    pub collation: Option<OwnCollation>,
    /// The column it is, COLLATE aside.
    pub column: Option<Rc<ColumnInfo>>,
}

/// A collation and where it comes from: an explicit one (COLLATE) wins over a column's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnCollation {
    pub collation: Collation,
    pub explicit: bool,
}

/// What stays the same of a column wherever it is handed to.
#[derive(Debug)]
pub(super) struct ColumnInfo {
    /// Its name as declared.
    pub name: SmolStr,
    /// What it holds, if it is a table's column.
    pub column_type: Option<ColumnType>,
    /// Table and column, if it is a table's column.
    pub origin: Option<(SmolStr, SmolStr)>,
}

impl ColumnInfo {
    /// Table and column, as results tell them.
    pub(super) fn origin_names(&self) -> Option<(String, String)> {
        self.origin.as_ref().map(|(table, column)| (table.to_string(), column.to_string()))
    }
}

impl Typed {
    /// An expression without affinity, collation and column.
    pub(super) fn plain(expr: Expr, types: TypeSet) -> Typed {
        Typed { expr, types, affinity: Affinity::None, collation: None, column: None }
    }

    /// A constant.
    pub(super) fn constant(value: Value) -> Typed {
        let types = kind(&value);
        Typed::plain(Expr::Constant(value), types)
    }

    /// True if its text says nothing of the kinds it gives: a function, a parameter, or a column without affinity.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.affinity, Affinity::None | Affinity::Blob)
            && matches!(self.expr, Expr::Column(..) | Expr::Function { .. } | Expr::Parameter(_))
    }

    /// True if it can be NULL.
    pub(super) fn nullable(&self) -> bool {
        self.types.intersects(TypeSet::NULL)
    }

    /// NULL, if it can be NULL.
    pub(super) fn null(&self) -> TypeSet {
        if self.nullable() { TypeSet::NULL } else { TypeSet::EMPTY }
    }

    /// The collation, or BINARY where there is none.
    pub(super) fn collation_or_binary(&self) -> Collation {
        self.collation.map_or(Collation::Binary, |own| own.collation)
    }

    /// The column id, if it is a bare column.
    pub(super) fn column_id(&self) -> Option<ColumnId> {
        match self.expr {
            Expr::Column(id, _) => Some(id),
            _ => None,
        }
    }
}

/// The kind of a value.
pub(super) fn kind(value: &Value) -> TypeSet {
    match value {
        Value::Null => TypeSet::NULL,
        Value::Integer(_) => TypeSet::INTEGER,
        Value::Real(_) => TypeSet::REAL,
        Value::Decimal(_) => TypeSet::DECIMAL,
        Value::Text(_) => TypeSet::TEXT,
        Value::Blob(_) => TypeSet::BLOB,
    }
}

/// The collation that an operator takes on from its operands: only explicit ones pass, the first wins.
pub(super) fn passed_collation<'t>(operands: impl IntoIterator<Item = &'t Typed>) -> Option<OwnCollation> {
    operands.into_iter().find_map(|operand| operand.collation.filter(|own| own.explicit))
}

/// How two expressions compare.
pub(super) fn comparison(left: &Typed, right: &Typed) -> Comparison {
    let affinity = compare_affinity(left.affinity, right.affinity);
    Comparison {
        left: applied(affinity, left.types),
        right: applied(affinity, right.types),
        collation: compare_collation(left, right),
    }
}

/// The affinity that a comparison applies to both its operands.
fn compare_affinity(left: Affinity, right: Affinity) -> Affinity {
    match (left, right) {
        (Affinity::None, other) | (other, Affinity::None) => other,
        // A decimal compares with a real as with the decimal that the real is written as: 0.1 is 0.1.
        (Affinity::Decimal, _) | (_, Affinity::Decimal) => Affinity::Decimal,
        _ if left.is_numeric() || right.is_numeric() => Affinity::Numeric,
        _ => Affinity::None,
    }
}

/// What applying `affinity` comes to for values of these kinds: nothing where no kind would change.
pub(super) fn applied(affinity: Affinity, types: TypeSet) -> Affinity {
    let changes = match affinity {
        Affinity::None | Affinity::Blob => false,
        Affinity::Text => types.intersects(TypeSet::INTEGER | TypeSet::REAL | TypeSet::DECIMAL),
        Affinity::Numeric | Affinity::Integer | Affinity::Real => types.intersects(TypeSet::TEXT),
        Affinity::Decimal => types.intersects(TypeSet::TEXT | TypeSet::REAL),
    };
    match affinity {
        _ if !changes => Affinity::None,
        Affinity::Text | Affinity::Decimal => affinity,
        // INTEGER and REAL convert a text just as NUMERIC does when it is only compared.
        _ => Affinity::Numeric,
    }
}

/// The collation of a comparison: an explicit one, left before right, then a column's, left before right.
fn compare_collation(left: &Typed, right: &Typed) -> Collation {
    passed_collation([left, right])
        .or(left.collation)
        .or(right.collation)
        .map_or(Collation::Binary, |own| own.collation)
}

/// The affinity of a type name in CAST, by SQLite's five rules.
pub(super) fn affinity_of_name(name: &str) -> Affinity {
    let name = name.to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || name.is_empty() {
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}
