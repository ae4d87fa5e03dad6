//! Function calls: the few that are shapes of the IR, aggregates, and the scalar functions of the registry.

use super::aggregate::owner_of;
use super::json::is_json_group;
use super::operators;
use super::scope::Clause;
use super::typed::{Typed, passed_collation};
use super::window::{is_window_function, misuse};
use super::{Binder, unsupported};
use crate::error::{Error, Result, Span};
use crate::functions::{AggregateFunction, function_names, lookup_aggregate, lookup_scalar};
use crate::ir::{AggregateCall, Expr, MatchKind};
use crate::suggest::{nearest, suggest};
use crate::types::TypeSet;
use crate::value::Value;
use sqlparser::ast;

impl<'a> Binder<'a> {
    /// A call as written.
    pub(super) fn function(&mut self, call: &'a ast::Function) -> Result<Typed> {
        let span = self.place(&call.name);
        let name = match call.name.0.as_slice() {
            [part] => part.as_ident().map(|ident| ident.value.to_ascii_lowercase()),
            _ => None,
        };
        let Some(name) = name else {
            return Err(Error::name(format!("no such function: {}", call.name), span));
        };
        if !call.within_group.is_empty() {
            return Err(unsupported("WITHIN GROUP", span));
        }
        if name == "raise" {
            return self.raise(call, span);
        }
        let args = self.call_arguments(call, &name, span)?;
        if let Some(over) = &call.over {
            return self.window_call(&name, &args, call.filter.as_deref(), over, span);
        }
        if is_window_function(&name) {
            return Err(misuse(&name, span));
        }
        if let Some(function) = lookup_aggregate(&name, args.exprs.len()) {
            return self.aggregate_call(function, &name, &args, call.filter.as_deref(), span);
        }
        if call.filter.is_some() {
            return Err(Error::invalid(format!("FILTER may not be used with non-aggregate {name}()"), span));
        }
        if args.distinct {
            return Err(Error::invalid(
                format!("DISTINCT may not be used with non-aggregate {name}()"),
                span,
            ));
        }
        if args.star {
            return Err(wrong_count(&name, span));
        }
        if !args.order_by.is_empty() {
            return Err(Error::invalid(
                format!("ORDER BY may not be used with non-aggregate {name}()"),
                span,
            ));
        }
        if matches!(name.as_str(), "likelihood") {
            self.check_likelihood(args.exprs.get(1).copied(), span)?;
        }
        let bound = args.exprs.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        self.scalar_call(&name, bound, span)
    }

    /// A call of a scalar function on bound arguments.
    pub(super) fn scalar_call(&mut self, name: &str, args: Vec<Typed>, span: Option<Span>) -> Result<Typed> {
        let count = args.len();
        match (name, count) {
            ("coalesce", 2..) | ("ifnull", 2) => {
                // A function's result has no collation but an explicit one.
                let collation = passed_collation(&args);
                Ok(Typed { collation, ..operators::coalesce(args) })
            }
            ("iif" | "if", 2..) => operators::conditional(args),
            ("likely" | "unlikely", 1) | ("likelihood", 2) => match args.into_iter().next() {
                Some(first) => Ok(first),
                None => Err(wrong_count(name, span)),
            },
            ("like", 2 | 3) => Ok(match_call(MatchKind::Like, args)),
            ("glob", 2) => Ok(match_call(MatchKind::Glob, args)),
            (
                "coalesce" | "ifnull" | "iif" | "if" | "likely" | "unlikely" | "likelihood" | "like" | "glob",
                _,
            ) => Err(wrong_count(name, span)),
            _ => self.registered_call(name, args, span),
        }
    }

    fn registered_call(&mut self, name: &str, args: Vec<Typed>, span: Option<Span>) -> Result<Typed> {
        let Some(function) = lookup_scalar(name, args.len()) else {
            return Err(unknown_function(name, span));
        };
        let is_timely = !function.0.foldable && asks_the_clock(name, &args);
        if self.deterministic_only && (!function.0.deterministic || is_timely) {
            return Err(Error::invalid(format!("non-deterministic use of {name}() in an index"), span));
        }
        let kinds: Vec<TypeSet> = args.iter().map(|arg| arg.types).collect();
        let types = (function.0.result)(&kinds);
        let args = self.json_arguments(name, args);
        let compared = args.iter().find_map(|arg| arg.collation).map(|own| own.collation).unwrap_or_default();
        let collation = passed_collation(&args);
        let args = args.into_iter().map(|arg| arg.expr).collect();
        Ok(Typed { collation, ..Typed::plain(Expr::Function { function, args, collation: compared }, types) })
    }

    /// The second argument of `likelihood` must be written as a real between 0 and 1.
    fn check_likelihood(&mut self, arg: Option<&ast::Expr>, span: Option<Span>) -> Result<()> {
        match arg.map(|arg| self.written_real(arg)) {
            None => Ok(()),
            Some(Some(real)) if (0.0..=1.0).contains(&real) => Ok(()),
            Some(_) => {
                let message = "second argument to likelihood() must be a constant between 0.0 and 1.0";
                Err(Error::invalid(message, span))
            }
        }
    }

