//! Forms that are rare in the generator's other statements: escapes and classes of patterns, casts of texts that are
//! nearly numbers, subqueries of every shape in every clause, merged columns of chained joins, nested compounds,
//! calls of aggregates with FILTER, DISTINCT and ORDER BY.

use crate::generator::{COLUMNS, Generator, SOURCES, Select, TABLES};

const NEARLY_NUMBERS: [&str; 16] = [
    "'12abc'",
    "' 3 '",
    "'1e3'",
    "'0x10'",
    "'9223372036854775808'",
    "'1.5e'",
    "'.5'",
    "'+7'",
    "'-'",
    "'1e400'",
    "'-0.0'",
    "'1_000'",
    "'5.'",
    "'  '",
    "'12.0'",
    "'e1'",
];

const PATTERNS: [&str; 20] = [
    "LIKE 'a\\%' ESCAPE '\\'",
    "LIKE '\\_b%' ESCAPE '\\'",
    "LIKE '%x%%' ESCAPE 'x'",
    "LIKE 'axx%' ESCAPE 'x'",
    "LIKE '%%' ESCAPE '%'",
    "LIKE 'a_' ESCAPE '_'",
    "LIKE 'AB' ESCAPE 'b'",
    "LIKE '%b'",
    "LIKE '_%_'",
    "LIKE 'x y%'",
    "GLOB '[^a]*'",
    "GLOB '[a-c]?*'",
    "GLOB '*[0-9]*'",
    "GLOB '[]]*'",
    "GLOB '[^]a]*'",
    "GLOB '[a-'",
    "GLOB '*b*'",
    "GLOB '[A-Z][A-Z]*'",
    "GLOB '?[-a]*'",
    "GLOB '**?'",
];

impl Generator {
    /// An expression of a rare form over three others.
    pub fn rare_expr(&mut self, aliases: &[&str], x: &str, y: &str, z: &str) -> String {
        let not = self.0.pick(&["", "NOT "]);
        let compare = self.0.pick(&["=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT", "IS NOT DISTINCT FROM"]);
        let kind = self.0.pick(&["INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB"]);
        match self.0.below(18) {
            0 => format!("CASE WHEN {x} THEN {y} WHEN {z} THEN {} END", self.literal()),
            1 => format!("CASE {x} WHEN {y} THEN {z} WHEN {} THEN {x} ELSE {y} END", self.literal()),
            2 | 3 => {
                let pattern = self.0.pick(&PATTERNS);
                format!("({x} {not}{pattern})")
            }
            4 => format!("CAST({} AS {kind})", self.0.pick(&NEARLY_NUMBERS)),
            5 => {
                let text = self.0.pick(&NEARLY_NUMBERS);
                format!("({text} {} {x})", self.0.pick(&["+", "-", "*", "&", "=", "<", "||", "%"]))
            }
            6 => format!("CAST(CAST({x} AS {kind}) AS {})", self.0.pick(&["INTEGER", "TEXT", "NUMERIC"])),
            7 => format!("({x} {compare} CAST({y} AS {kind}))"),
            8 => format!("(+{x} {compare} {y})"),
            9 => format!("({x} IS {not}{})", self.0.pick(&["TRUE", "FALSE"])),
            10 => format!("(~{x})"),
            11 => {
                let alias = self.0.pick(&["p"]);
                if aliases.contains(&alias) {
                    format!("({alias}.{} {compare} {})", self.0.pick(&COLUMNS), self.0.pick(&NEARLY_NUMBERS))
                } else {
                    format!("({x} {compare} {})", self.0.pick(&NEARLY_NUMBERS))
                }
            }
            12 => self.rare_call(x, y, z),
            13 => format!("(({x}, {y}) {not}BETWEEN ({z}, 1) AND (3, {x}))"),
            14 => format!("({x} {not}IN ({y}, {}, {}))", self.literal(), self.0.pick(&NEARLY_NUMBERS)),
            _ => self.rare_subquery(aliases, x),
        }
    }

    fn rare_call(&mut self, x: &str, y: &str, z: &str) -> String {
        let (n, m) = (self.0.below(9) as i64 - 4, self.0.below(9) as i64 - 4);
        match self.0.below(14) {
            0 => format!("substr({x}, {n})"),
            1 => format!("substr({x}, {n}, {m})"),
            2 => format!("printf('%d|%5s|%.2f|%x|%c', {x}, {y}, {z}, {x}, {y})"),
            3 => format!("printf('%-6s|%05d|%+d|%e|%g', {x}, {y}, {z}, {x}, {y})"),
            4 => format!("ltrim({x}, {y})"),
            5 => format!("trim({x}, 'a1 ')"),
            6 => format!("round({x}, {n})"),
            7 => format!("sign({x})"),
            8 => format!("concat({x}, {y}, {z})"),
            9 => format!("concat_ws({x}, {y}, {z})"),
            10 => format!("quote({x})"),
            11 => format!("octet_length({x})"),
            12 => format!("ifnull({x}, {y})"),
            _ => format!("like({x}, {y})"),
        }
    }

