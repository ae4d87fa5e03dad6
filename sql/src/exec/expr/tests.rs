//! Both modes of the evaluator against each other and against SQLite, over values at every edge.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::functions::lookup_scalar;
use crate::ir::{ArithmeticOp, CaseBranch, CompareOp, Comparison, MatchKind};
use crate::types::{Affinity, Collation, TypeSet};
use rusqlite::types::Value as SqliteValue;

fn edges() -> Vec<Value> {
    let mut values = vec![Value::Null];
    for i in [0, 1, -1, 2, 7, 63, 64, 65, -63, -64, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN, i64::MIN + 1]
    {
        values.push(Value::Integer(i));
    }
    for r in
        [0.0, -0.0, 0.5, -1.5, 2.0, 1e15, 1e16, 9007199254740992.0, 9.2e18, -9.3e18, 1e300, 1e-7, 49.47, 0.1]
    {
        values.push(Value::Real(r));
    }
    values.push(Value::Real(f64::INFINITY));
    for t in [
        "",
        "0",
        "1",
        " 1 ",
        "1abc",
        "abc",
        "ABC",
        "1.0",
        "48.00",
        ".5",
        "1e3",
        "1e",
        "-",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "99999999999999999999",
        "a%",
        "é",
        "0x10",
        "abc  ",
        "inf",
    ] {
        values.push(Value::text(t));
    }
    for b in [&b""[..], b"1", b"abc", b"12x", &[0x00, 0xff][..]] {
        values.push(Value::Blob(b.into()));
    }
    values
}

fn to_sqlite(value: &Value) -> SqliteValue {
    match value {
        Value::Null => SqliteValue::Null,
        Value::Integer(i) => SqliteValue::Integer(*i),
        Value::Real(r) => SqliteValue::Real(*r),
        Value::Decimal(d) => panic!("SQLite has no decimal {d}"),
        Value::Text(t) => SqliteValue::Text(t.to_string()),
        Value::Blob(b) => SqliteValue::Blob(b.to_vec()),
    }
}

fn from_sqlite(value: SqliteValue) -> Value {
    match value {
        SqliteValue::Null => Value::Null,
        SqliteValue::Integer(i) => Value::Integer(i),
        SqliteValue::Real(r) => Value::Real(r),
        SqliteValue::Text(t) => Value::text(t),
        SqliteValue::Blob(b) => Value::Blob(b.into()),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        // SQLite keeps no sign of zero through its registers in every place.
        (Value::Real(a), Value::Real(b)) => a == b,
        _ => left == right,
    }
}

fn context() -> Context {
    Context::new(Arc::default())
}

