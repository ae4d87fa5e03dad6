//! Places in the text: byte offsets in the trees, four bytes each, and where a tree begins and ends.

use super::ast::{Expr, Ident, Query, SelectItem, SetExpr, TableFactor, ValueWithSpan};
use super::statement::Name;
use crate::error::Span;

/// The bytes of a statement's text that a part of its tree stands for. What has no place is empty, at offset 0.
///
/// All places are equal: trees of two texts that say the same are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    start: u32,
    end: u32,
}

impl PartialEq for Place {
    fn eq(&self, _: &Place) -> bool {
        true
    }
}

impl Place {
    /// A range of bytes. The parser refuses texts that are too long for it.
    pub(super) fn new(start: usize, end: usize) -> Place {
        let offset = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Place { start: offset(start), end: offset(end) }
    }

    /// The place of all that two places hold; one that is empty holds nothing.
    fn and(self, other: Place) -> Place {
        if self.start >= self.end {
            return other;
        }
        if other.start >= other.end {
            return self;
        }
        Place { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// The bytes that a place stands for: offsets into [`super::Parsed::text`].
#[must_use]
pub fn span_of(place: Place) -> Span {
    let (start, end) = (place.start as usize, place.end as usize);
    Span { start, end: end.max(start) }
}

/// A tree that knows where it stands.
pub trait Spanned {
    /// Its place: of its names, literals and operands together.
    fn span(&self) -> Place;
}

/// The place of several trees together.
fn all<'t, T: Spanned + 't>(trees: impl IntoIterator<Item = &'t T>) -> Place {
    trees.into_iter().fold(Place::default(), |place, tree| place.and(tree.span()))
}

impl Spanned for Ident {
    fn span(&self) -> Place {
        self.span
    }
}

impl Spanned for Name {
    fn span(&self) -> Place {
        all(&self.database).and(self.name.span)
    }
}

impl Spanned for ValueWithSpan {
    fn span(&self) -> Place {
        self.span
    }
}

impl Spanned for Expr {
    fn span(&self) -> Place {
        match self {
            Expr::Identifier(ident) => ident.span,
            Expr::CompoundIdentifier(parts) => all(parts),
            Expr::Value(value) => value.span,
            Expr::Nested(expr)
            | Expr::UnaryOp { expr, .. }
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr) => expr.span(),
            Expr::BinaryOp { left, right, .. }
            | Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right) => left.span().and(right.span()),
            Expr::Between { expr, low, high, .. } => expr.span().and(low.span()).and(high.span()),
            Expr::Like { expr, pattern, escape_char, .. } => {
                let escape = escape_char.as_ref().map(|escape| escape.span());
                expr.span().and(pattern.span()).and(escape.unwrap_or_default())
            }
            Expr::InList { expr, list, .. } => expr.span().and(all(list)),
            Expr::InSubquery { expr, subquery, .. } => expr.span().and(subquery.span()),
            Expr::Exists { subquery, .. } => subquery.span(),
            Expr::Subquery(query) => query.span(),
            Expr::Tuple(list) => all(list),
            Expr::Case(case) => case.place,
            Expr::Cast { expr, type_name } => expr.span().and(type_name.span),
            Expr::Collate { expr, collation } => expr.span().and(collation.span),
            Expr::Function(call) => call.name.span.and(all(call.args.exprs())),
        }
    }
}

impl Spanned for Query {
    fn span(&self) -> Place {
        let with = self.with.iter().flat_map(|with| &with.cte_tables);
        let names = with.fold(Place::default(), |place, cte| place.and(cte.alias.name.span));
        let order = self.order_by.iter().fold(Place::default(), |place, term| place.and(term.expr.span()));
        names.and(self.body.span()).and(order).and(all(&self.limit)).and(all(&self.offset))
    }
}

impl Spanned for SetExpr {
    fn span(&self) -> Place {
        match self {
            SetExpr::Select(select) => {
                let from = select.from.iter().fold(Place::default(), |place, table| {
                    let joined = table.joins.iter().map(|join| join.relation.span());
                    place.and(table.relation.span()).and(joined.fold(Place::default(), Place::and))
                });
                let filters = all(&select.selection).and(all(&select.group_by)).and(all(&select.having));
                select.select_token.and(all(&select.projection)).and(from).and(filters)
            }
            SetExpr::Values(values) => {
                values.rows.iter().fold(Place::default(), |place, row| place.and(row.open).and(row.close))
            }
            SetExpr::SetOperation { left, right, .. } => left.span().and(right.span()),
        }
    }
}

impl Spanned for SelectItem {
    fn span(&self) -> Place {
        match self {
            SelectItem::UnnamedExpr(expr, _) => expr.span(),
            SelectItem::ExprWithAlias { expr, alias } => expr.span().and(alias.span),
            SelectItem::Wildcard(place) => *place,
            SelectItem::QualifiedWildcard(name, place) => name.span().and(*place),
        }
    }
}

impl Spanned for TableFactor {
    fn span(&self) -> Place {
        let named = |alias: &Option<super::ast::TableAlias>| {
            alias.as_ref().map(|alias| alias.name.span).unwrap_or_default()
        };
        match self {
            TableFactor::Table { name, alias, .. } => name.span().and(named(alias)),
            TableFactor::Derived { subquery, alias } => subquery.span().and(named(alias)),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                table_with_joins.relation.span().and(named(alias))
            }
        }
    }
}