    pub fn rare_subquery(&mut self, aliases: &[&str], x: &str) -> String {
        let table = self.0.pick(&SOURCES);
        let second = self.0.pick(&TABLES);
        let (inner, other) = (self.column(&["s"]), self.column(&["s", "u"]));
        let outer = self.column_or_literal(aliases);
        let not = self.0.pick(&["", "NOT "]);
        let compare = self.0.pick(&["=", "<", ">=", "<>", "IS"]);
        match self.0.below(10) {
            0 => format!(
                "(SELECT (SELECT max(u.b) FROM {second} u WHERE u.a = s.a AND u.b {compare} {outer}) FROM {table} s WHERE s.b = {outer} ORDER BY 1 LIMIT 1)"
            ),
            1 => format!(
                "({x} {not}IN (SELECT {inner} FROM {table} s UNION ALL SELECT b FROM {second} WHERE a = {outer}))"
            ),
            2 => format!(
                "(SELECT count(*) FROM (SELECT DISTINCT s.b FROM {table} s WHERE s.a {compare} {outer}))"
            ),
            3 => format!(
                "(SELECT count({other}) FROM {table} s LEFT JOIN {second} u ON u.a = s.b AND u.c = {outer})"
            ),
            4 => format!(
                "(SELECT sum(s.a & 7) FROM {table} s WHERE {inner} = {x} GROUP BY s.b HAVING count(*) >= 1 ORDER BY 1 LIMIT 1)"
            ),
            5 => format!(
                "{not}EXISTS (SELECT 1 FROM {table} s WHERE {inner} {compare} {outer} GROUP BY s.b HAVING count(*) > 1)"
            ),
            6 => format!("(SELECT count(*) + {x} FROM {table} s WHERE {inner} {compare} {outer})"),
            7 => format!(
                "((SELECT max(s.a), count(*) FROM {table} s WHERE s.b {compare} {outer}) {compare} (3, 2))"
            ),
            8 => format!(
                "{not}EXISTS (SELECT 1 FROM {table} s, {second} u WHERE {other} = {outer} AND s.a = u.a LIMIT 1 OFFSET 1)"
            ),
            _ => format!(
                "(SELECT total({inner} = {x}) FROM {table} s WHERE {inner} {compare} {outer} OR s.a = {outer})"
            ),
        }
    }

    /// An aggregate with what may stand in its call.
    pub fn rare_aggregate(&mut self, aliases: &[&str]) -> String {
        let (x, filter) = (self.column(aliases), self.term(aliases));
        match self.0.below(8) {
            0 => format!("count(*) FILTER (WHERE {filter})"),
            1 => format!("total(length({x})) FILTER (WHERE {filter})"),
            2 => format!("group_concat({x}, '-' ORDER BY {x} COLLATE BINARY, typeof({x}))"),
            3 => format!("group_concat(DISTINCT hex({x}) ORDER BY hex({x}) DESC)"),
            4 => format!("max(DISTINCT {x}) FILTER (WHERE {filter})"),
            5 => format!("count(DISTINCT {x} || 'a') FILTER (WHERE {filter})"),
            6 => format!("sum({x} IS NULL) + count({x})"),
            _ => format!("string_agg(quote({x}), ',' ORDER BY quote({x}))"),
        }
    }

