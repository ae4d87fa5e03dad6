//! OVER: which window a call is over, and the windows of a query put between its groups and its select list.
//!
//! Calls whose partitions and orders are equal share a window. As in SQLite the window that is named first is computed
//! last, so that the rows come out in its order.

use super::Binder;
use super::expr::sort_key;
use super::function::Arguments;
use super::scope::Clause;
use super::typed::Typed;
use crate::error::{Error, Result, Span};
use crate::functions::{UserFunction, lookup_aggregate};
use crate::ir::{
    ColumnId, Expr, Frame, FrameBound, FrameUnit, OwnWindowFunction, Relation, SortKey, Window, WindowCall,
    WindowFunction,
};
use crate::parser::ast;
use crate::types::TypeSet;

/// The windows of one query, and the calls over each with the column that holds the result.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows(Vec<(BoundWindow, Vec<(ColumnId, BoundCall)>)>);

/// A window over the rows of FROM.
#[derive(Clone, Debug)]
struct BoundWindow {
    partition: Vec<Typed>,
    order: Vec<(Typed, SortKey)>,
}

/// A call over the rows of FROM.
#[derive(Clone, Debug)]
struct BoundCall {
    args: Vec<Typed>,
    filter: Option<Typed>,
    call: WindowCall,
}

/// A window as written, with what it takes from the one it is based on.
#[derive(Clone, Copy, Default)]
struct Written<'a> {
    partition: &'a [ast::Expr],
    order: &'a [ast::OrderByExpr],
    frame: Option<&'a ast::WindowFrame>,
    /// By this the hints know it.
    place: Option<&'a ast::Ident>,
}

impl Windows {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All expressions, which stand above the groups of a query.
    pub(super) fn typed_mut(&mut self) -> impl Iterator<Item = &mut Typed> {
        self.0.iter_mut().flat_map(|(window, calls)| {
            let own = window.partition.iter_mut().chain(window.order.iter_mut().map(|(typed, _)| typed));
            own.chain(calls.iter_mut().flat_map(|(_, call)| call.args.iter_mut().chain(&mut call.filter)))
        })
    }

    /// The windows over `relation`, the first outermost.
    pub(super) fn over(self, relation: Relation) -> Relation {
        self.0.into_iter().rev().fold(relation, |input, (window, calls)| {
            let partition = window
                .partition
                .into_iter()
                .map(|typed| {
                    let collation = typed.collation_or_binary();
                    (typed.expr, collation)
                })
                .collect();
            let order = window.order.into_iter().map(|(typed, key)| SortKey { expr: typed.expr, ..key });
            let window = Window { partition, order: order.collect() };
            let calls = calls.into_iter().map(|(id, bound)| {
                let args = bound.args.into_iter().map(|typed| typed.expr).collect();
                (id, WindowCall { args, filter: bound.filter.map(|typed| typed.expr), ..bound.call })
            });
            Relation::Window { input: Box::new(input), window, calls: calls.collect() }
        })
    }

    fn add(&mut self, window: BoundWindow, call: BoundCall, next: ColumnId) -> ColumnId {
        let same = |a: &BoundWindow| {
            let exprs = |a: &[Typed], b: &[Typed]| {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|(a, b)| a.expr == b.expr && a.collation_or_binary() == b.collation_or_binary())
            };
            let orders = a.order.len() == window.order.len()
                && a.order.iter().zip(&window.order).all(|((a, ak), (b, bk))| a.expr == b.expr && ak == bk);
            exprs(&a.partition, &window.partition) && orders
        };
        let place = match self.0.iter().position(|(known, _)| same(known)) {
            Some(place) => place,
            None => {
                self.0.push((window, Vec::new()));
                self.0.len() - 1
            }
        };
        let Some((_, calls)) = self.0.get_mut(place) else { return next };
        let equal = |known: &BoundCall| {
            let exprs = |typed: &[Typed]| typed.iter().map(|typed| typed.expr.clone()).collect::<Vec<_>>();
            known.call == call.call
                && exprs(&known.args) == exprs(&call.args)
                && known.filter.as_ref().map(|typed| &typed.expr)
                    == call.filter.as_ref().map(|typed| &typed.expr)
        };
        if let Some((id, _)) = calls.iter().find(|(_, known)| equal(known)) {
            return *id;
        }
        calls.push((next, call));
        next
    }
}

/// True if `name` is a function that only windows have.
pub(super) fn is_window_function(name: &str) -> bool {
    OwnWindowFunction::ALL.iter().any(|(known, ..)| *known == name)
}

/// The error of a window function where there is no window.
pub(super) fn misuse(name: &str, span: Option<Span>) -> Error {
    Error::invalid(format!("misuse of window function {name}()"), span)
}

