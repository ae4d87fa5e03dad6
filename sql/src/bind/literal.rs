//! Literals and parameters: those of the text, those lifted out of it, and the user's.

use super::Binder;
use super::typed::{Typed, kind};
use super::walk::for_each_node;
use crate::error::{Error, Result};
use crate::ir::Expr;
use crate::parser::ast;
use crate::parser::literal_value;
use crate::types::TypeSet;
use crate::value::Value;

impl<'a> Binder<'a> {
    /// A literal or a parameter.
    pub(super) fn value(&mut self, value: &'a ast::ValueWithSpan) -> Result<Typed> {
        match value.value {
            ast::Value::Slot(slot) => self.lifted(slot, value),
            ast::Value::Parameter(number) => self.parameter(number, value),
            _ => Ok(Typed::constant(literal_value(&value.value)?.unwrap_or(Value::Null))),
        }
    }

    fn lifted(&mut self, slot: usize, value: &ast::ValueWithSpan) -> Result<Typed> {
        let Some(literal) = self.cx.literals.get(slot) else {
            return Err(Error::syntax(format!("unexpected #{slot}"), self.place(value)));
        };
        let types = kind(literal);
        self.literals_seen.push(slot);
        let free = self.beside.is_some_and(|column| !self.indexed_terms.contains(&column));
        if !self.indexed_terms.is_empty() && !free {
            self.pinned.push(slot);
            return Ok(Typed::constant(literal.clone()));
        }
        Ok(Typed::plain(Expr::Literal { slot, types }, types))
    }

    /// The expression with the values of its lifted literals in their places, to be compared with one of the schema.
    /// Pins what it reads.
    pub(super) fn unlifted(&mut self, mut expr: Expr) -> Expr {
        for_each_node(&mut expr, &mut |node| {
            if let Expr::Literal { slot, .. } = node
                && let Some(literal) = self.cx.literals.get(*slot)
            {
                self.pinned.push(*slot);
                *node = Expr::Constant(literal.clone());
            }
        });
        expr
    }

    fn parameter(&self, number: usize, value: &ast::ValueWithSpan) -> Result<Typed> {
        let Some(parameters) = self.parameters else {
            return Err(Error::invalid("parameters are not allowed in the schema", self.place(value)));
        };
        if number >= parameters.len() {
            return Err(Error::invalid(format!("no such parameter: ?{}", number + 1), self.place(value)));
        }
        Ok(Typed::plain(Expr::Parameter(number), TypeSet::ALL))
    }

    /// The integer that an expression is written as, if it is just an integer, with a sign or none. Reads the value
    /// of a lifted literal, and pins it.
    pub(super) fn written_integer(&mut self, expr: &ast::Expr) -> Option<i64> {
        match expr {
            ast::Expr::Nested(inner) => self.written_integer(inner),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
                self.written_integer(expr)?.checked_neg()
            }
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => self.written_integer(expr),
            ast::Expr::Value(value) => match self.written_value(value)? {
                Value::Integer(integer) => Some(integer),
                _ => None,
            },
            _ => None,
        }
    }

    /// The place in the select list that a term is written as. As in SQLite, a number beyond 32 bits is a value.
    pub(super) fn written_ordinal(&mut self, expr: &ast::Expr) -> Option<i64> {
        self.written_integer(expr).filter(|number| i32::try_from(*number).is_ok())
    }

    /// The number that an expression is written as. Pins what it reads.
    pub(super) fn written_real(&mut self, expr: &ast::Expr) -> Option<f64> {
        match expr {
            ast::Expr::Nested(inner) => self.written_real(inner),
            ast::Expr::Value(value) => match self.written_value(value)? {
                Value::Integer(integer) => Some(integer as f64),
                Value::Real(real) => Some(real),
                _ => None,
            },
            _ => None,
        }
    }

    fn written_value(&mut self, value: &ast::ValueWithSpan) -> Option<Value> {
        match &value.value {
            ast::Value::Slot(slot) => {
                let slot = *slot;
                let literal = self.cx.literals.get(slot)?.clone();
                self.pinned.push(slot);
                Some(literal)
            }
            other => literal_value(other).ok().flatten(),
        }
    }
}
