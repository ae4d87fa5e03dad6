//! Operators over rows of VALUES against naive models that compare every row with every other.

use super::{Builder, build_subqueries};
use crate::exec::Context;
use crate::ir::{ColumnId, CompareOp, Comparison, Expr, JoinKind, SetOp, SortKey, SubqueryId};
use crate::plan::{Node, Operator, PlannedMember, Subplan};
use crate::types::{Collation, TypeSet};
use crate::value::Value;
use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

type Row = Vec<Value>;

fn node(columns: &[u32], operator: Operator) -> Node {
    Node {
        operator,
        columns: columns.iter().map(|id| ColumnId(*id)).collect(),
        rows: 0.0,
        cost: 0.0,
        figures: None,
    }
}

fn values(columns: &[u32], rows: &[Row]) -> Node {
    let rows = rows.iter().map(|row| row.iter().cloned().map(Expr::Constant).collect()).collect();
    node(columns, Operator::Values { rows })
}

fn column(id: u32) -> Expr {
    Expr::Column(ColumnId(id), TypeSet::ALL)
}

fn integer(value: i64) -> Expr {
    Expr::Constant(Value::Integer(value))
}

fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
    Expr::Compare { op, left: Box::new(left), right: Box::new(right), rule: Comparison::default() }
}

fn ascending(expr: Expr) -> SortKey {
    SortKey { expr, collation: Collation::Binary, descending: false, nulls_first: true }
}

/// A node that can be run again and again.
struct Run {
    root: Box<dyn super::Operator>,
    cx: Context,
}

impl Run {
    fn new(node: &Node, subplans: &[Option<Subplan>], outer: &[ColumnId]) -> Run {
        let mut cx = Context::new(Arc::new(AtomicBool::new(false)));
        cx.subqueries = build_subqueries(subplans, outer).unwrap();
        Run { root: Builder { outer, subplans }.build(node).unwrap(), cx }
    }

    fn rows(&mut self) -> Vec<Row> {
        self.root.reset(&mut self.cx).unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = self.root.next(&mut self.cx).unwrap() {
            for row in batch.selected() {
                rows.push((0..batch.columns.len()).map(|c| batch.get(c, row).to_owned()).collect());
            }
        }
        rows
    }
}

/// The rows of a node, which must be the same when it is started again.
fn run_in_order(node: &Node) -> Vec<Row> {
    let mut run = Run::new(node, &[], &[]);
    let rows = run.rows();
    assert_eq!(run.rows(), rows, "a restart gives other rows");
    run.root.stop();
    assert_eq!(run.rows(), rows, "a start after a stop gives other rows");
    rows
}

fn cmp_rows(a: &Row, b: &Row) -> Ordering {
    // Kinds differ where values are equal: 1 and 1.0.
    let order = |a: &Value, b: &Value| {
        let kinds = (a.as_ref().type_name(), b.as_ref().type_name());
        a.as_ref().total_cmp(b.as_ref()).then_with(|| kinds.0.cmp(kinds.1))
    };
    a.iter().zip(b).map(|(a, b)| order(a, b)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(cmp_rows);
    rows
}

fn run(node: &Node) -> Vec<Row> {
    sorted(run_in_order(node))
}

/// Random rows of few different values, so that duplicates and NULLs abound.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn value(&mut self, kinds: u64) -> Value {
        match (self.below(8), kinds) {
            (0, _) => Value::Null,
            (_, 0) | (1..=3, _) => Value::Integer(self.below(6) as i64 - 2),
            (4 | 5, _) => Value::Real(self.below(8) as f64 / 2.0 - 2.0),
            (6, _) => Value::text(["", "a", "A", "b"][self.below(4) as usize]),
            _ => Value::Blob(vec![self.below(3) as u8].into()),
        }
    }

    fn rows_of_some(&mut self, counts: &[u64], width: usize, kinds: u64) -> Vec<Row> {
        let count = counts[self.below(counts.len() as u64) as usize];
        self.rows(count, width, kinds)
    }

    fn rows(&mut self, count: u64, width: usize, kinds: u64) -> Vec<Row> {
        (0..count).map(|_| (0..width).map(|_| self.value(kinds)).collect()).collect()
    }
}

fn equal(a: &Value, b: &Value) -> Option<bool> {
    (!a.is_null() && !b.is_null()).then(|| a.as_ref().total_cmp(b.as_ref()).is_eq())
}