impl<'a> Binder<'a> {
    /// A call with OVER.
    pub(super) fn window_call(
        &mut self,
        name: &str,
        args: &Arguments<'a>,
        filter: Option<&'a ast::Expr>,
        over: &'a ast::WindowType,
        span: Option<Span>,
    ) -> Result<Typed> {
        let function = self.window_function(name, args, span)?;
        let is_own = matches!(function, WindowFunction::Own(_));
        let invalid = |message: &str| Err(Error::invalid(message, span));
        if args.distinct {
            return invalid("DISTINCT is not supported for window functions");
        }
        if !args.order_by.is_empty() {
            return invalid(&format!("ORDER BY may not be used with non-aggregate {name}()"));
        }
        if is_own && filter.is_some() {
            return invalid("FILTER clause may only be used with aggregate window functions");
        }
        let allowed =
            self.scopes.last().is_some_and(|scope| matches!(scope.clause, Clause::Items | Clause::OrderBy));
        if !allowed {
            return Err(misuse(name, span));
        }
        let written = self.written_window(over)?;
        let clause = self.enter(Clause::Window);
        let bound = self.window_parts(function, args, filter, written, span);
        self.enter(clause);
        let (window, call, types) = bound?;
        let next = self.fresh_column();
        let innermost = self.scopes.len().saturating_sub(1);
        self.use_scope(innermost);
        let Some(scope) = self.scopes.last_mut() else { return Err(misuse(name, span)) };
        let is_group = matches!(
            &call.call.function,
            WindowFunction::Aggregate(function) if function.built_in().is_some_and(super::json::is_json_group)
        );
        let id = scope.windows.add(window, call, next);
        if is_group {
            self.json_columns.insert(id);
        }
        Ok(Typed::plain(Expr::Column(id, types), types))
    }

    fn window_function(
        &self,
        name: &str,
        args: &Arguments<'a>,
        span: Option<Span>,
    ) -> Result<WindowFunction> {
        let count = args.exprs.len();
        let own = self.functions().find(name, count).filter(|_| !args.star);
        if let Some(UserFunction::Aggregate(function)) = own {
            return Ok(WindowFunction::Aggregate(function.clone()));
        }
        if let Some((_, own, least, most)) = OwnWindowFunction::ALL.iter().find(|(known, ..)| *known == name)
        {
            return match (*least..=*most).contains(&count) && !args.star {
                true => Ok(WindowFunction::Own(*own)),
                false => Err(super::function::wrong_count(name, span)),
            };
        }
        match lookup_aggregate(name, count) {
            Some(function) => Ok(WindowFunction::Aggregate(function)),
            None if matches!(own, Some(UserFunction::Scalar(_))) || crate::functions::is_aggregate(name) => {
                Err(super::function::wrong_count(name, span))
            }
            None if crate::functions::is_function(name) => {
                Err(Error::invalid(format!("{name}() may not be used as a window function"), span))
            }
            None => Err(self.unknown_function(name, span)),
        }
    }

    fn window_parts(
        &mut self,
        function: WindowFunction,
        args: &Arguments<'a>,
        filter: Option<&'a ast::Expr>,
        written: Written<'a>,
        span: Option<Span>,
    ) -> Result<(BoundWindow, BoundCall, TypeSet)> {
        let mut args = args.exprs.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>>>()?;
        if let WindowFunction::Aggregate(aggregate) = &function
            && let Some(name) = aggregate.built_in()
        {
            args = self.json_arguments(name, args);
        }
        let filter = filter.map(|filter| self.expr(filter)).transpose()?;
        let partition = written.partition.iter().map(|expr| self.expr(expr)).collect::<Result<Vec<_>>>()?;
        let mut order = Vec::with_capacity(written.order.len());
        for term in written.order {
            let typed = self.expr(&term.expr)?;
            // The key's expression is put in when it stands where it will stay.
            let key = sort_key(Expr::Parameter(0), typed.collation_or_binary(), term.options);
            order.push((typed, key));
        }
        let frame = self.frame(written, order.len(), span)?;
        let collation = args.first().map(Typed::collation_or_binary).unwrap_or_default();
        let kinds: Vec<TypeSet> = args.iter().map(|arg| arg.types).collect();
        let types = function.result_types(&kinds);
        let call = WindowCall { function, args: Vec::new(), filter: None, frame, collation };
        Ok((BoundWindow { partition, order }, BoundCall { args, filter, call }, types))
    }