/// Evaluates over all rows in vector mode and in row mode; the two must agree. Errors are `None`.
fn both_modes(expr: &Expr, rows: &[Vec<Value>]) -> Vec<Option<Value>> {
    let width = rows[0].len();
    let layout: Vec<ColumnId> = (0..width as u32).map(ColumnId).collect();
    let scope = Scope { layout: &layout, ..Scope::default() };
    let mut compiled = CompiledExpr::compile(expr, scope).unwrap();
    let mut cx = context();
    let by_row: Vec<Option<Value>> = rows
        .iter()
        .map(|row| compiled.eval_row(&row.as_slice(), &mut cx).ok().map(Datum::into_value))
        .collect();
    let fine: Vec<usize> = (0..rows.len()).filter(|row| by_row[*row].is_some()).collect();
    let batch = |chosen: &[usize], types: TypeSet| {
        let columns = (0..width)
            .map(|column| {
                let mut builder = crate::exec::vector::VectorBuilder::new(types);
                chosen.iter().for_each(|row| builder.push(rows[*row][column].as_ref()));
                Arc::new(builder.finish())
            })
            .collect();
        Batch::new(columns, chosen.len())
    };
    let mut check = |chosen: &[usize], types: TypeSet| {
        let mut batch = batch(chosen, types);
        let vector = compiled.eval(&batch, &mut cx).unwrap();
        assert_eq!(vector.len(), chosen.len());
        for (place, row) in chosen.iter().enumerate() {
            let value = vector.get(place).to_owned();
            assert!(
                same(&value, by_row[*row].as_ref().unwrap()),
                "{expr:?} over {:?}: batch {value:?}, row {:?}",
                rows[*row],
                by_row[*row]
            );
        }
        // Every third row only, as a predicate.
        let some: Vec<u32> = (0..chosen.len() as u32).filter(|row| row % 3 == 0).collect();
        batch.selection = Some(some.as_slice().into());
        let mut selected = Vec::new();
        compiled.select(&batch, &mut cx, &mut selected).unwrap();
        let expected: Vec<u32> = some
            .into_iter()
            .filter(|row| {
                let value = by_row[chosen[*row as usize]].as_ref().unwrap();
                crate::functions::number::truth(value.as_ref()) == Some(true)
            })
            .collect();
        assert_eq!(selected, expected, "{expr:?}");
    };
    check(&fine, TypeSet::ALL);
    // Rows of one kind each, so that the kernels run.
    for (kind, types) in [("integer", TypeSet::INTEGER), ("real", TypeSet::REAL), ("text", TypeSet::TEXT)] {
        let typed: Vec<usize> = fine
            .iter()
            .copied()
            .filter(|row| rows[*row].iter().all(|v| v.is_null() || v.as_ref().type_name() == kind))
            .collect();
        if !typed.is_empty() {
            check(&typed, types | TypeSet::NULL);
        }
    }
    by_row
}

