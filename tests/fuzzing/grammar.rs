//! SQL text that is nearly right: statements of the files in `tests/slt`, cut and mended by their grammar. Names and
//! literals give way to others of these files, parentheses to other parentheses, pieces come twice or go, keywords and
//! edge values from a dictionary come in. What to do is read from a string of bytes, so a fuzzer can steer it.

use std::path::Path;

/// Words and values that the corpus has seldom or never, where they hurt most.
const DICTIONARY: &[&str] = &[
    "NULL",
    "-9223372036854775808",
    "9223372036854775807",
    "1e999",
    "-1e308",
    "0.0",
    "x''",
    "x'00'",
    "''",
    "'%'",
    "zeroblob(100000)",
    "randomblob(9)",
    "DISTINCT",
    "NOT",
    "EXISTS",
    "IN",
    "IS",
    "COLLATE NOCASE",
    "ESCAPE '\\'",
    "AS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "UNION ALL",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "ORDER BY 1",
    "GROUP BY 1",
    "HAVING",
    "LIMIT 3",
    "LIMIT -1 OFFSET 2",
    "NATURAL JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "USING",
    "ON",
    "WITH",
    "RECURSIVE",
    "VALUES",
    "RETURNING *",
    "ON CONFLICT DO NOTHING",
    "DO UPDATE SET",
    "excluded",
    "rowid",
    "*",
    "(",
    ")",
    ",",
    ";",
    "?",
    "?1",
    ":a",
    "@b",
    "$c",
    "||",
    "<<",
    ">>",
    "<>",
    "==",
    "->",
    "->>",
    "~",
    "-",
    "+",
    "FILTER (WHERE 1)",
    "OVER ()",
    "PARTITION BY",
    "MATERIALIZED",
    "INDEXED BY",
    "NOT INDEXED",
    "IF NOT EXISTS",
    "EXPLAIN",
    "EXPLAIN QUERY PLAN",
    "printf('%*d', 99999, 1)",
    "replace(hex(zeroblob(9999)), '0', 'abc')",
    "char(0, 1114111)",
    "group_concat(",
    "count(*)",
    "(SELECT 1)",
    "(SELECT 1, 2)",
    "(1, 2)",
    "0x7fffffffffffffff",
    "\"a b\"",
    "[x]",
    "`y`",
    "--",
    "/*",
    "\u{0}",
    "é",
    "😀",
];

/// A string of bytes, read as choices; zeros once it has ended.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes)
    }

    /// A number below `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        let take = if count > 256 { 3 } else { 1 };
        let (head, rest) = self.0.split_at(self.0.len().min(take));
        self.0 = rest;
        head.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) % count
    }
}

/// The seeds, cut into pieces.
pub struct Corpus {
    statements: Vec<Vec<String>>,
    /// Where the statements of each file begin.
    files: Vec<usize>,
    /// Names and literals, each as often as it stands in a statement.
    words: Vec<String>,
    /// What stands in parentheses, with them.
    groups: Vec<Vec<String>>,
}

impl Corpus {
    /// Reads the statements of all sqllogictest files of a folder.
    pub fn read(folder: &Path) -> Corpus {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let mut corpus =
            Corpus { statements: Vec::new(), files: Vec::new(), words: Vec::new(), groups: Vec::new() };
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "slt")) {
            corpus.files.push(corpus.statements.len());
            statements(&std::fs::read_to_string(path).unwrap()).for_each(|sql| corpus.add(&sql));
        }
        assert!(corpus.statements.len() > 500, "{} holds few statements", folder.display());
        corpus
    }

    fn add(&mut self, sql: &str) {
        let pieces = pieces(sql);
        for (at, piece) in pieces.iter().enumerate() {
            if piece.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '\'') {
                self.words.push(piece.clone());
            }
            if piece == "("
                && let Some(end) = closing(&pieces, at)
                && end - at < 40
            {
                self.groups.push(pieces[at..=end].to_vec());
            }
        }
        self.statements.push(pieces);
    }

    /// The first statements of a file, as they are: its tables with rows.
    pub fn beginning(&self, choices: &mut Choices<'_>) -> (usize, Vec<String>) {
        let file = choices.below(self.files.len());
        let first = self.files[file];
        let end = self.files.get(file + 1).copied().unwrap_or(self.statements.len());
        let count = 4 + choices.below(30);
        (file, self.statements[first..end].iter().take(count).map(|pieces| pieces.join(" ")).collect())
    }

    /// A statement with some changes, most often one of a file.
    pub fn changed(&self, file: usize, choices: &mut Choices<'_>) -> String {
        let first = self.files[file];
        let end = self.files.get(file + 1).copied().unwrap_or(self.statements.len());
        let at = if choices.below(5) == 0 || first == end {
            choices.below(self.statements.len())
        } else {
            first + choices.below(end - first)
        };
        let mut pieces = self.statements[at].clone();
        for _ in 0..1 + choices.below(4) {
            self.change(&mut pieces, choices);
            // A piece that grows again and again is no new finding.
            pieces.truncate(3000);
        }
        pieces.join(" ")
    }

    fn change(&self, pieces: &mut Vec<String>, choices: &mut Choices<'_>) {
        if pieces.is_empty() {
            pieces.push("SELECT".to_owned());
        }
        let at = choices.below(pieces.len());
        match choices.below(10) {
            0..=2 => pieces[at].clone_from(&self.words[choices.below(self.words.len())]),
            3 => pieces[at] = DICTIONARY[choices.below(DICTIONARY.len())].to_owned(),
            4 => pieces.insert(at, DICTIONARY[choices.below(DICTIONARY.len())].to_owned()),
            5 => {
                let end = closing(pieces, at).unwrap_or(at);
                pieces.drain(at..=end);
            }
            6 | 7 => {
                let end = closing(pieces, at).unwrap_or(at);
                let group = &self.groups[choices.below(self.groups.len())];
                pieces.splice(at..=end, group.iter().cloned());
            }
            8 => {
                // A part of the statement stands inside itself.
                let end = (at + 1 + choices.below(12)).min(pieces.len());
                let part = pieces[at..end].to_vec();
                let to = choices.below(pieces.len());
                pieces.splice(to..to, part);
            }
            _ => {
                let other = &self.statements[choices.below(self.statements.len())];
                let from = choices.below(other.len());
                pieces.truncate(at);
                pieces.extend_from_slice(&other[from..]);
            }
        }
    }
}

/// The statements of a sqllogictest file: the lines between the head of a record and its results.
fn statements(text: &str) -> impl Iterator<Item = String> {
    text.split("\n\n").filter_map(|record| {
        let mut lines = record.lines().skip_while(|l| !l.starts_with("statement") && !l.starts_with("query"));
        lines.next()?;
        let sql: Vec<&str> = lines.take_while(|line| !line.starts_with("----")).collect();
        let sql = sql.join("\n");
        (!sql.trim().is_empty() && sql.len() < 4000).then_some(sql)
    })
}

/// Words, literals and marks.
fn pieces(sql: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            quote @ ('\'' | '"') => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        found.push(piece.to_owned());
        rest = after;
    }
    found
}

/// The place of the parenthesis that closes the one at `at`.
fn closing(pieces: &[String], at: usize) -> Option<usize> {
    if pieces.get(at)? != "(" {
        return None;
    }
    let mut depth = 0;
    for (place, piece) in pieces.iter().enumerate().skip(at) {
        match piece.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(place);
        }
    }
    None
}
