-- What SQLite refuses although it could be understood, and the forms beside it that it takes.
CREATE TABLE t(a PRIMARY KEY, b);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
-- Behind a table of FROM, ON is the condition of a join.
INSERT INTO t SELECT * FROM t ON CONFLICT DO NOTHING;
INSERT INTO t SELECT * FROM t AS x ON CONFLICT (a) DO UPDATE SET b = 'again';
INSERT INTO t SELECT * FROM (SELECT 3, 'three') ON CONFLICT DO NOTHING;
INSERT INTO t SELECT 3, 'three' UNION SELECT * FROM t ON CONFLICT DO NOTHING;
INSERT INTO t(a) SELECT a FROM t NATURAL JOIN t u ON CONFLICT DO NOTHING;
SELECT * FROM t ORDER BY a;
INSERT INTO t SELECT * FROM t WHERE true ON CONFLICT (a) DO UPDATE SET b = excluded.b || '!';
INSERT INTO t SELECT * FROM t ORDER BY 1 ON CONFLICT DO NOTHING;
INSERT INTO t SELECT * FROM t LIMIT 1 ON CONFLICT DO NOTHING;
INSERT INTO t SELECT a, b FROM t GROUP BY a ON CONFLICT DO NOTHING;
INSERT INTO t SELECT 3, 'three' ON CONFLICT DO NOTHING;
INSERT INTO t SELECT * FROM t UNION SELECT 4, 'four' ON CONFLICT DO NOTHING;
INSERT INTO t SELECT t.a, t.b FROM t JOIN t u USING (a) ON CONFLICT DO NOTHING;
INSERT INTO t SELECT t.a, t.b FROM t JOIN t u ON u.a = t.a ON CONFLICT DO NOTHING;
SELECT * FROM t ORDER BY a;
-- A string in the place of an indexed column is its name.
CREATE INDEX quoted ON t('b');
SELECT name FROM pragma_index_info('quoted');
CREATE INDEX quoted_wrong ON t('none');
CREATE TABLE keyed(a, b, PRIMARY KEY ('a'), UNIQUE ('b' COLLATE NOCASE));
INSERT INTO keyed VALUES (1, 'x');
INSERT INTO keyed VALUES (2, 'X');
INSERT INTO keyed VALUES (1, 'y');
CREATE TABLE keyed_wrong(a, UNIQUE ('z'));
ALTER TABLE t RENAME COLUMN b TO c;
SELECT name FROM pragma_index_info('quoted');
-- CAST and RAISE are names, but not where an expression begins.
CREATE TABLE words(cast, raise);
SELECT 1 AS cast, 2 raise;
SELECT cast FROM words;
SELECT raise FROM words;
SELECT words.cast, "raise" FROM words;
-- In * a column of a FULL or RIGHT JOIN with USING is its bare name.
CREATE TABLE l(id, k);
CREATE TABLE r(id, m);
CREATE TABLE other(id, n);
INSERT INTO l VALUES (1, 'l1'), (2, 'l2');
INSERT INTO r VALUES (2, 'r2'), (3, 'r3');
INSERT INTO other VALUES (9, 'o9');
SELECT * FROM l FULL JOIN r USING (id), other;
SELECT * FROM l RIGHT JOIN r USING (id) JOIN other;
SELECT * FROM l LEFT JOIN r USING (id), other ORDER BY 1;
SELECT * FROM l FULL JOIN r USING (id) ORDER BY 1;
SELECT * FROM (l FULL JOIN r USING (id)) ORDER BY 1;
SELECT l.*, other.* FROM l FULL JOIN r USING (id), other ORDER BY 1;
-- An aggregate before an empty list is not looked at.
SELECT count(a) IN () FROM t;
SELECT (SELECT count(o.a) IN ()) FROM t o;
