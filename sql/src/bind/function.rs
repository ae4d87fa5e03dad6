//! Function calls: the few that are shapes of the IR, aggregates, and the scalar functions of the registry.

use super::Binder;
use super::aggregate::owner_of;
use super::json::is_json_group;
use super::operators;
use super::scope::Clause;
use super::typed::{Typed, passed_collation};
use super::window::{is_window_function, misuse};
use crate::error::{Error, Result, Span};
use crate::functions::{
    AggregateFunction, ScalarFunction, UserFunction, UserFunctions, function_names, lookup_aggregate,
    lookup_scalar,
};
use crate::ir::{AggregateCall, Expr, MatchKind};
use crate::parser::ast;
use crate::suggest::{nearest, suggest};
use crate::types::TypeSet;
use crate::value::Value;

/// How many arguments a call has at most, as in SQLite.
const ARGUMENTS_MAX: usize = 1_000;

impl<'a> Binder<'a> {
    /// A call as written.
    pub(super) fn function(&mut self, call: &'a ast::Function) -> Result<Typed> {
        let span = self.place(&call.name);
        let name = call.name.value.to_ascii_lowercase();
        if name == "raise" {
            return self.raise(call, span);
        }
        let args = self.call_arguments(call, &name, span)?;
        if let Some(over) = &call.over {
            return self.window_call(&name, &args, call.filter.as_ref(), over, span);
        }
        let own = match args.star {
            true => None,
            false => self.functions().find(&name, args.exprs.len()).cloned(),
        };
        if own.is_none() && is_window_function(&name) {
            return Err(misuse(&name, span));
        }
        let aggregate = match &own {
            Some(UserFunction::Aggregate(function)) => Some(function.clone()),
            Some(UserFunction::Scalar(_)) => None,
            None => lookup_aggregate(&name, args.exprs.len()),
        };
        if let Some(function) = aggregate {
            return self.aggregate_call(function, &name, &args, call.filter.as_ref(), span);
        }
        if call.within_group {
            let message = format!("WITHIN GROUP may not be used with non-aggregate {name}()");
            return Err(Error::invalid(message, span));
        }
        if call.filter.is_some() {
            return Err(Error::invalid(format!("FILTER may not be used with non-aggregate {name}()"), span));
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
        if own.is_none() && name == "likelihood" {
            self.check_likelihood(args.exprs.get(1), span)?;
        }
        let bound = args.exprs.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        self.scalar_call(&name, bound, span)
    }

    /// A call of a scalar function on bound arguments.
    pub(super) fn scalar_call(&mut self, name: &str, args: Vec<Typed>, span: Option<Span>) -> Result<Typed> {
        let count = args.len();
        if let Some(UserFunction::Scalar(function)) = self.functions().find(name, count) {
            let function = function.clone();
            return self.call_of(function, args, span);
        }
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
            return Err(self.unknown_function(name, span));
        };
        let args = self.json_arguments(name, args);
        self.call_of(function, args, span)
    }

    /// A call of `function`, which takes so many arguments.
    fn call_of(
        &mut self,
        mut function: ScalarFunction,
        args: Vec<Typed>,
        span: Option<Span>,
    ) -> Result<Typed> {
        if let Some(usage) = self.kept_as {
            if !function.0.deterministic && usage.is_computed_again() {
                let message = format!("non-deterministic functions prohibited in {}", usage.place());
                return Err(Error::invalid(message, span));
            }
            function = function.kept_in(usage.noun());
        }
        let kinds: Vec<TypeSet> = args.iter().map(|arg| arg.types).collect();
        let types = (function.0.result)(&kinds);
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
        let is_group = call.function.built_in().is_some_and(is_json_group);
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
        if is_group {
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
        let bound = match function.built_in() {
            Some(name) => self.json_arguments(name, bound),
            None => bound,
        };
        let filter = filter.map(|filter| self.expr(filter)).transpose()?;
        let order_by = self.sort_keys(args.order_by)?;
        let kinds: Vec<TypeSet> = bound.iter().map(|arg| arg.types).collect();
        let mut types = (function.0.result)(&kinds);
        if filter.is_some() && !matches!(function.built_in(), Some("count" | "total")) {
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

    /// The program's own functions and collations.
    pub(super) fn functions(&self) -> &'a UserFunctions {
        self.cx.catalog.functions()
    }

    /// The error of a call that no function answers.
    pub(super) fn unknown_function(&self, name: &str, span: Option<Span>) -> Error {
        if function_names().any(|known| known == name) || self.functions().is_function(name) {
            return wrong_count(name, span);
        }
        let built_in = function_names().chain(SHAPES).map(|name| -> &'a str { name });
        let known = nearest(name, built_in.chain(self.functions().names()));
        Error::name(suggest(format!("no such function: {name}"), known), span)
    }

    pub(super) fn call_arguments(
        &self,
        call: &'a ast::Function,
        name: &str,
        span: Option<Span>,
    ) -> Result<Arguments<'a>> {
        let mut arguments = Arguments::default();
        match &call.args {
            ast::FunctionArguments::None => return Ok(arguments),
            ast::FunctionArguments::Wildcard => arguments.star = true,
            ast::FunctionArguments::List { distinct, args, order_by } => {
                (arguments.distinct, arguments.exprs, arguments.order_by) = (*distinct, args, order_by);
            }
        }
        if arguments.exprs.len() > ARGUMENTS_MAX {
            let message = format!("too many arguments to function {name}(): {ARGUMENTS_MAX} at most");
            return Err(Error::limit(message));
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
    pub(super) exprs: &'a [ast::Expr],
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

pub(super) fn wrong_count(name: &str, span: Option<Span>) -> Error {
    Error::invalid(format!("wrong number of arguments to function {name}()"), span)
}

/// Functions that are shapes of the IR and in no registry.
const SHAPES: [&str; 9] =
    ["coalesce", "ifnull", "iif", "if", "likely", "unlikely", "likelihood", "like", "glob"];