    fn aggregate_call(
        &mut self,
        function: AggregateFunction,
        name: &str,
        args: &Arguments<'a>,
        filter: Option<&'a ast::Expr>,
        span: Option<Span>,
    ) -> Result<Typed> {
        let misuse = || Error::invalid(format!("misuse of aggregate function {name}()"), span);
        let Some(innermost) = self.scopes.len().checked_sub(1) else { return Err(misuse()) };
        // What the arguments name decides which query the aggregate belongs to.
        let used_before = std::mem::take(&mut self.scopes_used);
        let clause = self.enter(Clause::Aggregate);
        let call = self.aggregate_parts(function, args, filter);
        self.enter(clause);
        let used = std::mem::replace(&mut self.scopes_used, used_before);
        self.scopes_used |= used;
        let (call, types) = call?;
        let owner = owner_of(used, innermost);
        if !self.scopes.get(owner).is_some_and(|scope| scope.clause.takes_aggregates()) {
            return Err(misuse());
        }
        if call.distinct && args.exprs.len() != 1 {
            return Err(Error::invalid("DISTINCT aggregates must take exactly one argument", span));
        }
        self.use_scope(owner);
        let next = self.fresh_column();
        let Some(scope) = self.scopes.get_mut(owner) else { return Err(misuse()) };
        let id = scope.aggregates.add(next, call);
        if is_json_group(name) {
            self.json_columns.insert(id);
        }
        Ok(Typed::plain(Expr::Column(id, types), types))
    }

    fn aggregate_parts(
        &mut self,
        function: AggregateFunction,
        args: &Arguments<'a>,
        filter: Option<&'a ast::Expr>,
    ) -> Result<(AggregateCall, TypeSet)> {
        let bound = args.exprs.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        let bound = self.json_arguments(function.0.name, bound);
        let filter = filter.map(|filter| self.expr(filter)).transpose()?;
        let order_by = self.sort_keys(args.order_by)?;
        let kinds: Vec<TypeSet> = bound.iter().map(|arg| arg.types).collect();
        let mut types = (function.0.result)(&kinds);
        if filter.is_some() && !matches!(function.0.name, "count" | "total") {
            types = types | TypeSet::NULL;
        }
        let collation = bound.first().map(Typed::collation_or_binary).unwrap_or_default();
        let call = AggregateCall {
            function,
            args: bound.into_iter().map(|arg| arg.expr).collect(),
            distinct: args.distinct,
            filter: filter.map(|filter| filter.expr),
            order_by,
            collation,
        };
        Ok((call, types))
    }

    pub(super) fn call_arguments(
        &self,
        call: &'a ast::Function,
        name: &str,
        span: Option<Span>,
    ) -> Result<Arguments<'a>> {
        let mut arguments = Arguments::default();
        let list = match &call.args {
            ast::FunctionArguments::None => return Ok(arguments),
            ast::FunctionArguments::Subquery(_) => return Err(wrong_count(name, span)),
            ast::FunctionArguments::List(list) => list,
        };
        arguments.distinct = list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct);
        for arg in &list.args {
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => arguments.exprs.push(expr),
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) if list.args.len() == 1 => {
                    arguments.star = true;
                }
                _ => return Err(wrong_count(name, span)),
            }
        }
        for clause in &list.clauses {
            match clause {
                ast::FunctionArgumentClause::OrderBy(terms) => arguments.order_by = terms,
                _ => return Err(unsupported(&format!("{clause} in a call"), span)),
            }
        }
        // Only count can be asked of all columns.
        if arguments.star && name != "count" {
            return Err(wrong_count(name, span));
        }
        Ok(arguments)
    }
}

/// The arguments of a call as written.
#[derive(Default)]
pub(super) struct Arguments<'a> {
    pub(super) exprs: Vec<&'a ast::Expr>,
    pub(super) distinct: bool,
    /// `count(*)`.
    pub(super) star: bool,
    pub(super) order_by: &'a [ast::OrderByExpr],
}

/// `like(pattern, text)`: the pattern comes first.
fn match_call(kind: MatchKind, args: Vec<Typed>) -> Typed {
    let mut args = args.into_iter();
    match (args.next(), args.next()) {
        (Some(pattern), Some(operand)) => operators::matching(kind, operand, pattern, args.next()),
        // The caller counted two at least; NULL is what a call without arguments would give.
        _ => Typed::constant(Value::Null),
    }
}

/// True for a call of a date function that needs the time or the zone of its statement, as far as its text tells.
fn asks_the_clock(name: &str, args: &[Typed]) -> bool {
    const WORDS: [&str; 5] = ["now", "subsec", "subsecond", "localtime", "utc"];
    let is_word = |arg: &Typed| match &arg.expr {
        Expr::Constant(Value::Text(text)) => WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)),
        _ => false,
    };
    args.len() <= usize::from(name == "strftime") || args.iter().any(is_word)
}

pub(super) fn wrong_count(name: &str, span: Option<Span>) -> Error {
    Error::invalid(format!("wrong number of arguments to function {name}()"), span)
}

/// Functions that are shapes of the IR and in no registry.
const SHAPES: [&str; 9] =
    ["coalesce", "ifnull", "iif", "if", "likely", "unlikely", "likelihood", "like", "glob"];

pub(super) fn unknown_function(name: &str, span: Option<Span>) -> Error {
    if function_names().any(|known| known == name) {
        return wrong_count(name, span);
    }
    let known = nearest(name, function_names().chain(SHAPES));
    Error::name(suggest(format!("no such function: {name}"), known), span)
}