/// The pairs for which `matches` is true, by the kind of join.
fn model_join(kind: JoinKind, left: &[Row], right: &[Row], matches: impl Fn(&Row, &Row) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let nulls = |width: usize| vec![Value::Null; width];
    let (left_width, right_width) = (2, 2);
    let mut matched = vec![false; right.len()];
    for l in left {
        let mut has_partner = false;
        for (place, r) in right.iter().enumerate() {
            if matches(l, r) {
                has_partner = true;
                matched[place] = true;
                if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                    rows.push([l.clone(), r.clone()].concat());
                }
            }
        }
        match kind {
            JoinKind::Left | JoinKind::Full if !has_partner => {
                rows.push([l.clone(), nulls(right_width)].concat());
            }
            JoinKind::Semi if has_partner => rows.push(l.clone()),
            JoinKind::Anti if !has_partner => rows.push(l.clone()),
            _ => {}
        }
    }
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        for (r, _) in right.iter().zip(matched).filter(|(_, matched)| !matched) {
            rows.push([nulls(left_width), r.clone()].concat());
        }
    }
    sorted(rows)
}

const KINDS: [JoinKind; 6] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::Semi, JoinKind::Anti];

fn join_columns(kind: JoinKind) -> &'static [u32] {
    if matches!(kind, JoinKind::Semi | JoinKind::Anti) { &[0, 1] } else { &[0, 1, 2, 3] }
}

#[test]
fn hash_joins_match_the_model() {
    let mut random = Random(7);
    for round in 0..60 {
        let kinds = round % 2;
        let left_rows = [0, 1, 40, 300][random.below(4) as usize];
        let left = random.rows(left_rows, 2, kinds);
        let right_rows = [0, 1, 30, 200][random.below(4) as usize];
        let right = random.rows(right_rows, 2, kinds);
        let less = |l: &Row, r: &Row| {
            !l[1].is_null() && !r[1].is_null() && l[1].as_ref().total_cmp(r[1].as_ref()).is_lt()
        };
        for kind in KINDS {
            for (two_keys, residual) in [(false, false), (true, false), (false, true)] {
                let mut keys = vec![(column(0), column(2), Comparison::default())];
                if two_keys {
                    keys.push((column(1), column(3), Comparison::default()));
                }
                let join = node(
                    join_columns(kind),
                    Operator::HashJoin {
                        kind,
                        left: Box::new(values(&[0, 1], &left)),
                        right: Box::new(values(&[2, 3], &right)),
                        keys,
                        residual: residual.then(|| compare(CompareOp::Less, column(1), column(3))),
                        null_aware: false,
                    },
                );
                let expected = model_join(kind, &left, &right, |l, r| {
                    equal(&l[0], &r[0]) == Some(true)
                        && (!two_keys || equal(&l[1], &r[1]) == Some(true))
                        && (!residual || less(l, r))
                });
                assert_eq!(run(&join), expected, "{kind:?} {two_keys} {residual} round {round}");
            }
        }
    }
}

#[test]
fn null_aware_anti_joins_drop_what_may_be_equal() {
    let mut random = Random(11);
    for round in 0..80 {
        let left = random.rows(30, 2, round % 2);
        let right_rows = random.below(6);
        let right = random.rows(right_rows, 2, round % 2);
        for (two_keys, residual) in [(false, false), (true, false), (false, true)] {
            let mut keys = vec![(column(0), column(2), Comparison::default())];
            if two_keys {
                keys.push((column(1), column(3), Comparison::default()));
            }
            let join = node(
                &[0, 1],
                Operator::HashJoin {
                    kind: JoinKind::Anti,
                    left: Box::new(values(&[0, 1], &left)),
                    right: Box::new(values(&[2, 3], &right)),
                    keys,
                    residual: residual.then(|| compare(CompareOp::NotEqual, column(1), column(3))),
                    null_aware: true,
                },
            );
            let expected = model_join(JoinKind::Anti, &left, &right, |l, r| {
                let differs = |i: usize| equal(&l[i], &r[i]) == Some(false);
                let counts = !residual || equal(&l[1], &r[1]) == Some(false);
                counts && !differs(0) && (!two_keys || !differs(1))
            });
            assert_eq!(run(&join), expected, "{two_keys} {residual} round {round}");
        }
    }
}

