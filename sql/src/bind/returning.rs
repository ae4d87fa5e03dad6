//! RETURNING: a select list over the row that a statement has changed.

use super::Binder;
use super::scope::{Clause, Scope, Source};
use super::select::{Item, Naming, check_width, column_name};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::ir::{ColumnId, Output, Returning};
use crate::parser;
use crate::parser::ast;

impl<'a> Binder<'a> {
    /// Binds RETURNING over the changed row. It goes by its alias, and, as SQLite has it, by its table's name.
    pub(super) fn returning(
        &mut self,
        table: &Table,
        row: &Source,
        returning: Option<&'a parser::Returning>,
    ) -> Result<Option<Returning>> {
        let Some(returning) = returning else { return Ok(None) };
        let named = Source { name: Some(table.name.clone()), ..row.clone() };
        self.scopes.push(Scope::new(vec![named], Clause::Row));
        self.scopes.push(Scope::new(vec![row.clone()], Clause::Row));
        let items = self.returned_items(returning);
        self.scopes.truncate(self.scopes.len().saturating_sub(2));
        let items = items?;
        let mut bound = Returning { exprs: Vec::with_capacity(items.len()), outputs: Vec::new() };
        for item in items {
            let column = item.typed.column.as_ref();
            bound.outputs.push(Output {
                column: ColumnId(u32::MAX),
                types: item.typed.types,
                affinity: item.typed.affinity,
                collation: item.typed.collation_or_binary(),
                column_type: column.and_then(|info| info.column_type),
                origin: column.and_then(|info| info.origin_names()),
                name: item.name,
            });
            bound.exprs.push(item.typed.expr);
        }
        Ok(Some(bound))
    }

    fn returned_items(&mut self, returning: &'a parser::Returning) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(returning.items.len());
        for item in &returning.items {
            match item {
                ast::SelectItem::UnnamedExpr(expr, place) => {
                    let literals_before = self.literals_seen.len();
                    let typed = self.expr(expr)?;
                    let name = match column_name(expr, &typed, Naming::Result) {
                        Some(name) => name,
                        None => {
                            // The name is the text, which the literals are part of.
                            let seen = self.literals_seen.get(literals_before..).unwrap_or_default();
                            self.pinned.extend_from_slice(seen);
                            self.text.at(*place).to_owned()
                        }
                    };
                    items.push(Item { typed, name, named: false });
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.expr(expr)?;
                    items.push(Item { typed, name: alias.value.to_string(), named: true });
                }
                ast::SelectItem::Wildcard(_) => {
                    if let Some(scope) = self.scopes.last() {
                        scope.star(&mut items);
                    }
                }
                ast::SelectItem::QualifiedWildcard(..) => {
                    let message = "RETURNING may not use \"table.*\"; \"*\" gives all columns";
                    return Err(Error::invalid(message, self.place(item)));
                }
            }
            check_width(items.len())?;
        }
        Ok(items)
    }
}
