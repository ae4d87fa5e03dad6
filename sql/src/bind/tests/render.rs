//! RangeEnd statements as text: columns are `#id`, lifted literals `$slot`, and what a comparison converts or collates
//! stands behind its operator.

use crate::ir::*;
use crate::types::{Affinity, Collation};
use std::fmt::Write as _;

/// The relation, its outputs' names, the subqueries and the pinned slots.
pub(super) fn bound(bound: &Bound<Query>) -> String {
    let mut text = query(&bound.root);
    subqueries(&mut text, &bound.subqueries);
    if !bound.pinned.is_empty() {
        let _ = write!(text, "\npinned {:?}", bound.pinned);
    }
    text
}

pub(super) fn subqueries(text: &mut String, subqueries: &[Subquery]) {
    for (i, subquery) in subqueries.iter().enumerate() {
        let outer: Vec<String> = subquery.outer.iter().map(|id| format!("#{}", id.0)).collect();
        let _ = write!(text, "\nq{i}({}): {}", outer.join(" "), query(&subquery.query));
    }
}

pub(super) fn query(query: &Query) -> String {
    let outputs: Vec<String> =
        query.outputs.iter().map(|output| format!("#{} {}", output.column.0, output.name)).collect();
    format!("{} -> {}", relation(&query.relation), outputs.join(", "))
}