    fn written_window(&self, over: &'a ast::WindowType) -> Result<Written<'a>> {
        match over {
            ast::WindowType::NamedWindow(name) => self.named_window(name, usize::MAX),
            ast::WindowType::WindowSpec(spec) => self.chained_window(spec, usize::MAX),
        }
    }

    /// The window called `name` among the first `before` of the WINDOW clause.
    fn named_window(&self, name: &'a ast::Ident, before: usize) -> Result<Written<'a>> {
        let windows = self.scopes.last().map_or(&[][..], |scope| scope.named_windows);
        let found = windows
            .iter()
            .take(before)
            .enumerate()
            .rfind(|(_, window)| window.0.value.eq_ignore_ascii_case(&name.value));
        match found {
            Some((place, ast::NamedWindowDefinition(_, spec))) => self.chained_window(spec, place),
            None => Err(Error::name(format!("no such window: {}", name.value), self.place_of(name))),
        }
    }

    /// A window and what it takes from the one it names, which stands among the first `before`.
    fn chained_window(&self, spec: &'a ast::WindowSpec, before: usize) -> Result<Written<'a>> {
        let mut written = Written {
            partition: &spec.partition_by,
            order: &spec.order_by,
            frame: spec.window_frame.as_ref(),
            place: Some(&spec.window_name),
        };
        let name = &spec.window_name;
        if crate::parser::is_unnamed(name) {
            return Ok(written);
        }
        let base = self.named_window(name, before)?;
        let overridden = if !spec.partition_by.is_empty() {
            Some("PARTITION clause")
        } else if !base.order.is_empty() && !spec.order_by.is_empty() {
            Some("ORDER BY clause")
        } else {
            base.frame.map(|_| "frame specification")
        };
        if let Some(part) = overridden {
            let message = format!("cannot override {part} of window: {}", name.value);
            return Err(Error::invalid(message, self.place_of(name)));
        }
        written.partition = base.partition;
        if !base.order.is_empty() {
            written.order = base.order;
        }
        Ok(written)
    }

    fn frame(&mut self, written: Written<'a>, keys: usize, span: Option<Span>) -> Result<Frame> {
        let Some(frame) = written.frame else {
            return Ok(Frame {
                unit: FrameUnit::Range,
                start: FrameBound::UnboundedPreceding,
                end: FrameBound::CurrentRow,
                exclude: None,
            });
        };
        let unit = match frame.units {
            ast::WindowFrameUnits::Rows => FrameUnit::Rows,
            ast::WindowFrameUnits::Range => FrameUnit::Range,
            ast::WindowFrameUnits::Groups => FrameUnit::Groups,
        };
        let unsupported = || Error::invalid("unsupported frame specification", span);
        let (start, end) = (&frame.start_bound, frame.end_bound.as_ref());
        use ast::WindowFrameBound as Bound;
        let rank = |bound: &Bound| match bound {
            Bound::Preceding(None) => 0,
            Bound::Preceding(Some(_)) => 1,
            Bound::CurrentRow => 2,
            Bound::Following(Some(_)) => 3,
            Bound::Following(None) => 4,
        };
        let current = Bound::CurrentRow;
        if rank(start) == 4
            || end.is_some_and(|end| rank(end) == 0)
            || rank(start) > rank(end.unwrap_or(&current))
        {
            return Err(unsupported());
        }
        let start = self.frame_bound(start)?;
        let end = match end {
            Some(end) => self.frame_bound(end)?,
            None => FrameBound::CurrentRow,
        };
        let counts =
            |bound: &FrameBound| matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_));
        if unit == FrameUnit::Range && (counts(&start) || counts(&end)) && keys != 1 {
            let message = "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression";
            return Err(Error::invalid(message, span));
        }
        let place = written.place.map(|place| crate::parser::span_of(place.span).start);
        let exclude = self.hints.exclude.iter().find(|(at, _)| Some(at.start) == place);
        Ok(Frame { unit, start, end, exclude: exclude.map(|(_, exclude)| *exclude) })
    }

    fn frame_bound(&mut self, bound: &'a ast::WindowFrameBound) -> Result<FrameBound> {
        use ast::WindowFrameBound as Bound;
        // Without columns: the same for all rows.
        let mut offset = |expr: &'a ast::Expr| self.within(0, |binder| Ok(Box::new(binder.expr(expr)?.expr)));
        Ok(match bound {
            Bound::CurrentRow => FrameBound::CurrentRow,
            Bound::Preceding(None) => FrameBound::UnboundedPreceding,
            Bound::Following(None) => FrameBound::UnboundedFollowing,
            Bound::Preceding(Some(expr)) => FrameBound::Preceding(offset(expr)?),
            Bound::Following(Some(expr)) => FrameBound::Following(offset(expr)?),
        })
    }
}
