//! Which expressions give JSON and not just a text. SQLite marks such values while a statement runs; here the shape of
//! the expression tells, and where a JSON function takes a value, one that is JSON is handed over in its binary form.

use super::Binder;
use super::typed::Typed;
use crate::functions::{ScalarFunction, lookup_scalar};
use crate::ir::{CaseBranch, ColumnId, Comparison, Expr};
use crate::types::{Collation, TypeSet};
use crate::value::Value;

/// Functions whose result is JSON, whatever they are given.
const MAKERS: [&str; 11] = [
    "->",
    "json",
    "json_array",
    "json_array_insert",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
];

/// True for the aggregates whose result is JSON.
pub(super) fn is_json_group(name: &str) -> bool {
    matches!(name, "json_group_array" | "json_group_object")
}

/// True if argument `place` of a function is a value that is put into JSON.
fn takes_value(name: &str, place: usize) -> bool {
    match name.strip_prefix("jsonb_").or_else(|| name.strip_prefix("json_")) {
        Some("array" | "quote" | "group_array") => true,
        Some("object" | "group_object") => place % 2 == 1,
        Some("set" | "insert" | "replace" | "array_insert") => place > 0 && place.is_multiple_of(2),
        _ => false,
    }
}

impl Binder<'_> {
    /// The arguments of a call, those that are JSON and go into JSON in its binary form.
    pub(super) fn json_arguments(&self, name: &str, args: Vec<Typed>) -> Vec<Typed> {
        let handed = |(place, arg): (usize, Typed)| {
            let expr = if takes_value(name, place) { self.as_json(arg.expr) } else { arg.expr };
            Typed { expr, ..arg }
        };
        args.into_iter().enumerate().map(handed).collect()
    }

    fn is_json(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Function { function, args, .. } => {
                let name = function.built_in().unwrap_or_default();
                MAKERS.contains(&name) || name == "json_extract" && args.len() > 2
            }
            Expr::Column(id, _) => self.json_columns.contains(id),
            _ => false,
        }
    }

    /// The expression with what is JSON in its binary form; all else as it is.
    fn as_json(&self, expr: Expr) -> Expr {
        match expr {
            // One path gives JSON for an array or object alone, which `jsonb_extract` tells apart.
            Expr::Function { function, args, collation } if function.built_in() == Some("json_extract") => {
                let function = lookup_scalar("jsonb_extract", args.len()).unwrap_or(function);
                Expr::Function { function, args, collation }
            }
            Expr::Case { operand, branches, otherwise } => {
                let binary = |branch: CaseBranch| CaseBranch { then: self.as_json(branch.then), ..branch };
                Expr::Case {
                    operand,
                    branches: branches.into_iter().map(binary).collect(),
                    otherwise: otherwise.map(|otherwise| Box::new(self.as_json(*otherwise))),
                }
            }
            Expr::Coalesce(operands) => {
                Expr::Coalesce(operands.into_iter().map(|operand| self.as_json(operand)).collect())
            }
            Expr::Column(id, types) if self.json_parts.contains_key(&id) => {
                let Some(&kind) = self.json_parts.get(&id) else { return expr };
                part_as_json(expr, types, kind)
            }
            expr if self.is_json(&expr) => match lookup_scalar("jsonb", 1) {
                Some(function) => binary(function, expr),
                None => expr,
            },
            expr => expr,
        }
    }
}

/// The `value` of json_each, in its binary form where the column `kind` says that it is an array or object.
fn part_as_json(value: Expr, types: TypeSet, kind: ColumnId) -> Expr {
    let Some(jsonb) = lookup_scalar("jsonb", 1) else { return value };
    let branch = |name: &str| CaseBranch {
        when: Expr::Constant(Value::text(name)),
        rule: Comparison::default(),
        then: binary(jsonb.clone(), value.clone()),
    };
    let branches = ["array", "object"].map(branch).into();
    let operand = Some(Box::new(Expr::Column(kind, types)));
    Expr::Case { operand, branches, otherwise: Some(Box::new(value)) }
}

fn binary(function: ScalarFunction, expr: Expr) -> Expr {
    Expr::Function { function, args: vec![expr], collation: Collation::Binary }
}