#[test]
fn nested_loops_match_the_model() {
    let mut random = Random(3);
    for round in 0..40 {
        let left = random.rows_of_some(&[0, 1, 50], 2, 1);
        let right = random.rows_of_some(&[0, 1, 60], 2, 1);
        let matches = |l: &Row, r: &Row| {
            !l[0].is_null() && !r[1].is_null() && l[0].as_ref().total_cmp(r[1].as_ref()).is_le()
        };
        let condition = compare(CompareOp::LessOrEqual, column(0), column(3));
        for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
            let expected = model_join(kind, &left, &right, matches);
            let kept = node(
                join_columns(kind),
                Operator::NestedLoopJoin {
                    kind,
                    left: Box::new(values(&[0, 1], &left)),
                    right: Box::new(values(&[2, 3], &right)),
                    outer: Vec::new(),
                    on: Some(condition.clone()),
                },
            );
            assert_eq!(run(&kept), expected, "kept {kind:?} round {round}");
            // The right side applies the condition itself, with the left column as an outer one.
            let filtered = node(
                &[2, 3],
                Operator::Filter { input: Box::new(values(&[2, 3], &right)), predicate: condition.clone() },
            );
            let restarted = node(
                join_columns(kind),
                Operator::NestedLoopJoin {
                    kind,
                    left: Box::new(values(&[0, 1], &left)),
                    right: Box::new(filtered),
                    outer: vec![ColumnId(0)],
                    on: None,
                },
            );
            let mut run = Run::new(&restarted, &[], &[ColumnId(0)]);
            assert_eq!(sorted(run.rows()), expected, "restarted {kind:?} round {round}");
            assert_eq!(sorted(run.rows()), expected, "restarted twice {kind:?} round {round}");
        }
    }
}

#[test]
fn joins_keep_the_order_of_left_rows() {
    let left: Vec<Row> = (0..3_000).map(|i| vec![Value::Integer(i % 7), Value::Integer(i)]).collect();
    let right: Vec<Row> = (0..20).map(|i| vec![Value::Integer(i % 5), Value::Integer(i)]).collect();
    for residual in [None, Some(compare(CompareOp::Greater, column(3), integer(9)))] {
        let join = node(
            &[1],
            Operator::HashJoin {
                kind: JoinKind::Left,
                left: Box::new(values(&[0, 1], &left)),
                right: Box::new(values(&[2, 3], &right)),
                keys: vec![(column(0), column(2), Comparison::default())],
                residual,
                null_aware: false,
            },
        );
        let rows = run_in_order(&join);
        assert!(rows.is_sorted_by(|a, b| cmp_rows(a, b).is_le()));
        assert_eq!(rows.last(), Some(&vec![Value::Integer(2_999)]));
    }
}

#[test]
fn sorts_are_stable_and_tops_agree_with_them() {
    let mut random = Random(5);
    for kinds in [0, 1] {
        let rows: Vec<Row> = random
            .rows(20_000, 2, kinds)
            .into_iter()
            .enumerate()
            .map(|(i, mut row)| {
                row.push(Value::Integer(i as i64));
                row
            })
            .collect();
        for (descending, nulls_first, keys) in
            [(false, true, 1), (true, false, 1), (false, false, 1), (true, true, 2), (false, true, 2)]
        {
            let key =
                |id| SortKey { expr: column(id), collation: Collation::Binary, descending, nulls_first };
            let mut expected = rows.clone();
            expected.sort_by(|a, b| {
                (0..keys)
                    .map(|i| match (a[i].is_null(), b[i].is_null()) {
                        (false, false) => {
                            let order = a[i].as_ref().total_cmp(b[i].as_ref());
                            if descending { order.reverse() } else { order }
                        }
                        (x, y) if nulls_first => y.cmp(&x),
                        (x, y) => x.cmp(&y),
                    })
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            });
            for top in [None, Some(0), Some(1), Some(10), Some(5_000), Some(50_000), Some(-1)] {
                let sort = node(
                    &[0, 1, 2],
                    Operator::Sort {
                        input: Box::new(values(&[0, 1, 2], &rows)),
                        keys: (0..keys as u32).map(key).collect(),
                        top: top.map(integer),
                    },
                );
                let wanted = top.and_then(|top| usize::try_from(top).ok()).unwrap_or(rows.len());
                let expected = &expected[..wanted.min(rows.len())];
                assert!(run_in_order(&sort) == expected, "{kinds} {descending} {nulls_first} {keys} {top:?}");
            }
        }
    }
}

