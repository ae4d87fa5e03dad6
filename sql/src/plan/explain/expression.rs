//! Expressions as SQL text. Columns are called as their tables call them, or by what computes them.

use super::super::nodes::node_inputs;
use super::super::physical::{Node, Operator, ScanColumn};
use crate::catalog::Table;
use crate::ir::{
    AggregateCall, ArithmeticOp, ColumnId, CompareOp, Expr, Frame, FrameBound, FrameUnit, MatchKind, Target,
    WindowCall, WindowFunction,
};
use crate::parser::Exclude;
use crate::types::Affinity;
use crate::value::Value;
use rustc_hash::FxHashMap;

/// A computed column whose text is longer goes by its number.
const TEXT_MAX: usize = 48;

/// What columns are called.
#[derive(Default)]
pub(super) struct Names(FxHashMap<ColumnId, String>);

impl Names {
    /// Learns the columns that a node and its inputs produce.
    pub(super) fn node(&mut self, node: &Node) {
        node_inputs(node, &mut |input| self.node(input));
        match &node.operator {
            Operator::TableScan(scan) => self.scan(node, &scan.table, &scan.columns, &scan.alias),
            Operator::IndexScan(scan) => self.scan(node, &scan.table, &scan.columns, &scan.alias),
            Operator::Project { exprs, .. } => {
                for (id, expr) in node.columns.iter().zip(exprs) {
                    self.computed(*id, self.text(expr));
                }
            }
            Operator::Aggregate { groups, calls, bare, .. } => {
                let texts: Vec<String> = groups
                    .iter()
                    .map(|(e, _)| self.text(e))
                    .chain(calls.iter().map(|call| self.call(call)))
                    .chain(bare.iter().map(|id| self.column(*id)))
                    .collect();
                for (id, text) in node.columns.iter().zip(texts) {
                    self.computed(*id, text);
                }
            }
            Operator::TableFunction { function, alias, .. } => {
                for (id, column) in node.columns.iter().zip(&function.0.columns) {
                    self.0.insert(*id, format!("{alias}.{column}"));
                }
            }
            Operator::Window { input, calls, .. } => {
                for (id, call) in node.columns.iter().skip(input.columns.len()).zip(calls) {
                    let text = self.window_call(call);
                    self.computed(*id, text);
                }
            }
            Operator::Recursive(recursive) => {
                for (id, from) in node.columns.iter().zip(&recursive.anchor.columns) {
                    let name = self.column(*from);
                    self.computed(*id, name);
                }
            }
            Operator::SetOperation { members } => {
                let first = members.first().map_or(&[][..], |member| &member.input.columns);
                for (id, from) in node.columns.iter().zip(first) {
                    let name = self.column(*from);
                    self.computed(*id, name);
                }
            }
            _ => {}
        }
    }

    /// Learns the columns of a row being written.
    pub(super) fn target(&mut self, target: &Target) {
        for (id, column) in target.columns.iter().zip(&target.table.columns) {
            self.0.insert(*id, column.name.clone());
        }
        self.0.insert(target.row_id, "rowid".to_owned());
    }

    fn scan(&mut self, node: &Node, table: &Table, columns: &[ScanColumn], alias: &str) {
        for (id, column) in node.columns.iter().zip(columns) {
            let name = match column {
                ScanColumn::Column(at) => table.columns.get(*at).map_or("?", |c| c.name.as_str()),
                ScanColumn::RowId => table
                    .row_id_column
                    .and_then(|at| table.columns.get(at))
                    .map_or("rowid", |c| c.name.as_str()),
            };
            self.0.insert(*id, format!("{alias}.{name}"));
        }
    }

    fn computed(&mut self, id: ColumnId, text: String) {
        if text.len() <= TEXT_MAX {
            self.0.entry(id).or_insert(text);
        }
    }

