//! The generator of statements: random, the same for a seed, and valid in both engines nearly always.

use std::fmt::Write;

/// A small generator of random numbers (splitmix64): the same everywhere for a seed.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// The tables that change.
pub const TABLES: [&str; 6] = ["t0", "t1", "t2", "t3", "t4", "t6"];
/// What may stand in FROM.
pub const SOURCES: [&str; 13] =
    ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "v0", "v1", "v2", "v3", "v4", "v5"];
/// The columns of all of these.
pub const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A SELECT, and whether its order is total.
pub struct Select {
    /// Its text.
    pub sql: String,
    /// True if rows must come in the same order.
    pub is_ordered: bool,
}

/// Statements, generated one from another.
pub struct Generator(pub Random);

impl Generator {
    pub fn literal(&mut self) -> String {
        match self.0.below(14) {
            0 => "NULL".to_string(),
            1..=5 => (self.0.below(12) as i64 - 3).to_string(),
            6 => self
                .0
                .pick(&["9223372036854775807", "-9223372036854775808", "4294967296", "9007199254740993"])
                .to_string(),
            7 | 8 => self.0.pick(&["0.5", "2.0", "-1.25", "1e10", "3.0", "9007199254740992.0"]).to_string(),
            9..=11 => self
                .0
                .pick(&["'a'", "'A'", "'b'", "''", "'abc'", "'2'", "'2.0'", "'1x'", "'zz '", "' 3'", "'a '"])
                .to_string(),
            12 => self.0.pick(&["x'7a'", "x'6162'", "x''"]).to_string(),
            _ => self.0.pick(&["'ab%'", "'_b%'", "'B'"]).to_string(),
        }
    }

    /// A value that suits a column; one that does not is an error in both, where nothing is ignored before it.
    pub fn value_for(&mut self, column: &str, may_misfit: bool) -> String {
        if may_misfit && self.0.one_in(12) {
            let literal = self.literal();
            // SQLite rounds an integer that no real equals.
            return if column == "d" && literal.len() > 15 { "NULL".to_string() } else { literal };
        }
        match column {
            "a" | "b" => (self.0.below(20) as i64 - 2).to_string(),
            "c" => self
                .0
                .pick(&["'a'", "'A'", "'b'", "'abc'", "'ABD'", "''", "'x y'", "'a '", "NULL"])
                .to_string(),
            "d" => self.0.pick(&["0.5", "1", "2.5", "-3.75", "100", "NULL", "7.0"]).to_string(),
            _ => self.literal(),
        }
    }

    pub fn column(&mut self, aliases: &[&str]) -> String {
        format!("{}.{}", self.0.pick(aliases), self.0.pick(&COLUMNS))
    }

    pub fn expr(&mut self, aliases: &[&str], depth: u32) -> String {
        if depth == 0 || self.0.one_in(4) {
            return if aliases.is_empty() || self.0.one_in(3) {
                self.literal()
            } else {
                self.column(aliases)
            };
        }
        let mut next = || self.expr(aliases, depth - 1);
        let (x, y, z) = (next(), next(), next());
        let not = self.0.pick(&["", "NOT "]);
        match self.0.below(34) {
            0..=3 => {
                format!("({x} {} {y})", self.0.pick(&["+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>"]))
            }
            4..=7 => {
                format!("({x} {} {y})", self.0.pick(&["=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"]))
            }
            8 | 9 => format!("({x} {} {y})", self.0.pick(&["AND", "OR"])),
            10 => format!("(NOT {x})"),
            11 => format!("({x} IS {not}NULL)"),
            12 => format!("({x} {not}BETWEEN {y} AND {z})"),
            13 => format!("({x} {not}IN ({y}, {z}, {}))", self.literal()),
            14 => format!("CASE WHEN {x} THEN {y} ELSE {z} END"),
            15 => format!("CASE {x} WHEN {y} THEN {z} END"),
            16 => format!("CAST({x} AS {})", self.0.pick(&["INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB"])),
            17 => format!("({x} {not}LIKE {y})"),
            18 => {
                let name = self.0.pick(&[
                    "typeof", "length", "upper", "lower", "quote", "hex", "trim", "abs", "round", "unicode",
                    "rtrim",
                ]);
                // The largest negative integer has no absolute value, and both say so, each at its own time.
                if name == "abs" { format!("abs({x} & 255)") } else { format!("{name}({x})") }
            }
            19 => format!("coalesce({x}, {y}, {z})"),
            20 => format!("(-{x})"),
            21 => format!(
                "({x} {not}{} {})",
                self.0.pick(&["LIKE", "GLOB"]),
                self.0.pick(&[
                    "'a%'", "'A%'", "'%b%'", "'a*'", "'[aA]*'", "'_'", "'?'", "'%'", "'abc'", "'2%'", "''",
                ])
            ),
            22 => match self.0.below(7) {
                0 => format!("max({x}, {y})"),
                1 => format!("min({x}, {y}, {z})"),
                2 => format!("substr({x}, {}, {})", self.0.below(6) as i64 - 2, self.0.below(5) as i64 - 1),
                3 => format!("instr({x}, {y})"),
                4 => format!("nullif({x}, {y})"),
                5 => format!("iif({x}, {y}, {z})"),
                _ => format!("replace({x}, {y}, 'q')"),
            },
            23 => format!("({x} {} {y} COLLATE {})", self.0.pick(&["=", "<", ">=", "<>"]), self.collation()),
            24 => {
                let (v, w) = (self.literal(), self.column_or_literal(aliases));
                let (x, y) = (self.column_or_literal(aliases), if y.contains("COLLATE") { "1" } else { &y });
                format!("(({x}, {y}) {} ({v}, {w}))", self.0.pick(&["=", "<", "<=", ">", ">=", "<>", "IS"]))
            }
            25 => self.big_in(&x, 1),
            26..=29 => self.rare_expr(aliases, &x, &y, &z),
            _ => self.subquery(aliases, &x, &y),
        }
    }