    /// A SELECT of a rare form.
    pub fn rare_select(&mut self) -> Select {
        let sql = match self.0.below(8) {
            0 | 1 => self.merged_columns(),
            2 => {
                let (x, y) = (self.predicate(&["p"]), self.0.pick(&COLUMNS));
                let (first, second) = (self.nested_compound(), self.set_operator());
                format!(
                    "SELECT p.a, p.b FROM ({first}) p WHERE {x} {second} SELECT {y}, a FROM {}",
                    self.0.pick(&TABLES)
                )
            }
            3 => {
                let (x, y) = (self.expr(&["p"], 2), self.predicate(&["p"]));
                let (inner, limit) = (self.nested_compound(), self.limit());
                format!(
                    "WITH w AS (SELECT {x} AS a, b, c, d, e FROM {} p WHERE {y}), x(a, b, c, d, e) AS ({inner}) SELECT count(*), max(p.b), min(q.a) FROM w p JOIN x q ON p.b = q.b LIMIT {limit}",
                    self.0.pick(&SOURCES)
                )
            }
            4 => {
                let (x, y) = (self.rare_aggregate(&["p"]), self.rare_aggregate(&["p"]));
                let (source, group) = (self.source("p", 1), self.column(&["p"]));
                let having = self.rare_aggregate(&["p"]);
                format!(
                    "SELECT {x}, {y} FROM {source} GROUP BY quote({group}) HAVING {having} IS NOT {}",
                    self.literal()
                )
            }
            5 => {
                let (x, on) = (self.expr(&["p", "q"], 1), self.expr(&["p", "q"], 2));
                let kind = self.0.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                format!(
                    "SELECT {x}, p.a, q.b FROM {} p {kind} {} q ON {on}",
                    self.0.pick(&SOURCES),
                    self.0.pick(&SOURCES)
                )
            }
            6 => {
                let limit = self.limit();
                // A number alone would be an ordinal.
                let x = format!("quote({})", self.expr(&["p"], 2));
                return Select {
                    sql: format!(
                        "SELECT a, b, {x} FROM {} p ORDER BY {x}, p.rowid LIMIT {limit}",
                        self.0.pick(&TABLES)
                    ),
                    is_ordered: true,
                };
            }
            _ => {
                let (table, second) = (self.0.pick(&SOURCES), self.0.pick(&SOURCES));
                let (x, term) = (self.column(&["p", "q"]), self.expr(&["p", "q"], 2));
                format!(
                    "SELECT count(*), {x}, sum(q.b IS NULL) FROM {table} p LEFT JOIN {second} q ON q.a = p.b AND {term} WHERE p.a IN (SELECT s.b FROM t2 s WHERE s.a = p.a OR s.b = q.b) GROUP BY {x} COLLATE BINARY, typeof({x})"
                )
            }
        };
        Select { sql, is_ordered: false }
    }

    fn limit(&mut self) -> String {
        let n = self.0.below(6);
        match self.0.below(7) {
            0 => format!("(SELECT count(*) FROM t0) - {n}"),
            1 => format!("{n} OFFSET (SELECT count(*) FROM t1 WHERE b < 3)"),
            2 => format!("-1 OFFSET {n} - 2"),
            3 => format!("'{n}'"),
            4 => format!("{n}.0 OFFSET '1'"),
            5 => format!("{n} + 1 OFFSET -{n}"),
            _ => "nullif(1, 1)".to_owned(),
        }
    }

    pub fn nested_compound(&mut self) -> String {
        let mut member = || {
            let columns = self.0.pick(&["a, b, c, d, e", "b, a, c, d, e", "a, a AS b, c, d, e"]);
            // Over a member without affinity SQLite moves conditions into the members, each with its own affinity.
            let table = self.0.pick(&["t0", "t1", "t2", "t3", "t4", "v0", "v1"]);
            // Not `s`, which subqueries call their own table: a name of both would be theirs.
            let filter = self.predicate(&["m"]);
            format!("SELECT {columns} FROM {table} m WHERE {filter}")
        };
        let (x, y, z) = (member(), member(), member());
        let (first, second) = (self.set_operator(), self.set_operator());
        if self.0.one_in(2) {
            format!("{x} {first} {y} {second} {z}")
        } else {
            format!("{x} {first} SELECT * FROM ({y} {second} {z})")
        }
    }

    /// Joins by name, and the columns that stand for several.
    pub fn merged_columns(&mut self) -> String {
        let kinds = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];
        let (first, second) = (self.0.pick(&kinds), self.0.pick(&kinds));
        let mut tables = || self.0.pick(&SOURCES);
        let (p, q, r) = (tables(), tables(), tables());
        let names = ["a", "b", "a, b", "c", "b, c"];
        let (x, y) = (self.0.pick(&names), self.0.pick(&names));
        let key = x.split(',').next().unwrap_or("a");
        let from = match self.0.below(4) {
            0 => format!("{p} p NATURAL {first} (SELECT a, b AS z FROM {q}) q"),
            1 => format!("{p} p {first} {q} q USING ({x})"),
            2 => format!("{p} p {first} {q} q USING ({x}) {second} {r} r USING ({x})"),
            _ => format!(
                "{p} p {first} {q} q USING ({x}) {second} (SELECT a AS y, {key} FROM {r}) r USING ({key})"
            ),
        };
        let key = if from.contains("NATURAL") { "a" } else { key };
        let columns = match self.0.below(4) {
            0 => "*".to_owned(),
            1 => format!("{key}, p.{key}, q.a"),
            2 => format!("p.*, {key}"),
            _ => format!("count(*), {key}"),
        };
        let filter = match self.0.below(4) {
            0 => format!(" WHERE {key} {} {}", self.0.pick(&["=", "<", ">", "IS"]), self.literal()),
            1 => format!(" WHERE {}", self.predicate(&["p"])),
            2 => format!(" WHERE {key} IN (SELECT {y} FROM t1)").replace("a, b", "a").replace("b, c", "b"),
            _ => String::new(),
        };
        let group = if columns.starts_with("count") {
            format!(" GROUP BY {key} COLLATE BINARY, typeof({key})")
        } else {
            String::new()
        };
        format!("SELECT {columns} FROM {from}{filter}{group}")
    }
}