#[test]
fn limits_cut_across_batches() {
    let rows: Vec<Row> = (0..5_000).map(|i| vec![Value::Integer(i)]).collect();
    for (limit, offset) in [
        (None, None),
        (Some(3), None),
        (Some(2_000), Some(1_500)),
        (Some(-1), Some(4_990)),
        (Some(0), Some(1)),
        (Some(10), Some(-5)),
        (Some(10), Some(6_000)),
        (Some(i64::MAX), Some(i64::MAX)),
    ] {
        let plan = node(
            &[0],
            Operator::Limit {
                input: Box::new(values(&[0], &rows)),
                limit: limit.map(integer),
                offset: offset.map(integer),
            },
        );
        let skip = usize::try_from(offset.unwrap_or(0)).unwrap_or(0);
        let take = usize::try_from(limit.unwrap_or(-1)).unwrap_or(usize::MAX);
        let expected: Vec<Row> = rows.iter().skip(skip).take(take).cloned().collect();
        assert_eq!(run_in_order(&plan), expected, "{limit:?} {offset:?}");
    }
    let bad = node(
        &[0],
        Operator::Limit {
            input: Box::new(values(&[0], &rows)),
            limit: Some(Expr::Constant(Value::text("many"))),
            offset: None,
        },
    );
    let mut run = Run::new(&bad, &[], &[]);
    assert!(run.root.reset(&mut run.cx).is_err());
}

/// The first of rows that are equal by value.
fn model_distinct(rows: &[Row]) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        if !kept.iter().any(|k| same(k, row)) {
            kept.push(row.clone());
        }
    }
    sorted(kept)
}

fn same(a: &Row, b: &Row) -> bool {
    a.iter().zip(b).all(|(a, b)| a.as_ref().total_cmp(b.as_ref()).is_eq())
}

#[test]
fn distinct_and_compounds_match_the_model() {
    let mut random = Random(23);
    for round in 0..40 {
        let (kinds, width) = (round % 2, 1 + (round / 2 % 2) as usize);
        let columns: Vec<u32> = (0..width as u32).collect();
        let collations = vec![Collation::Binary; width];
        let left = random.rows_of_some(&[0, 5, 200], width, kinds);
        let right = random.rows_of_some(&[0, 5, 100], width, kinds);
        let distinct = node(
            &columns,
            Operator::Distinct { input: Box::new(values(&columns, &left)), collations: collations.clone() },
        );
        assert_eq!(run(&distinct), model_distinct(&left));
        for op in [SetOp::UnionAll, SetOp::Union, SetOp::Intersect, SetOp::Except] {
            let compound = node(
                &columns,
                Operator::SetOperation {
                    members: vec![
                        PlannedMember {
                            op: SetOp::UnionAll,
                            collations: Vec::new(),
                            input: values(&columns, &left),
                        },
                        PlannedMember {
                            op,
                            collations: collations.clone(),
                            input: values(&[10, 11][..width], &right),
                        },
                    ],
                },
            );
            let both = [left.clone(), right.clone()].concat();
            let is_right = |row: &&Row| right.iter().any(|r| same(r, row));
            let expected = match op {
                SetOp::UnionAll => sorted(both),
                SetOp::Union => model_distinct(&both),
                SetOp::Intersect => {
                    model_distinct(&left.iter().filter(is_right).cloned().collect::<Vec<_>>())
                }
                SetOp::Except => {
                    model_distinct(&left.iter().filter(|row| !is_right(row)).cloned().collect::<Vec<_>>())
                }
            };
            assert_eq!(run(&compound), expected, "{op:?} round {round}");
        }
    }
}

/// `x` joined to rows below it by a filter: a subquery whose outer column is 0.
fn correlated(right: &[Row]) -> Subplan {
    let filtered = node(
        &[2, 3],
        Operator::Filter {
            input: Box::new(values(&[2, 3], right)),
            predicate: compare(CompareOp::Equal, column(2), column(0)),
        },
    );
    Subplan { root: filtered, columns: vec![ColumnId(3)], outer: vec![ColumnId(0)] }
}