    /// What a column is called.
    pub(super) fn column(&self, id: ColumnId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("#{}", id.0))
    }

    /// An aggregate call.
    pub(super) fn call(&self, call: &AggregateCall) -> String {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let args = if call.args.is_empty() { "*".to_owned() } else { self.list(&call.args) };
        let filter =
            call.filter.as_ref().map_or_else(String::new, |e| format!(" FILTER (WHERE {})", self.text(e)));
        format!("{}({distinct}{args}){filter}", call.function.0.name)
    }

    /// A call over a window; a frame that is not the usual one is shown.
    pub(super) fn window_call(&self, call: &WindowCall) -> String {
        let filter =
            call.filter.as_ref().map_or_else(String::new, |e| format!(" FILTER (WHERE {})", self.text(e)));
        let frame = &call.frame;
        let is_usual = frame.unit == FrameUnit::Range
            && frame.start == FrameBound::UnboundedPreceding
            && frame.end == FrameBound::CurrentRow
            && frame.exclude.is_none();
        let over = if is_usual { String::new() } else { format!(" OVER ({})", self.frame(frame)) };
        let is_count = matches!(call.function, WindowFunction::Aggregate(_)) && call.args.is_empty();
        let args = if is_count { "*".to_owned() } else { self.list(&call.args) };
        format!("{}({args}){filter}{over}", call.function.name())
    }

    fn frame(&self, frame: &Frame) -> String {
        let unit = match frame.unit {
            FrameUnit::Rows => "ROWS",
            FrameUnit::Range => "RANGE",
            FrameUnit::Groups => "GROUPS",
        };
        let bound = |bound: &FrameBound| match bound {
            FrameBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            FrameBound::Preceding(e) => format!("{} PRECEDING", self.text(e)),
            FrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            FrameBound::Following(e) => format!("{} FOLLOWING", self.text(e)),
            FrameBound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
        };
        let exclude = match frame.exclude {
            None => "",
            Some(Exclude::NoOthers) => " EXCLUDE NO OTHERS",
            Some(Exclude::CurrentRow) => " EXCLUDE CURRENT ROW",
            Some(Exclude::Group) => " EXCLUDE GROUP",
            Some(Exclude::Ties) => " EXCLUDE TIES",
        };
        format!("{unit} BETWEEN {} AND {}{exclude}", bound(&frame.start), bound(&frame.end))
    }

    fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|e| self.text(e)).collect::<Vec<_>>().join(", ")
    }

    fn row(&self, exprs: &[Expr]) -> String {
        match exprs {
            [one] => self.part(one),
            many => format!("({})", self.list(many)),
        }
    }

    fn chain(&self, exprs: &[Expr], operator: &str) -> String {
        exprs.iter().map(|e| self.part(e)).collect::<Vec<_>>().join(operator)
    }

    /// An operand: in parentheses unless it is one word.
    fn part(&self, expr: &Expr) -> String {
        let text = self.text(expr);
        let plain = matches!(
            expr,
            Expr::Constant(_)
                | Expr::Literal { .. }
                | Expr::Parameter(_)
                | Expr::Function { .. }
                | Expr::Coalesce(_)
                | Expr::Cast { .. }
                | Expr::ScalarSubquery { .. }
                | Expr::Exists { negated: false, .. }
                | Expr::Column(..)
        );
        if plain { text } else { format!("({text})") }
    }

    /// An expression.
    pub(super) fn text(&self, expr: &Expr) -> String {
        match expr {
            Expr::Constant(value) => constant(value),
            Expr::Literal { slot, .. } => format!("#literal{}", slot + 1),
            Expr::Parameter(number) => format!("?{}", number + 1),
            Expr::Column(id, _) => self.column(*id),
            Expr::Negate(x) => format!("-{}", self.part(x)),
            Expr::BitNot(x) => format!("~{}", self.part(x)),
            Expr::Not(x) => format!("NOT {}", self.part(x)),
            Expr::IsNull { expr, negated } => format!("{} IS {}NULL", self.part(expr), not(*negated)),
            Expr::IsTruth { expr, truth, negated } => {
                let truth = if *truth { "TRUE" } else { "FALSE" };
                format!("{} IS {}{truth}", self.part(expr), not(*negated))
            }
            Expr::Arithmetic { op, left, right } => {
                format!("{} {} {}", self.part(left), arithmetic(*op), self.part(right))
            }
            Expr::Compare { op, left, right, .. } => {
                format!("{} {} {}", self.part(left), comparison(*op), self.part(right))
            }
            Expr::CompareRows { op, left, right, .. } => {
                format!("{} {} {}", self.row(left), comparison(*op), self.row(right))
            }
            Expr::Between { expr, low, high } => {
                format!("{} BETWEEN {} AND {}", self.row(expr), self.row(&low.values), self.row(&high.values))
            }
            Expr::And(list) => self.chain(list, " AND "),
            Expr::Or(list) => self.chain(list, " OR "),
            Expr::Concat(list) => self.chain(list, " || "),
            Expr::Case { operand, branches, otherwise } => {
                let mut text = "CASE".to_owned();
                text += &operand.as_ref().map_or_else(String::new, |e| format!(" {}", self.text(e)));
                for branch in branches {
                    text += &format!(" WHEN {} THEN {}", self.text(&branch.when), self.text(&branch.then));
                }
                text += &otherwise.as_ref().map_or_else(String::new, |e| format!(" ELSE {}", self.text(e)));
                text + " END"
            }
            Expr::Coalesce(list) => format!("coalesce({})", self.list(list)),
            Expr::Cast { expr, to } => format!("CAST({} AS {})", self.text(expr), affinity(*to)),
            Expr::Match { kind, expr, pattern, escape } => {
                let kind = match kind {
                    MatchKind::Like => "LIKE",
                    MatchKind::Glob => "GLOB",
                    MatchKind::Regexp => "REGEXP",
                };
                let escape =
                    escape.as_ref().map_or_else(String::new, |e| format!(" ESCAPE {}", self.part(e)));
                format!("{} {kind} {}{escape}", self.part(expr), self.part(pattern))
            }
            Expr::InList { expr, list, negated, .. } => {
                let shown: Vec<String> = list.iter().take(10).map(|row| self.row(row)).collect();
                let more =
                    if list.len() > 10 { format!(", .. {} values", list.len()) } else { String::new() };
                format!("{} {}IN ({}{more})", self.row(expr), not(*negated), shown.join(", "))
            }
            Expr::Function { function, args, .. } => format!("{}({})", function.0.name, self.list(args)),
            Expr::ScalarSubquery { query, .. } => format!("(subquery {})", query.0 + 1),
            Expr::Exists { query, negated } => format!("{}EXISTS (subquery {})", not(*negated), query.0 + 1),
            Expr::InSubquery { expr, query, negated, .. } => {
                format!("{} {}IN (subquery {})", self.row(expr), not(*negated), query.0 + 1)
            }
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn constant(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(i) => i.to_string(),
        Value::Real(r) => format!("{r:?}"),
        Value::Decimal(d) => d.to_string(),
        Value::Text(t) => format!("'{}'", t.replace('\'', "''")),
        Value::Blob(b) => {
            let digits: String = b.iter().take(16).map(|byte| format!("{byte:02X}")).collect();
            format!("X'{digits}'")
        }
    }
}

fn arithmetic(op: ArithmeticOp) -> &'static str {
    match op {
        ArithmeticOp::Add => "+",
        ArithmeticOp::Subtract => "-",
        ArithmeticOp::Multiply => "*",
        ArithmeticOp::Divide => "/",
        ArithmeticOp::Remainder => "%",
        ArithmeticOp::BitAnd => "&",
        ArithmeticOp::BitOr => "|",
        ArithmeticOp::ShiftLeft => "<<",
        ArithmeticOp::ShiftRight => ">>",
    }
}

fn comparison(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "=",
        CompareOp::NotEqual => "<>",
        CompareOp::Less => "<",
        CompareOp::LessOrEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterOrEqual => ">=",
        CompareOp::Is => "IS",
        CompareOp::IsNot => "IS NOT",
    }
}

fn affinity(affinity: Affinity) -> &'static str {
    match affinity {
        Affinity::None | Affinity::Blob => "BLOB",
        Affinity::Text => "TEXT",
        Affinity::Numeric => "NUMERIC",
        Affinity::Integer => "INTEGER",
        Affinity::Real => "REAL",
        Affinity::Decimal => "DECIMAL",
    }
}
