//! The tables, indexes and views that each run starts with.

/// What both engines start with. The columns have the same names everywhere, so that any may stand for any.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE t0(a INTEGER PRIMARY KEY, b INTEGER, c TEXT, d REAL, e ANY) STRICT",
    "CREATE TABLE t1(a INTEGER NOT NULL, b INTEGER UNIQUE, c TEXT COLLATE NOCASE, d REAL CHECK (d IS NULL OR d < 1000), e ANY) STRICT",
    "CREATE TABLE t2(a INTEGER NOT NULL, b INTEGER, c TEXT NOT NULL, d REAL, e ANY, PRIMARY KEY (a, c)) STRICT",
    "CREATE TABLE t3(a INTEGER CHECK (a IS NOT 77), b INTEGER DEFAULT 7, c TEXT COLLATE RTRIM, d REAL, e ANY) STRICT",
    "CREATE TABLE t4(a INTEGER PRIMARY KEY, b INTEGER UNIQUE, c TEXT UNIQUE COLLATE NOCASE, d REAL, e ANY, UNIQUE (d, e)) STRICT",
    "CREATE UNIQUE INDEX i10 ON t4(d) WHERE b > 5",
    "CREATE INDEX i11 ON t4(e, c) WHERE c < 'b'",
    "CREATE INDEX i0 ON t0(b, c DESC)",
    "CREATE INDEX i1 ON t1(a)",
    "CREATE INDEX i2 ON t1(c, d)",
    "CREATE INDEX i3 ON t2(d) WHERE b > 2",
    "CREATE UNIQUE INDEX i4 ON t0(d, e)",
    "CREATE INDEX i5 ON t2(e)",
    "CREATE INDEX i6 ON t3(c, e DESC)",
    // Not (b DESC, a): over such an index SQLite looks at one row only to tell whether (NULL, b) may be IN.
    "CREATE INDEX i7 ON t3(b, a DESC)",
    "CREATE INDEX i8 ON t0(c COLLATE NOCASE)",
    "CREATE INDEX i9 ON t3(d DESC) WHERE e IS NOT NULL",
    "CREATE TABLE t5(a INTEGER PRIMARY KEY AUTOINCREMENT, b INTEGER DEFAULT 3, c TEXT, d REAL AS (b * 0.5) STORED, e ANY AS (c || b)) STRICT",
    "CREATE INDEX i12 ON t5(lower(c))",
    "CREATE INDEX i13 ON t5(d)",
    "CREATE VIEW v0 AS SELECT a, b, c, d, e FROM t1 WHERE b IS NOT NULL",
    "CREATE VIEW v1(a, b, c, d, e) AS SELECT p.a, q.b, p.c, q.d, q.e FROM t2 p LEFT JOIN t0 q ON p.a = q.b",
    "CREATE VIEW v2 AS SELECT max(a) AS a, b, min(c COLLATE BINARY) AS c, count(*) AS d, count(e) AS e FROM t3 GROUP BY b",
    "CREATE VIEW v3 AS SELECT a, b, c, d, e FROM t0 UNION ALL SELECT a, b, c, d, e FROM t3",
    "CREATE VIEW v4 AS SELECT p.a, p.b, q.c, q.d, p.e FROM v0 p JOIN v1 q ON p.a = q.a",
    "CREATE VIEW v5(a, b, c, d, e) AS SELECT b, a, c, d, e FROM v3 WHERE b IN (SELECT a FROM v0)",
];
