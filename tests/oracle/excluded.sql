-- What ON CONFLICT calls `excluded` was found by random statements to compare otherwise than in SQLite, where it has
-- neither the affinity nor the collation of its columns.
CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT COLLATE NOCASE, d REAL, e ANY) STRICT;
INSERT INTO t VALUES (1, 1, 'x', 1, 1);
INSERT INTO t VALUES (1, 5, 'A', 2, 3) ON CONFLICT DO UPDATE SET e = (excluded.b < '6') || (excluded.b = '5') || (excluded.a = '1') || (excluded.d = '2.0');
INSERT INTO t VALUES (1, 5, 'A', 2, 3) ON CONFLICT DO UPDATE SET e = (excluded.c = 'a') || (excluded.c = 'A') || (excluded.c = 65) || (excluded.b IN ('5'));
INSERT INTO t VALUES (1, 5, 'X', 2, 3) ON CONFLICT DO UPDATE SET e = (t.c = excluded.c) || (excluded.c = t.c) || typeof(excluded.d) || (t.b = excluded.b);
INSERT INTO t VALUES (1, 5, 'X', 2, 3) ON CONFLICT DO UPDATE SET b = 9 WHERE excluded.b < ' 3';
SELECT * FROM t;