fn compare_with_sqlite(sql: &str, expr: &Expr, rows: &[Vec<Value>]) {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare(&format!("SELECT {sql}")).unwrap();
    let ours = both_modes(expr, rows);
    let mut wrong = Vec::new();
    for (row, ours) in rows.iter().zip(ours) {
        let parameters =
            rusqlite::params_from_iter(row.iter().take(statement.parameter_count()).map(to_sqlite));
        let theirs =
            statement.query_row(parameters, |row| row.get::<_, SqliteValue>(0)).ok().map(from_sqlite);
        let equal = match (&ours, &theirs) {
            (Some(a), Some(b)) => same(a, b),
            (None, None) => true,
            _ => false,
        };
        if !equal {
            wrong.push(format!("{sql} with {row:?}: {ours:?}, SQLite {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(15)].join("\n"));
}

fn col(place: u32) -> Expr {
    Expr::Column(ColumnId(place), TypeSet::ALL)
}

fn boxed(place: u32) -> Box<Expr> {
    Box::new(col(place))
}

fn pairs() -> Vec<Vec<Value>> {
    let edges = edges();
    edges.iter().flat_map(|a| edges.iter().map(move |b| vec![a.clone(), b.clone()])).collect()
}

fn singles() -> Vec<Vec<Value>> {
    edges().into_iter().map(|value| vec![value]).collect()
}

#[test]
fn arithmetic_is_as_in_sqlite() {
    for (sql, op) in [
        ("?1+?2", ArithmeticOp::Add),
        ("?1-?2", ArithmeticOp::Subtract),
        ("?1*?2", ArithmeticOp::Multiply),
        ("?1/?2", ArithmeticOp::Divide),
        ("?1%?2", ArithmeticOp::Remainder),
        ("?1&?2", ArithmeticOp::BitAnd),
        ("?1|?2", ArithmeticOp::BitOr),
        ("?1<<?2", ArithmeticOp::ShiftLeft),
        ("?1>>?2", ArithmeticOp::ShiftRight),
    ] {
        compare_with_sqlite(sql, &Expr::Arithmetic { op, left: boxed(0), right: boxed(1) }, &pairs());
    }
}

#[test]
fn unary_operators_are_as_in_sqlite() {
    compare_with_sqlite("-?1", &Expr::Negate(boxed(0)), &singles());
    compare_with_sqlite("~?1", &Expr::BitNot(boxed(0)), &singles());
    compare_with_sqlite("NOT ?1", &Expr::Not(boxed(0)), &singles());
    compare_with_sqlite("?1 IS NULL", &Expr::IsNull { expr: boxed(0), negated: false }, &singles());
    let is_true = Expr::IsTruth { expr: boxed(0), truth: true, negated: true };
    compare_with_sqlite("?1 IS NOT TRUE", &is_true, &singles());
    for (name, to) in [
        ("INTEGER", Affinity::Integer),
        ("REAL", Affinity::Real),
        ("NUMERIC", Affinity::Numeric),
        ("TEXT", Affinity::Text),
        ("BLOB", Affinity::Blob),
    ] {
        // A cast of a blob that is not UTF-8 is mended here and kept there.
        let rows: Vec<_> =
            singles().into_iter().filter(|row| row[0] != Value::Blob([0, 0xff].into())).collect();
        compare_with_sqlite(&format!("CAST(?1 AS {name})"), &Expr::Cast { expr: boxed(0), to }, &rows);
    }
}

#[test]
fn comparisons_are_as_in_sqlite() {
    let ops = [
        ("=", CompareOp::Equal),
        ("<>", CompareOp::NotEqual),
        ("<", CompareOp::Less),
        ("<=", CompareOp::LessOrEqual),
        (">", CompareOp::Greater),
        (">=", CompareOp::GreaterOrEqual),
        ("IS", CompareOp::Is),
        ("IS NOT", CompareOp::IsNot),
    ];
    for (sql, op) in ops {
        for collation in [Collation::Binary, Collation::NoCase, Collation::RTrim] {
            let rule = Comparison { collation, ..Comparison::default() };
            let expr = Expr::Compare { op, left: boxed(0), right: boxed(1), rule };
            compare_with_sqlite(&format!("?1 {sql} ?2 COLLATE {}", collation.name()), &expr, &pairs());
        }
        for (name, affinity) in
            [("INTEGER", Affinity::Integer), ("REAL", Affinity::Real), ("TEXT", Affinity::Text)]
        {
            let rule = Comparison { right: affinity, ..Comparison::default() };
            let left = Box::new(Expr::Cast { expr: boxed(0), to: affinity });
            let expr = Expr::Compare { op, left, right: boxed(1), rule };
            let rows: Vec<_> =
                pairs().into_iter().filter(|row| row[0] != Value::Blob([0, 0xff].into())).collect();
            compare_with_sqlite(&format!("CAST(?1 AS {name}) {sql} ?2"), &expr, &rows);
        }
    }
}

#[test]
fn logic_choice_and_lists_are_as_in_sqlite() {
    compare_with_sqlite("?1 AND ?2", &Expr::And(vec![col(0), col(1)]), &pairs());
    compare_with_sqlite("?1 OR ?2", &Expr::Or(vec![col(0), col(1)]), &pairs());
    compare_with_sqlite("coalesce(?1, ?2)", &Expr::Coalesce(vec![col(0), col(1)]), &pairs());
    let rows: Vec<_> =
        pairs().into_iter().filter(|row| !row.contains(&Value::Blob([0, 0xff].into()))).collect();
    compare_with_sqlite("?1 || ?2", &Expr::Concat(vec![col(0), col(1)]), &rows);
    let rule = Comparison::default();
    let one = || Expr::Constant(Value::Integer(1));
    let case = Expr::Case {
        operand: Some(boxed(0)),
        branches: vec![
            CaseBranch { when: col(1), rule, then: Expr::Negate(boxed(0)) },
            CaseBranch { when: one(), rule, then: col(1) },
        ],
        otherwise: None,
    };
    compare_with_sqlite("CASE ?1 WHEN ?2 THEN -?1 WHEN 1 THEN ?2 END", &case, &pairs());
    let list = Expr::InList {
        expr: vec![col(0)],
        list: vec![vec![col(1)], vec![one()], vec![Expr::Constant(Value::text("abc"))]],
        rules: vec![rule],
        negated: true,
    };
    compare_with_sqlite("?1 NOT IN (?2, 1, 'abc')", &list, &pairs());
    let integers = Expr::InList {
        expr: vec![col(0)],
        list: vec![vec![one()], vec![Expr::Constant(Value::Integer(7))]],
        rules: vec![rule],
        negated: false,
    };
    compare_with_sqlite("?1 IN (1, 7)", &integers, &singles());
    let rows_less = Expr::CompareRows {
        op: CompareOp::Less,
        left: vec![col(0), col(1)],
        right: vec![col(1), one()],
        rules: vec![rule, rule],
    };
    compare_with_sqlite("(?1, ?2) < (?2, 1)", &rows_less, &pairs());
    // The branch not taken would raise.
    let abs = |arg| Expr::Function {
        function: lookup_scalar("abs", 1).unwrap(),
        args: vec![arg],
        collation: Collation::Binary,
    };
    let guarded = Expr::And(vec![
        Expr::Compare {
            op: CompareOp::Greater,
            left: boxed(0),
            right: Box::new(Expr::Constant(Value::Integer(i64::MIN))),
            rule,
        },
        abs(col(0)),
    ]);
    // SQLite evaluates both operands here and raises.
    let ours = both_modes(&guarded, &singles());
    assert!(ours.iter().all(Option::is_some));
}

#[test]
fn matches_are_as_in_sqlite() {
    let texts =
        ["", "abc", "ABC", "aXc", "a%c", "ab", "xabcx", "a_c", "a]c", "a-c", "aBcabc", "%", "[", "héllo"];
    let patterns = [
        "", "%", "abc", "a%", "%c", "%b%", "a_c", "_", "%b_", "a%c%", "%%", "a%b%c", "*", "a*", "*c", "a?c",
        "[ab]*", "a[^b]c", "a[]]c", "a[a-c]c", "a[-x]c", "[", "a[", "*b*c", "h_llo", "h?llo",
    ];
    let rows: Vec<Vec<Value>> = texts
        .iter()
        .flat_map(|text| patterns.iter().map(|pattern| vec![Value::text(*text), Value::text(*pattern)]))
        .collect();
    for (sql, kind) in [("?1 LIKE ?2", MatchKind::Like), ("?1 GLOB ?2", MatchKind::Glob)] {
        let expr = Expr::Match { kind, expr: boxed(0), pattern: boxed(1), escape: None };
        compare_with_sqlite(sql, &expr, &rows);
        let rows: Vec<_> =
            pairs().into_iter().filter(|row| !row.contains(&Value::Blob([0, 0xff].into()))).collect();
        compare_with_sqlite(sql, &expr, &rows);
    }
    let escape = Some(Box::new(Expr::Constant(Value::text("_"))));
    let expr = Expr::Match { kind: MatchKind::Like, expr: boxed(0), pattern: boxed(1), escape };
    compare_with_sqlite("?1 LIKE ?2 ESCAPE '_'", &expr, &rows);
}

#[test]
fn functions_of_one_value_are_as_in_sqlite() {
    let not_utf8 = Value::Blob([0, 0xff].into());
    for name in [
        "abs",
        "hex",
        "length",
        "octet_length",
        "quote",
        "round",
        "sign",
        "trim",
        "typeof",
        "unhex",
        "unicode",
        "ltrim",
        "rtrim",
        "lower",
        "ceil",
        "floor",
        "trunc",
        "sqrt",
        "ln",
        "exp",
        "degrees",
        "sin",
        "acos",
    ] {
        let function = lookup_scalar(name, 1).unwrap();
        let expr = Expr::Function { function, args: vec![col(0)], collation: Collation::Binary };
        let rows: Vec<_> = singles().into_iter().filter(|row| row[0] != not_utf8).collect();
        if rusqlite::Connection::open_in_memory().unwrap().prepare(&format!("SELECT {name}(1)")).is_ok() {
            compare_with_sqlite(&format!("{name}(?1)"), &expr, &rows);
        }
    }
    for name in
        ["instr", "nullif", "max", "min", "trim", "round", "ifnull", "substr", "concat", "glob", "like"]
    {
        let function = lookup_scalar(name, 2).unwrap();
        let expr = Expr::Function { function, args: vec![col(0), col(1)], collation: Collation::Binary };
        let rows: Vec<_> = pairs().into_iter().filter(|row| !row.contains(&not_utf8)).collect();
        compare_with_sqlite(&format!("{name}(?1, ?2)"), &expr, &rows);
    }
}

#[test]
fn substr_replace_and_printf_are_as_in_sqlite() {
    let rule = |name: &str, count: usize| Expr::Function {
        function: lookup_scalar(name, count).unwrap(),
        args: (0..count as u32).map(col).collect(),
        collation: Collation::Binary,
    };
    let mut rows = Vec::new();
    for text in
        [Value::text("héllo"), Value::Blob(b"hello"[..].into()), Value::Integer(-12345), Value::text("")]
    {
        for start in [-7, -5, -2, -1, 0, 1, 2, 5, 6, 9, i64::MAX, i64::MIN] {
            for count in [-9, -2, -1, 0, 1, 3, 9, i64::MAX, i64::MIN] {
                rows.push(vec![text.clone(), Value::Integer(start), Value::Integer(count)]);
            }
        }
    }
    rows.retain(|row| row[2] != Value::Integer(i64::MIN) && row[1] != Value::Integer(i64::MIN));
    compare_with_sqlite("substr(?1, ?2, ?3)", &rule("substr", 3), &rows);
    let texts = ["", "a", "aa", "aaa", "banana", "ana", "é"].map(Value::text);
    let rows: Vec<_> = texts
        .iter()
        .flat_map(|a| texts.iter().flat_map(|b| texts.iter().map(|c| vec![a.clone(), b.clone(), c.clone()])))
        .collect();
    compare_with_sqlite("replace(?1, ?2, ?3)", &rule("replace", 3), &rows);
    let formats = [
        "%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%,d", "%x", "%#X", "%o", "%u", "%c", "%s", "%10s",
        "%-10s|", "%.2s", "%!.2s", "%q", "%Q", "%w", "%f", "%.2f", "%10.3f", "%-10.1f|", "%010.2f", "%e",
        "%.3E", "%g", "%G", "%!g", "%!.17g", "%.0f", "%#.0f", "%,.2f", "%%", "%r", "%5.3d", "%.20f",
        "%!.20f", "%.1e", "%i%%", "abc", "%z", "%k",
    ];
    let values = edges();
    let rows: Vec<_> = formats
        .iter()
        .flat_map(|format| values.iter().map(|value| vec![Value::text(*format), value.clone()]))
        .filter(|row| row[1] != Value::Blob([0, 0xff].into()))
        .collect();
    compare_with_sqlite("printf(?1, ?2)", &rule("printf", 2), &rows);
}

/// A generator whose sequence is fixed by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// A random expression over two columns, in both notations. The text has no affinities: `+` takes them away.
fn random_expr(random: &mut Random, depth: usize) -> (String, Expr) {
    if depth == 0 {
        return match random.below(4) {
            0 => ("?1".into(), col(0)),
            1 => ("?2".into(), col(1)),
            2 => ("3".into(), Expr::Constant(Value::Integer(3))),
            _ => ("NULL".into(), Expr::Constant(Value::Null)),
        };
    }
    let (a, left) = random_expr(random, depth - 1);
    let (b, right) = random_expr(random, depth - 1);
    let rule = Comparison::default();
    let (boxed_left, boxed_right) = (Box::new(left.clone()), Box::new(right.clone()));
    let arithmetic = [
        ("+", ArithmeticOp::Add),
        ("*", ArithmeticOp::Multiply),
        ("/", ArithmeticOp::Divide),
        ("%", ArithmeticOp::Remainder),
        ("-", ArithmeticOp::Subtract),
        ("&", ArithmeticOp::BitAnd),
    ];
    let compare = [
        ("=", CompareOp::Equal),
        ("<", CompareOp::Less),
        ("IS", CompareOp::Is),
        (">=", CompareOp::GreaterOrEqual),
    ];
    match random.below(9) {
        0 | 1 => {
            let (sql, op) = arithmetic[random.below(arithmetic.len())];
            (format!("({a} {sql} {b})"), Expr::Arithmetic { op, left: boxed_left, right: boxed_right })
        }
        2 | 3 => {
            let (sql, op) = compare[random.below(compare.len())];
            (format!("({a} {sql} {b})"), Expr::Compare { op, left: boxed_left, right: boxed_right, rule })
        }
        4 => (format!("({a} AND {b})"), Expr::And(vec![left, right])),
        5 => (format!("({a} OR {b})"), Expr::Or(vec![left, right])),
        6 => (format!("coalesce({a}, {b})"), Expr::Coalesce(vec![left, right])),
        7 => (
            format!("(CASE WHEN {a} THEN {b} ELSE -{a} END)"),
            Expr::Case {
                operand: None,
                branches: vec![CaseBranch { when: left.clone(), rule, then: right }],
                otherwise: Some(Box::new(Expr::Negate(Box::new(left)))),
            },
        ),
        _ => (format!("(+CAST({a} AS NUMERIC))"), Expr::Cast { expr: boxed_left, to: Affinity::Numeric }),
    }
}

#[test]
fn random_expressions_are_as_in_sqlite() {
    let mut random = Random(42);
    let edges = edges();
    for _ in 0..300 {
        let (sql, expr) = random_expr(&mut random, 3);
        let rows: Vec<Vec<Value>> = (0..40)
            .map(|_| vec![edges[random.below(edges.len())].clone(), edges[random.below(edges.len())].clone()])
            .collect();
        compare_with_sqlite(
            &sql.replace("NULL", "(NULL)"),
            &expr,
            &rows.iter().map(|r| r.to_vec()).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn reals_print_as_in_sqlite() {
    let mut random = Random(7);
    let mut rows = Vec::new();
    for _ in 0..20_000 {
        let bits = (random.below(1 << 31) as u64) << 33
            ^ (random.below(1 << 31) as u64) << 10
            ^ random.below(1 << 20) as u64;
        let real = f64::from_bits(bits);
        let decimal = random.below(1_000_000_000) as f64 / 10_f64.powi(random.below(12) as i32);
        for real in [real, decimal] {
            if real.is_finite() {
                rows.push(vec![Value::Real(real)]);
            }
        }
    }
    compare_with_sqlite("+CAST(?1 AS TEXT)", &Expr::Cast { expr: boxed(0), to: Affinity::Text }, &rows);
}

#[test]
fn equal_keys_are_equal_values() {
    let edges = edges();
    for collation in [Collation::Binary, Collation::NoCase, Collation::RTrim] {
        for a in edges.iter().filter(|value| !value.is_null()) {
            for b in edges.iter().filter(|value| !value.is_null()) {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                key::hash_key(a.as_ref(), Affinity::None, collation, &mut left);
                key::hash_key(b.as_ref(), Affinity::None, collation, &mut right);
                let rule = Comparison { collation, ..Comparison::default() };
                let equal = scalar::compare(CompareOp::Equal, a.as_ref(), b.as_ref(), rule) == Some(true);
                assert_eq!(left == right, equal, "{a:?} {b:?} {collation:?}");
            }
        }
    }
}