    fn collation(&mut self) -> &'static str {
        self.0.pick(&["NOCASE", "RTRIM", "BINARY"])
    }

    pub fn column_or_literal(&mut self, aliases: &[&str]) -> String {
        if aliases.is_empty() || self.0.one_in(2) { self.literal() } else { self.column(aliases) }
    }

    /// IN over a list of `least` values or more. SQLite takes an empty list for the literal TRUE or FALSE, which is
    /// an operator of its own behind IS: there must be a value where IS may stand before it.
    fn big_in(&mut self, x: &str, least: u64) -> String {
        let count = least + self.0.below(30);
        let mut values: Vec<String> = (0..count).map(|_| self.literal()).collect();
        if least == 0 && self.0.one_in(2) {
            values.retain(|value| value != "NULL");
        }
        format!("({x} {}IN ({}))", self.0.pick(&["", "NOT "]), values.join(", "))
    }

    pub fn subquery(&mut self, aliases: &[&str], x: &str, y: &str) -> String {
        let table = self.0.pick(&SOURCES);
        let (inner, other) = (self.column(&["s"]), self.column(&["s"]));
        let not = self.0.pick(&["", "NOT "]);
        let outer = self.column_or_literal(aliases);
        match self.0.below(9) {
            0 => format!("(SELECT count(*) FROM {table} s WHERE {inner} = {x})"),
            1 => format!("{not}EXISTS (SELECT 1 FROM {table} s WHERE {inner} > {x})"),
            2 => format!("({x} {not}IN (SELECT {inner} FROM {table} s))"),
            3 => format!("({x} {not}IN (SELECT {inner} FROM {table} s WHERE {other} = {outer}))"),
            4 => {
                let aggregate = self.0.pick(&["max", "min", "count", "total", "sum"]);
                let inner = if aggregate == "total" || aggregate == "sum" {
                    format!("length({inner})")
                } else {
                    inner
                };
                format!(
                    "(SELECT {aggregate}({inner}) FROM {table} s WHERE {other} {} {outer})",
                    self.0.pick(&["=", "<", ">="])
                )
            }
            5 => format!("(({x}, {y}) {not}IN (SELECT {inner}, {other} FROM {table} s))"),
            6 => format!("(SELECT {inner} FROM {table} s WHERE {other} = {outer} ORDER BY {inner} LIMIT 1)"),
            7 => {
                let second = self.0.pick(&TABLES);
                let joined = self.column(&["s", "u"]);
                format!(
                    "{not}EXISTS (SELECT * FROM {table} s JOIN {second} u ON s.a = u.b WHERE {joined} = {outer})"
                )
            }
            _ => format!(
                "{not}EXISTS (SELECT 1 FROM {table} s WHERE {inner} = {outer} AND {other} IN (SELECT b FROM t3 u WHERE u.a = s.a))"
            ),
        }
    }

    pub fn predicate(&mut self, aliases: &[&str]) -> String {
        // Conditions that an index could serve, alone or among others.
        match self.0.below(8) {
            0..=3 => {
                let simple = self.term(aliases);
                if self.0.one_in(2) { simple } else { format!("{simple} AND {}", self.expr(aliases, 2)) }
            }
            4 => {
                // OR over one column or several, of ranges and equalities.
                let alias = self.0.pick(aliases);
                let (x, y, z) = (self.term(&[alias]), self.term(&[alias]), self.term(aliases));
                format!("({x} OR {y}{}{z})", self.0.pick(&[" OR ", " AND "]))
            }
            5 => {
                let alias = self.0.pick(aliases);
                let (x, y) = (self.term(&[alias]), self.term(&[alias]));
                format!("{x} AND {y}")
            }
            _ => self.expr(aliases, 3),
        }
    }

    pub fn term(&mut self, aliases: &[&str]) -> String {
        let column = self.column(aliases);
        let value = self.literal();
        match self.0.below(9) {
            0..=4 => format!("{column} {} {value}", self.0.pick(&["=", "<", "<=", ">", ">=", "IS"])),
            5 => format!("{column} BETWEEN {value} AND {}", self.literal()),
            6 => self.big_in(&column, 0),
            7 => format!("{column} LIKE {}", self.0.pick(&["'a%'", "'ab%'", "'A_'", "'%'", "'x y'"])),
            _ => format!("{value} {} {column}", self.0.pick(&["=", "<", "<=", ">", ">="])),
        }
    }

    /// Something that stands in FROM under `alias` and has the five columns.
    pub fn source(&mut self, alias: &str, depth: u32) -> String {
        let table = self.0.pick(&SOURCES);
        if depth == 0 || !self.0.one_in(4) {
            return format!("{table} {alias}");
        }
        match self.0.below(6) {
            0 => {
                let filter = self.predicate(&["r"]);
                format!("(SELECT * FROM {table} r WHERE {filter}) {alias}")
            }
            1 => {
                let (from, order) = (self.source("r", depth - 1), self.0.pick(&["", " DESC"]));
                format!(
                    "(SELECT DISTINCT * FROM {from} ORDER BY 1{order}, 2, 3, 4, 5 LIMIT {}) {alias}",
                    self.0.below(8)
                )
            }
            2 => {
                let having = if self.0.one_in(2) { " HAVING count(*) > 1" } else { "" };
                let by = self.0.pick(&COLUMNS);
                format!(
                    "(SELECT count(*) AS a, max(r.b) AS b, r.{by} AS c, total(r.a & 1023) AS d, count(e) AS e FROM {table} r GROUP BY r.{by} COLLATE BINARY, typeof(r.{by}){having}) {alias}"
                )
            }
            3 => format!(
                "(SELECT a, b, c, d, e FROM {} {} SELECT b, a, c, d, e FROM {}) {alias}",
                self.0.pick(&TABLES),
                self.set_operator(),
                self.0.pick(&TABLES)
            ),
            4 => {
                let (x, y) = (self.expr(&["r"], 2), self.expr(&["r"], 1));
                format!(
                    "(SELECT {x} AS a, r.b, {y} AS c, r.d, coalesce(r.e, {y}) AS e FROM {table} r) {alias}"
                )
            }
            _ => {
                let (x, y) = (self.literal(), self.literal());
                format!(
                    "(SELECT column1 AS a, column2 AS b, column3 AS c, 1.5 AS d, column2 AS e FROM (VALUES ({x}, 1, 'a'), (2, {y}, 'b'), (NULL, 3, {x}))) {alias}"
                )
            }
        }
    }

    pub fn set_operator(&mut self) -> &'static str {
        self.0.pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
    }

    fn from(&mut self) -> (String, &'static [&'static str]) {
        match self.0.below(9) {
            0..=2 => (self.source("p", 2), &["p"]),
            3 => {
                let on = self.predicate(&["p", "q"]);
                let kind = self.0.pick(&["JOIN", "LEFT JOIN", "CROSS JOIN"]);
                (format!("{} {kind} {} ON {on}", self.source("p", 1), self.source("q", 1)), &["p", "q"])
            }
            4 => {
                let (x, y) = (self.0.pick(&COLUMNS), self.0.pick(&COLUMNS));
                let kind = self.0.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                (
                    format!("{} {kind} {} ON p.{x} = q.{y}", self.source("p", 1), self.source("q", 1)),
                    &["p", "q"],
                )
            }
            5 => {
                let kind = self.0.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                let using = self.0.pick(&["a", "b", "a, b", "c", "e", "d, a"]);
                (
                    format!("{} {kind} {} USING ({using})", self.source("p", 1), self.source("q", 1)),
                    &["p", "q"],
                )
            }
            6 => {
                let (x, y) = (self.0.pick(&COLUMNS), self.0.pick(&COLUMNS));
                let kinds: [&str; 2] = [(); 2]
                    .map(|()| self.0.pick(&["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]));
                let on = format!("{} = r.{}", self.column(&["p", "q"]), self.0.pick(&COLUMNS));
                let extra = if self.0.one_in(3) {
                    format!(" AND {}", self.term(&["p", "q", "r"]))
                } else {
                    String::new()
                };
                (
                    format!(
                        "{} {} {} ON p.{x} = q.{y} {} {} ON {on}{extra}",
                        self.source("p", 1),
                        kinds[0],
                        self.source("q", 1),
                        kinds[1],
                        self.source("r", 1)
                    ),
                    &["p", "q", "r"],
                )
            }
            7 => (
                format!(
                    "{} p, {} q, {} r WHERE p.a = q.b AND {} = {} AND 1",
                    self.0.pick(&TABLES),
                    self.0.pick(&TABLES),
                    self.0.pick(&TABLES),
                    self.column(&["p", "q"]),
                    self.column(&["r"])
                ),
                &["p", "q", "r"],
            ),
            _ => (
                format!(
                    "{} p JOIN {} q ON p.a = q.a LEFT JOIN {} r ON r.b = q.b JOIN {} s ON s.a = p.b",
                    self.0.pick(&TABLES),
                    self.0.pick(&TABLES),
                    self.0.pick(&SOURCES),
                    self.0.pick(&TABLES)
                ),
                &["p", "q", "r", "s"],
            ),
        }
    }

    pub fn aggregate(&mut self, aliases: &[&str]) -> String {
        let column = self.column(aliases);
        match self.0.below(11) {
            9 | 10 => self.rare_aggregate(aliases),
            0 => format!("count({column})"),
            1 => format!("sum(length({column}))"),
            2 => format!("min({column})"),
            3 => format!("max({column})"),
            4 => format!("count(DISTINCT {column})"),
            5 => format!("sum(DISTINCT length({column}))"),
            6 => format!("total({column} & 1023)"),
            7 => format!("avg(length({column}))"),
            _ => format!("max({})", self.expr(aliases, 1)),
        }
    }

    fn core(&mut self) -> (String, usize) {
        let (from, aliases) = self.from();
        let and = if from.contains(" WHERE p.a = q.b") { " AND " } else { " WHERE " };
        if self.0.one_in(3) {
            let group = self.expr(aliases, 1);
            let (x, y) = (self.aggregate(aliases), self.aggregate(aliases));
            // A bare literal among GROUP BY's terms would be an ordinal.
            let mut sql = format!("SELECT {group} AS g, {x}, {y} FROM {from}");
            if self.0.one_in(2) {
                let _ = write!(sql, "{and}{}", self.predicate(aliases));
            }
            let kind = self.0.below(4);
            match kind {
                0 => {}
                1 => {
                    let _ = write!(sql, " GROUP BY ({group}) || '', {}", self.column(aliases));
                    sql = sql.replacen(&format!("{group} AS g"), &format!("({group}) || ''"), 1);
                }
                _ => {
                    let _ = write!(sql, " GROUP BY nullif({group}, 'never')");
                    sql = sql.replacen(&format!("{group} AS g"), &format!("nullif({group}, 'never')"), 1);
                }
            }
            if kind == 0 {
                sql = sql.replacen(&format!("{group} AS g"), "count(*)", 1);
            } else if self.0.one_in(3) {
                let x = self.aggregate(aliases);
                let _ = write!(sql, " HAVING {} {} {}", x, self.0.pick(&["=", ">", "<="]), self.literal());
            }
            (sql, 3)
        } else {
            let (x, y) = (self.expr(aliases, 2), self.column(aliases));
            let distinct = if self.0.one_in(5) { "DISTINCT " } else { "" };
            let mut sql = format!("SELECT {distinct}{x}, {y} FROM {from}");
            if !self.0.one_in(4) {
                let _ = write!(sql, "{and}{}", self.predicate(aliases));
            }
            (sql, 2)
        }
    }

    /// A SELECT.
    pub fn select(&mut self) -> Select {
        let (mut sql, width) = self.core();
        let mut is_compound = false;
        // A COLLATE deep in an expression has a say in how SQLite's compounds compare.
        while !sql.contains("COLLATE") && self.0.one_in(6) {
            is_compound = true;
            let columns = if width == 3 { "p.a, p.b, p.c" } else { "p.c, p.d" };
            let _ = write!(sql, " {} SELECT {columns} FROM {} p", self.set_operator(), self.0.pick(&SOURCES));
        }
        let mut is_ordered = false;
        // Behind a compound, COLLATE makes SQLite number names that come twice.
        // Over VALUES joined with a UNION ALL, an ORDER BY can make SQLite 3.5 lose a row.
        if !is_compound && !sql.contains("(VALUES") && self.0.one_in(3) {
            // Every column is a term, so rows that change places are equal to the last byte: unless a term folds
            // texts that differ.
            is_ordered = true;
            let mut terms: Vec<String> = (1..=width)
                .map(|n| {
                    format!(
                        "{n} COLLATE BINARY{}",
                        self.0.pick(&["", " DESC", " NULLS LAST", " DESC NULLS FIRST"])
                    )
                })
                .collect();
            let (first, second) = (self.0.below(width as u64) as usize, self.0.below(width as u64) as usize);
            terms.swap(first, second);
            let _ = write!(sql, " ORDER BY {}", terms.join(", "));
            // Which of equal rows DISTINCT keeps is free, and so is then what a limit cuts off.
            if !sql.contains("DISTINCT") && self.0.one_in(2) {
                let _ = write!(sql, " LIMIT {}", self.0.below(12));
                if self.0.one_in(2) {
                    let _ = write!(sql, " OFFSET {}", self.0.below(5));
                }
            }
        }
        Select { sql, is_ordered }
    }

    /// A SELECT over one table that only an index or its order can make short work of, in an order that is total.
    pub fn ordered_scan(&mut self) -> Select {
        let table = self.0.pick(&TABLES);
        let mut columns = COLUMNS.to_vec();
        let mut terms = Vec::new();
        for _ in 0..=self.0.below(2) {
            let column = columns.remove(self.0.below(columns.len() as u64) as usize);
            terms.push(format!(
                "{column}{}",
                self.0.pick(&["", " DESC", "", " DESC", " NULLS LAST", " COLLATE NOCASE"])
            ));
        }
        terms.push(format!("p.rowid{}", self.0.pick(&["", " DESC"])));
        let filter =
            if self.0.one_in(2) { format!(" WHERE {}", self.predicate(&["p"])) } else { String::new() };
        let limit = if self.0.one_in(2) { format!(" LIMIT {}", self.0.below(9)) } else { String::new() };
        let picked = self.0.pick(&["*", "b, c", "c, d", "d", "e", "p.rowid", "a, b"]);
        let sql = match self.0.below(5) {
            0 => {
                let (x, y) = (self.0.pick(&COLUMNS), self.0.pick(&["min", "max"]));
                return Select { sql: format!("SELECT {y}({x}) FROM {table} p{filter}"), is_ordered: true };
            }
            _ => format!("SELECT {picked} FROM {table} p{filter} ORDER BY {}{limit}", terms.join(", ")),
        };
        Select { sql, is_ordered: true }
    }

    /// A statement that changes rows, or marks a place to go back to.
    pub fn change(&mut self) -> (&'static str, String) {
        let table = self.0.pick(&TABLES);
        let sql = match self.0.below(10) {
            0..=3 => {
                let or = self.0.pick(&["", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT"]);
                let count = 1 + self.0.below(4);
                // With several rows SQLite may keep those before the misfit.
                let may_misfit = or.is_empty() && count == 1;
                let rows: Vec<String> = (0..count)
                    .map(|_| COLUMNS.map(|column| self.value_for(column, may_misfit)).join(", "))
                    .collect();
                format!("INSERT{or} INTO {table} VALUES ({})", rows.join("), ("))
            }
            4 => {
                let (from, filter) = (self.0.pick(&TABLES), self.predicate(&["p"]));
                format!(
                    "INSERT OR IGNORE INTO {table} SELECT (a & 1023) + 5, (b & 1023) + 50, c, d, e FROM {from} p WHERE {filter} ORDER BY a, b, c, d, e, p.rowid"
                )
            }
            5 => {
                let (x, y) = (self.value_for("a", true), self.value_for("c", true));
                format!("INSERT INTO {table}(c, a) VALUES ({y}, {x})")
            }
            6 | 7 => {
                let column = self.0.pick(&COLUMNS);
                let or = self.0.pick(&["", "", " OR IGNORE", " OR REPLACE"]);
                let value = match self.0.below(4) {
                    0 | 1 => self.value_for(column, or.is_empty()),
                    2 if or.is_empty() && column == "e" => self.expr(&[table], 2),
                    _ => match column {
                        "c" => "c || 'x'".to_string(),
                        _ => format!("{column} + 1"),
                    },
                };
                let value = if or.is_empty() || column != "a" { value } else { self.value_for("a", false) };
                // Where values move within a key, the order of rows says which of them is in another's way: one row at
                // a time. The same value for all is in its own way in any order.
                let moves = value.contains(column) || value.contains('.') && value.contains(table);
                let filter = if or.is_empty() && (!moves || self.is_free(table, column)) {
                    self.predicate(&[table])
                } else {
                    format!("{table}.rowid = {}", self.0.below(40))
                };
                format!("UPDATE{or} {table} SET {column} = {value} WHERE {filter}")
            }
            8 => {
                let (x, y) = (self.value_for("b", false), self.value_for("d", false));
                // Where (d, e) is unique, the order of rows says whether one is in another's way.
                let filter = if matches!(table, "t0" | "t4") {
                    format!("{table}.rowid = {}", self.0.below(40))
                } else {
                    self.predicate(&[table])
                };
                format!("UPDATE {table} SET (b, d) = ({x}, {y}), e = b WHERE {filter}")
            }
            _ => format!("DELETE FROM {table} WHERE {}", self.predicate(&[table])),
        };
        (table, sql)
    }

    /// True if no key, and no order of rows, has a say in what an update of this column does.
    pub fn is_free(&self, table: &str, column: &str) -> bool {
        match table {
            "t0" => matches!(column, "b" | "c"),
            "t1" => matches!(column, "a" | "c" | "d" | "e"),
            "t2" => matches!(column, "b" | "d" | "e"),
            _ => table == "t3",
        }
    }

    /// A column of a table, most often one that [`Generator::is_free`] says may change in many rows at once.
    pub fn free_column(&mut self, table: &str) -> &'static str {
        for _ in 0..4 {
            let column = self.0.pick(&COLUMNS);
            if self.is_free(table, column) {
                return column;
            }
        }
        self.0.pick(&COLUMNS)
    }

    /// A value for SET that suits a column.
    pub fn new_value(&mut self, column: &str) -> String {
        match (column, self.0.below(3)) {
            ("a" | "b", 0) => format!("abs({column} % 1000) + 1"),
            ("c", 0) => "substr(c || 'r', 1, 9)".to_owned(),
            ("d", 0) => "abs(d / 2)".to_owned(),
            ("e", 0) => self.0.pick(&["b", "c", "d", "typeof(e)"]).to_owned(),
            _ => self.value_for(column, false),
        }
    }

    /// Begins, ends or goes back in a transaction.
    pub fn transaction(&mut self) -> &'static str {
        self.0.pick(&[
            "BEGIN",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT x",
            "SAVEPOINT y",
            "SAVEPOINT x",
            "RELEASE x",
            "RELEASE y",
            "ROLLBACK TO x",
            "ROLLBACK TO y",
            "ROLLBACK TO x",
        ])
    }

    /// The same statement with other literals of the same kinds where digits stand alone: what a cached plan serves.
    pub fn with_other_literals(&mut self, sql: &str) -> String {
        let bytes = sql.as_bytes();
        let mut text = String::with_capacity(sql.len());
        for (at, c) in sql.char_indices() {
            let is_word = |place: Option<&u8>| {
                place.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.' || *b == b'\'' || *b == b'_')
            };
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            let stands_alone = c.is_ascii_digit() && !is_word(before) && !is_word(bytes.get(at + 1));
            if stands_alone && self.0.one_in(2) {
                let _ = write!(text, "{}", self.0.below(10));
            } else {
                text.push(c);
            }
        }
        text
    }
}