#[test]
fn subqueries_see_the_row_around_them() {
    let mut random = Random(31);
    for round in 0..30 {
        let left = random.rows(80, 2, round % 2);
        let right = random.rows_of_some(&[0, 3, 40], 2, round % 2);
        let query = SubqueryId(0);
        let exprs = vec![
            column(0),
            Expr::ScalarSubquery { query, column: 0, types: TypeSet::ALL },
            Expr::Exists { query, negated: false },
            Expr::InSubquery {
                expr: vec![column(1)],
                query,
                rules: vec![Comparison::default()],
                negated: false,
            },
        ];
        let project =
            node(&[0, 20, 21, 22], Operator::Project { input: Box::new(values(&[0, 1], &left)), exprs });
        for uncorrelated in [false, true] {
            let subplan = if uncorrelated {
                Subplan { root: values(&[2, 3], &right), columns: vec![ColumnId(3)], outer: Vec::new() }
            } else {
                correlated(&right)
            };
            let expected: Vec<Row> = left
                .iter()
                .map(|l| {
                    let found: Vec<&Row> =
                        right.iter().filter(|r| uncorrelated || equal(&r[0], &l[0]) == Some(true)).collect();
                    let equals: Vec<Option<bool>> = found.iter().map(|r| equal(&l[1], &r[1])).collect();
                    let is_in = if equals.contains(&Some(true)) {
                        Value::Integer(1)
                    } else if equals.contains(&None) {
                        Value::Null
                    } else {
                        Value::Integer(0)
                    };
                    let first = found.first().map_or(Value::Null, |r| r[1].clone());
                    vec![l[0].clone(), first, Value::Integer(i64::from(!found.is_empty())), is_in]
                })
                .collect();
            let mut run = Run::new(&project, &[Some(subplan)], &[ColumnId(0)]);
            assert_eq!(run.rows(), expected, "uncorrelated {uncorrelated} round {round}");
            run.cx.forget_subqueries();
            assert_eq!(run.rows(), expected, "again, uncorrelated {uncorrelated} round {round}");
        }
    }
}

#[test]
fn rows_in_subqueries_follow_three_valued_logic() {
    let mut random = Random(41);
    for _ in 0..60 {
        let left = random.rows(30, 2, 0);
        let right_rows = random.below(8);
        let right = random.rows(right_rows, 2, 0);
        let project = node(
            &[20],
            Operator::Project {
                input: Box::new(values(&[0, 1], &left)),
                exprs: vec![Expr::InSubquery {
                    expr: vec![column(0), column(1)],
                    query: SubqueryId(0),
                    rules: vec![Comparison::default(); 2],
                    negated: false,
                }],
            },
        );
        let subplan = Subplan {
            root: values(&[2, 3], &right),
            columns: vec![ColumnId(2), ColumnId(3)],
            outer: Vec::new(),
        };
        let expected: Vec<Row> = left
            .iter()
            .map(|l| {
                let pairs: Vec<[Option<bool>; 2]> =
                    right.iter().map(|r| [equal(&l[0], &r[0]), equal(&l[1], &r[1])]).collect();
                vec![if pairs.contains(&[Some(true); 2]) {
                    Value::Integer(1)
                } else if pairs.iter().any(|pair| !pair.contains(&Some(false))) {
                    Value::Null
                } else {
                    Value::Integer(0)
                }]
            })
            .collect();
        assert_eq!(Run::new(&project, &[Some(subplan)], &[]).rows(), expected);
    }
}

#[test]
fn an_interrupt_ends_a_run() {
    let rows: Vec<Row> = (0..10).map(|i| vec![Value::Integer(i)]).collect();
    let sort = node(
        &[0],
        Operator::Sort { input: Box::new(values(&[0], &rows)), keys: vec![ascending(column(0))], top: None },
    );
    let mut run = Run::new(&sort, &[], &[]);
    run.root.reset(&mut run.cx).unwrap();
    run.cx.interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(run.root.next(&mut run.cx), Err(crate::Error::Interrupted)));
    run.cx.interrupt.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(run.rows().len(), 10);
}

#[test]
fn a_plan_without_its_column_is_refused() {
    let project =
        node(&[5], Operator::Project { input: Box::new(values(&[0], &[])), exprs: vec![column(9)] });
    let builder = Builder { outer: &[], subplans: &[] };
    assert!(matches!(builder.build(&project), Err(crate::Error::Misuse(_))));
}