/// Name, kinds, affinity and collation of each output.
pub(super) fn outputs(bound: &Bound<Query>) -> String {
    let lines = bound.root.outputs.iter().map(|output| {
        format!("{} {:?} {:?} {}", output.name, output.types, output.affinity, output.collation.name())
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn names(bound: &Bound<Query>) -> Vec<String> {
    bound.root.outputs.iter().map(|output| output.name.clone()).collect()
}

pub(super) fn relation(of: &Relation) -> String {
    match of {
        Relation::OneRow => "row".to_owned(),
        Relation::Table(rows) => {
            let hint = match &rows.hint {
                IndexHint::None => String::new(),
                IndexHint::NotIndexed => " not indexed".to_owned(),
                IndexHint::IndexedBy(index) => format!(" by {}", index.name),
            };
            format!("{}[#{}..]{hint}", rows.alias, rows.columns[0].0)
        }
        Relation::Values { rows, columns } => {
            let rows: Vec<String> = rows.iter().map(|row| format!("({})", list(row))).collect();
            format!("values[#{}..] {}", columns.first().map_or(0, |id| id.0), rows.join(" "))
        }
        Relation::Filter { input, predicate } => format!("filter({}, {})", relation(input), expr(predicate)),
        Relation::Project { input, columns } => {
            let columns: Vec<String> =
                columns.iter().map(|(id, of)| format!("#{}={}", id.0, expr(of))).collect();
            format!("project({}, {})", relation(input), columns.join(" "))
        }
        Relation::Join { kind, left, right, on } => {
            let on = on.as_ref().map_or_else(String::new, |on| format!(", {}", expr(on)));
            format!("{kind:?}({}, {}{on})", relation(left), relation(right))
        }
        Relation::Aggregate { input, groups, calls, bare, bare_from } => {
            let mut parts: Vec<String> = groups
                .iter()
                .map(|(id, of, by)| format!("#{}={}{}", id.0, expr(of), collated(*by)))
                .collect();
            parts.push("|".to_owned());
            parts.extend(calls.iter().map(|(id, call)| format!("#{}={}", id.0, self::call(call))));
            parts.extend(bare.iter().map(|(id, of)| format!("#{}~#{}", id.0, of.0)));
            parts.extend(bare_from.map(|call| format!("from {call}")));
            format!("group({}, {})", relation(input), parts.join(" "))
        }
        Relation::Window { input, window, calls } => {
            let mut parts: Vec<String> =
                window.partition.iter().map(|(of, by)| format!("{}{}", expr(of), collated(*by))).collect();
            parts.push("|".to_owned());
            parts.extend(window.order.iter().map(key));
            parts.push("|".to_owned());
            parts.extend(
                calls
                    .iter()
                    .map(|(id, call)| format!("#{}={}({})", id.0, call.function.name(), list(&call.args))),
            );
            format!("window({}, {})", relation(input), parts.join(" "))
        }
        Relation::Distinct { input, columns } => {
            format!("distinct({}, {})", relation(input), compared(columns))
        }
        Relation::Sort { input, keys } => {
            let keys: Vec<String> = keys.iter().map(key).collect();
            format!("sort({}, {})", relation(input), keys.join(", "))
        }
        Relation::Limit { input, limit, offset } => {
            let part = |part: &Option<Expr>| part.as_ref().map_or_else(|| "-".to_owned(), expr);
            format!("limit({}, {}, {})", relation(input), part(limit), part(offset))
        }
        Relation::TableFunction(call) => format!("{}{}", call.function.0.name, list(&call.args)),
        Relation::Queue(queue) => format!("queue{}[#{}..]", queue.recursion.0, queue.columns[0].0),
        Relation::Recursive(recursive) => {
            let steps: Vec<String> = recursive.steps.iter().map(|(step, _)| relation(step)).collect();
            let order: Vec<String> = recursive.order.iter().map(key).collect();
            format!(
                "recursive{}({}; {}; {}; {})",
                recursive.recursion.0,
                relation(&recursive.anchor.0),
                steps.join("; "),
                order.join(", "),
                compared(&recursive.columns)
            )
        }
        Relation::SetOperation { members, columns } => {
            let mut text = String::new();
            for member in members {
                let rows = relation(&member.relation);
                text = match (text.as_str(), member.collations.as_slice()) {
                    ("", _) => rows,
                    (before, collations) => {
                        let columns: Vec<(ColumnId, Collation)> =
                            columns.iter().copied().zip(collations.iter().copied()).collect();
                        format!("{:?}({before}, {rows}; {})", member.op, compared(&columns))
                    }
                };
            }
            text
        }
    }
}

fn key(key: &SortKey) -> String {
    let nulls = if key.nulls_first == key.descending { " nulls" } else { "" };
    let direction = if key.descending { " desc" } else { "" };
    format!("{}{}{direction}{nulls}", expr(&key.expr), collated(key.collation))
}

fn compared(columns: &[(ColumnId, Collation)]) -> String {
    columns.iter().map(|(id, by)| format!("#{}{}", id.0, collated(*by))).collect::<Vec<_>>().join(" ")
}

fn collated(collation: Collation) -> &'static str {
    match collation {
        Collation::Binary => "",
        Collation::NoCase => " nocase",
        Collation::RTrim => " rtrim",
        Collation::User(own) => own.name(),
    }
}

fn call(call: &AggregateCall) -> String {
    let distinct = if call.distinct { "distinct " } else { "" };
    let filter = call.filter.as_ref().map_or_else(String::new, |filter| format!(" if {}", expr(filter)));
    format!("{}({distinct}{}){filter}{}", call.function.0.name, list(&call.args), collated(call.collation))
}

fn list(exprs: &[Expr]) -> String {
    exprs.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn rule(rule: &Comparison) -> String {
    let mut text = String::new();
    for (side, affinity) in [("l", rule.left), ("r", rule.right)] {
        if affinity != Affinity::None {
            let _ = write!(text, "{side}:{affinity:?} ");
        }
    }
    let text = format!("{text}{}", collated(rule.collation).trim_start());
    if text.is_empty() { text } else { format!("{{{}}}", text.trim_end()) }
}

fn rules(of: &[Comparison]) -> String {
    of.iter().map(rule).collect()
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

pub(super) fn expr(of: &Expr) -> String {
    match of {
        Expr::Constant(value) => format!("{value:?}"),
        Expr::Literal { slot, .. } => format!("${slot}"),
        Expr::Parameter(number) => format!("?{number}"),
        Expr::Column(id, _) => format!("#{}", id.0),
        Expr::Negate(of) => format!("-{}", expr(of)),
        Expr::BitNot(of) => format!("~{}", expr(of)),
        Expr::Not(of) => format!("not {}", expr(of)),
        Expr::IsNull { expr: of, negated } => format!("({} is {}null)", expr(of), not(*negated)),
        Expr::IsTruth { expr: of, truth, negated } => format!("({} is {}{truth})", expr(of), not(*negated)),
        Expr::Arithmetic { op, left, right } => format!("({} {op:?} {})", expr(left), expr(right)),
        Expr::Compare { op, left, right, rule: by } => {
            format!("({} {op:?}{} {})", expr(left), rule(by), expr(right))
        }
        Expr::CompareRows { op, left, right, rules: by } => {
            format!("([{}] {op:?}{} [{}])", list(left), rules(by), list(right))
        }
        Expr::Between { expr: of, low, high } => {
            let bound = |bound: &RangeEnd| format!("{}[{}]", rules(&bound.rules), list(&bound.values));
            format!("([{}] between {} {})", list(of), bound(low), bound(high))
        }
        Expr::And(of) => format!("and({})", list(of)),
        Expr::Or(of) => format!("or({})", list(of)),
        Expr::Concat(of) => format!("concat({})", list(of)),
        Expr::Case { operand, branches, otherwise } => {
            let operand = operand.as_ref().map_or_else(String::new, |operand| format!("{} ", expr(operand)));
            let branches: Vec<String> = branches
                .iter()
                .map(|b| format!("{}{} => {}", rule(&b.rule), expr(&b.when), expr(&b.then)))
                .collect();
            let otherwise = otherwise.as_ref().map_or_else(|| "-".to_owned(), |otherwise| expr(otherwise));
            format!("case({operand}{}, {otherwise})", branches.join(", "))
        }
        Expr::Coalesce(of) => format!("coalesce({})", list(of)),
        Expr::Cast { expr: of, to } => format!("cast({} {to:?})", expr(of)),
        Expr::Match { kind, expr: of, pattern, escape } => {
            let escape =
                escape.as_ref().map_or_else(String::new, |escape| format!(" escape {}", expr(escape)));
            format!("({} {kind:?} {}{escape})", expr(of), expr(pattern))
        }
        Expr::InList { expr: of, list: rows, rules: by, negated } => {
            let rows: Vec<String> = rows.iter().map(|row| list(row)).collect();
            format!("({} {}in{} [{}])", list(of), not(*negated), rules(by), rows.join("; "))
        }
        Expr::Function { function, args, collation } => {
            format!("{}({}){}", function.0.name, list(args), collated(*collation))
        }
        Expr::ScalarSubquery { query, column, .. } => format!("q{}.{column}", query.0),
        Expr::Exists { query, negated } => format!("{}exists q{}", not(*negated), query.0),
        Expr::InSubquery { expr: of, query, rules: by, negated } => {
            format!("({} {}in{} q{})", list(of), not(*negated), rules(by), query.0)
        }
    }
}
