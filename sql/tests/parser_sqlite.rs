//! The parser beside SQLite: what SQLite prepares must parse, what it refuses as a syntax error must not, operators
//! must group alike; lifting must change nothing; nothing may panic.

#![allow(missing_docs)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod beside_sqlite {
    use rusqlite::Connection;
    use sedge_sql::parser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
    use sedge_sql::parser::{LiftScratch, Slots, lift, parse_expr_text, parse_one};
    use sedge_sql::{Error, Value as SqlValue};

    /// Statements that SQLite accepts, one a line.
    const ACCEPTED: &str = include_str!("parser_accepted.sql");
    /// Statements that SQLite refuses for their syntax, one a line.
    const REFUSED: &str = include_str!("parser_refused.sql");

    const SCHEMA: &str = "
        CREATE TABLE t1(a INTEGER PRIMARY KEY, b TEXT, c REAL); CREATE TABLE t2(x, y, z); CREATE TABLE t3(a, x);
        CREATE INDEX i1 ON t1(b); CREATE UNIQUE INDEX i2 ON t2(x); CREATE UNIQUE INDEX i3 ON t2(y, z) WHERE z > 0;
        CREATE UNIQUE INDEX i4 ON t2(lower(y) COLLATE nocase);
        CREATE VIEW v1 AS SELECT a, b FROM t1; CREATE TABLE doc(j TEXT); CREATE TABLE one(n);
        CREATE TRIGGER tr1 AFTER INSERT ON t1 BEGIN SELECT 1; END; SAVEPOINT s1;";

    fn sqlite() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection
    }

    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-- "))
    }

    #[test]
    fn accepts_what_sqlite_accepts() {
        let connection = sqlite();
        let mut scratch = LiftScratch::default();
        let mut wrong = Vec::new();
        for sql in lines(ACCEPTED) {
            if let Err(error) = connection.prepare(sql) {
                wrong.push(format!("SQLite refuses {sql}: {error}"));
            }
            match parse_one(sql, None) {
                Ok(Some((_, end))) if end == sql.len() => {}
                Ok(other) => wrong.push(format!("we stop early at {sql}: {:?}", other.map(|(_, end)| end))),
                Err(error) => wrong.push(format!("we refuse {sql}: {error}")),
            }
            if let Some(lifted) = lift(sql, &mut scratch)
                && let Err(error) = parse_one(sql, Some(lifted.slots()))
            {
                wrong.push(format!("we refuse when lifted {sql}: {error}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn refuses_what_sqlite_refuses() {
        let connection = sqlite();
        let mut wrong = Vec::new();
        for sql in lines(REFUSED) {
            if connection.prepare(sql).is_ok() {
                wrong.push(format!("SQLite accepts {sql}"));
            }
            match parse_one(sql, None) {
                Err(error @ (Error::Syntax { .. } | Error::Invalid { .. } | Error::Limit { .. })) => {
                    if error.span().is_none_or(|span| span.end > sql.len()) {
                        wrong.push(format!("no place in the error of {sql}: {error}"));
                    }
                }
                other => wrong.push(format!("we accept {sql}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// An operator as SQLite's SQL writes it.
    fn written(op: BinaryOperator) -> &'static str {
        use BinaryOperator as B;
        match op {
            B::Plus => "+",
            B::Minus => "-",
            B::Multiply => "*",
            B::Divide => "/",
            B::Modulo => "%",
            B::StringConcat => "||",
            B::Gt => ">",
            B::Lt => "<",
            B::GtEq => ">=",
            B::LtEq => "<=",
            B::Eq => "=",
            B::NotEq => "<>",
            B::And => "AND",
            B::Or => "OR",
            B::BitwiseAnd => "&",
            B::BitwiseOr => "|",
            B::ShiftLeft => "<<",
            B::ShiftRight => ">>",
            B::Arrow => "->",
            B::LongArrow => "->>",
            B::Glob => "GLOB",
            B::Match => "MATCH",
            B::Regexp => "REGEXP",
        }
    }

    /// The expression with every operator in parentheses of its own.
    fn grouped(expr: &Expr) -> String {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match expr {
            Expr::BinaryOp { left, op, right } => {
                format!("({} {} {})", grouped(left), written(*op), grouped(right))
            }
            Expr::UnaryOp { op, expr } => {
                let op = match op {
                    UnaryOperator::Plus => "+",
                    UnaryOperator::Minus => "-",
                    UnaryOperator::BitwiseNot => "~",
                    UnaryOperator::Not => "NOT",
                };
                format!("({op} {})", grouped(expr))
            }
            Expr::IsDistinctFrom(a, b) => format!("({} IS NOT {})", grouped(a), grouped(b)),
            Expr::IsNotDistinctFrom(a, b) => format!("({} IS {})", grouped(a), grouped(b)),
            Expr::IsNull(a) => format!("({} ISNULL)", grouped(a)),
            Expr::IsNotNull(a) => format!("({} NOTNULL)", grouped(a)),
            Expr::Like { negated, expr, pattern, escape_char: None, .. } => {
                format!("({} {}LIKE {})", grouped(expr), not(negated), grouped(pattern))
            }
            Expr::Between { expr, negated, low, high } => {
                format!("({} {}BETWEEN {} AND {})", grouped(expr), not(negated), grouped(low), grouped(high))
            }
            Expr::InList { expr, list, negated } => {
                let list: Vec<_> = list.iter().map(grouped).collect();
                format!("({} {}IN ({}))", grouped(expr), not(negated), list.join(", "))
            }
            Expr::Collate { expr, collation } => {
                format!("({} COLLATE {})", grouped(expr), collation.value)
            }
            Expr::Identifier(name) => name.value.to_string(),
            Expr::Value(value) => match &value.value {
                Value::Number(text) => text.to_string(),
                other => format!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn operators_group_as_in_sqlite() {
        let connection = Connection::open_in_memory().unwrap();
        let binary = [
            "OR",
            "AND",
            "=",
            "==",
            "<>",
            "!=",
            "IS",
            "IS NOT",
            "LIKE",
            "NOT LIKE",
            "GLOB",
            "NOT GLOB",
            "BETWEEN 0 AND",
            "NOT BETWEEN 0 AND",
            "IS DISTINCT FROM",
            "IS NOT DISTINCT FROM",
            "<",
            ">",
            "<=",
            ">=",
            "&",
            "|",
            "<<",
            ">>",
            "+",
            "-",
            "*",
            "/",
            "%",
            "||",
            "->",
            "->>",
        ];
        let prefix = ["NOT", "-", "+", "~"];
        let postfix = ["ISNULL", "NOTNULL", "NOT NULL", "COLLATE nocase", "IN (1, 2)", "NOT IN (0, 7)"];
        let mut texts = Vec::new();
        for first in binary {
            for second in binary {
                texts.push(format!("a {first} b {second} c"));
            }
            for prefix in prefix {
                texts.push(format!("{prefix} a {first} b"));
                texts.push(format!("a {first} {prefix} b"));
                texts.push(format!("a {first} {prefix} b = c"));
            }
            for postfix in postfix {
                texts.push(format!("a {first} b {postfix}"));
                texts.push(format!("a {postfix} {first} b"));
            }
        }
        let values = ["0", "1", "2", "-3", "7", "NULL", "'a'", "'A'", "2.5", "'[1,2]'", "'1'"];
        let mut told_apart = 0;
        for text in &texts {
            let expr = parse_expr_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let ours = grouped(&expr);
            // The other grouping of three operands, to know that the values tell the two apart.
            let mut differs = false;
            for i in 0..values.len() * 12 {
                let pick = |n: usize| values[(i * (2 * n + 3) + n * i / 5 + n) % values.len()];
                let row = format!("(SELECT {} AS a, {} AS b, {} AS c)", pick(0), pick(1), pick(2));
                let run = |text: &str| {
                    let sql = format!("SELECT quote({text}) FROM {row}");
                    connection
                        .query_row(&sql, [], |row| row.get::<_, String>(0))
                        .map_err(|error| error.to_string())
                };
                let theirs = run(text);
                assert_eq!(theirs.clone().ok(), run(&ours).ok(), "{text} is not {ours} over {row}");
                if let Some((left, right)) = text.split_once(" b ") {
                    differs |=
                        run(&format!("{left} (b {right})")).ok() != run(&format!("({left} b) {right}")).ok();
                }
            }
            told_apart += usize::from(differs);
        }
        assert!(told_apart > texts.len() / 2, "{told_apart} of {}", texts.len());
    }

    /// The debug text of a tree with its slots replaced by the literals that stood there.
    fn substituted(sql: &str, lifted: Slots<'_>) -> String {
        let (parsed, _) = parse_one(sql, Some(lifted)).unwrap().unwrap();
        let mut tree = format!("{:?} {:?} {:?}", parsed.statement, parsed.hints, parsed.parameters);
        for (slot, (value, &place)) in lifted.literals.iter().zip(lifted.places).enumerate() {
            let source = &sql[place..];
            let literal = match value {
                SqlValue::Text(text) => format!("SingleQuotedString({text:?})"),
                SqlValue::Blob(_) => {
                    format!("HexStringLiteral({:?})", source[2..].split('\'').next().unwrap())
                }
                _ => {
                    let bytes = source.as_bytes();
                    let hex = source.starts_with("0x") || source.starts_with("0X");
                    let length = (0..bytes.len())
                        .find(|&at| {
                            let exponent = at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !hex;
                            !(bytes[at].is_ascii_alphanumeric()
                                || matches!(bytes[at], b'.' | b'_')
                                || exponent && matches!(bytes[at], b'+' | b'-'))
                        })
                        .unwrap_or(bytes.len());
                    format!("Number({:?})", source[..length].replace('_', ""))
                }
            };
            tree = tree.replace(&format!("Slot({slot})"), &literal);
        }
        tree
    }

    #[test]
    fn lifting_changes_no_tree() {
        let mut scratch = LiftScratch::default();
        let mut count = 0;
        for sql in lines(ACCEPTED) {
            let Some(lifted) = lift(sql, &mut scratch) else { continue };
            assert_eq!(lifted.end, sql.len(), "{sql}");
            count += lifted.literals.len();
            let (parsed, _) = parse_one(sql, None).unwrap().unwrap();
            let plain = format!("{:?} {:?} {:?}", parsed.statement, parsed.hints, parsed.parameters);
            assert_eq!(plain, substituted(sql, lifted.slots()), "{sql}");
        }
        assert!(count > 100);
    }

    #[test]
    fn broken_statements_never_panic() {
        let sources: Vec<&str> = lines(ACCEPTED).chain(lines(REFUSED)).collect();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below.max(1) as u64) as usize
        };
        let splices = [
            "'", "\"", "(", ")", ";", "--", "/*", "*/", "é", "\u{feff}", "#0", "x'", "0x", " END ", ",", "?",
        ];
        let mut scratch = LiftScratch::default();
        for round in 0..20_000 {
            let mut bytes = sources[round % sources.len()].as_bytes().to_vec();
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                match next(4) {
                    0 if !bytes.is_empty() => drop(bytes.remove(at)),
                    1 if !bytes.is_empty() => bytes[at] = next(256) as u8,
                    2 => bytes.truncate(at),
                    _ => drop(bytes.splice(at..at, splices[next(splices.len())].bytes())),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            let _ = sedge_sql::parser::is_complete(&text);
            let lifted = lift(&text, &mut scratch);
            for lifted in [None, lifted.as_ref().map(|lifted| lifted.slots())] {
                let mut rest = &text[..];
                match parse_one(rest, lifted) {
                    Ok(Some((parsed, end))) => {
                        assert!(rest.is_char_boundary(end), "{text}");
                        rest = &rest[end..];
                        assert!(rest.len() < text.len() && parsed.start < end, "{text}");
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let span = error.span().unwrap_or_default();
                        assert!(span.start <= span.end && span.end <= text.len(), "{text}: {error:?}");
                        assert!(text.get(span.start..span.end).is_some(), "{text}: {error:?}");
                    }
                }
            }
        }
    }
}
