CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE, c INTEGER);
INSERT INTO t VALUES (1,'x',10), (2,'y',20), (3,'Z',30);
CREATE TABLE log(m ANY);
CREATE VIEW v AS SELECT a, b, c + 1 AS d FROM t;
-- Nothing carries a change out yet.
INSERT INTO v VALUES (1,2,3);
UPDATE v SET d = 1;
DELETE FROM v;
DELETE FROM v RETURNING a;
CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN
  INSERT INTO log VALUES ('i' || quote(new.a) || quote(new.b) || quote(new.d) || typeof(new.a));
END;
-- Other events still have nothing.
UPDATE v SET d = 1;
DELETE FROM v;
INSERT INTO v(a, d) VALUES ('5', 7) RETURNING *, a + 1;
INSERT INTO v DEFAULT VALUES RETURNING *;
INSERT INTO v SELECT a + 10, b, d FROM v WHERE a < 3 RETURNING a;
INSERT INTO v VALUES (1,2,3) ON CONFLICT DO NOTHING;
INSERT INTO v VALUES (1,2,3) ON CONFLICT(a) DO UPDATE SET b = 1;
INSERT OR REPLACE INTO v VALUES (8,2,3);
REPLACE INTO v VALUES (8,2,3), (9,'q',x'01');
INSERT INTO v(zz) VALUES (1);
INSERT INTO v VALUES (1);
SELECT * FROM log;
DELETE FROM log;
CREATE TRIGGER u INSTEAD OF UPDATE OF b ON v BEGIN
  INSERT INTO log VALUES ('u' || quote(old.a) || quote(old.b) || quote(old.d) || '>' || quote(new.a) || quote(new.b) || quote(new.d));
END;
UPDATE v SET d = 1;
UPDATE v SET d = 1 RETURNING *;
UPDATE v SET b = d || 'z' WHERE a = 2 RETURNING *;
UPDATE v SET b = d + 1, a = '7' WHERE b = 'z' RETURNING a, b;
UPDATE v SET b = x.k FROM (SELECT 1 AS j, 5 AS k UNION ALL SELECT 2, 6) x WHERE x.j = a RETURNING *;
UPDATE v SET b = (SELECT count(*) FROM log) WHERE a < 3;
SELECT * FROM log;
DELETE FROM log;
CREATE TRIGGER d INSTEAD OF DELETE ON v WHEN old.a > 1 BEGIN
  DELETE FROM t WHERE a = old.a;
END;
DELETE FROM v WHERE d > 25 RETURNING *;
DELETE FROM v RETURNING a;
SELECT * FROM v;
-- OLD and NEW compare as the view's columns do.
CREATE TRIGGER i2 INSTEAD OF INSERT ON v WHEN new.b = 'ABC' BEGIN
  INSERT INTO log VALUES ('abc');
END;
INSERT INTO v VALUES (20, 'aBc', 1);
SELECT * FROM log;
-- A trigger that really inserts, and conflicts inside it.
CREATE VIEW w(k, t) AS SELECT a, b FROM t;
CREATE TRIGGER wi INSTEAD OF INSERT ON w BEGIN
  INSERT INTO t VALUES (new.k, new.t, 0);
  INSERT INTO log SELECT changes();
END;
INSERT INTO w VALUES (1, 'again');
INSERT OR IGNORE INTO w VALUES (1, 'again'), (5, 'five');
INSERT OR REPLACE INTO w VALUES (1, 'again'), (5, 'fives');
SELECT * FROM t;
SELECT last_insert_rowid();
-- A view over a view, each with its own triggers.
CREATE VIEW vv AS SELECT k AS kk, t AS tt FROM w;
CREATE TRIGGER vvi INSTEAD OF INSERT ON vv BEGIN
  INSERT INTO w VALUES (new.kk * 2, new.tt);
  UPDATE v SET b = new.tt WHERE a = new.kk;
END;
INSERT INTO vv VALUES (50, 'hundred');
INSERT INTO vv SELECT kk + 1, 'n' || tt FROM vv;
SELECT * FROM t;
-- RAISE.
CREATE TRIGGER r INSTEAD OF DELETE ON w BEGIN
  SELECT CASE WHEN old.k = 5 THEN RAISE(IGNORE) WHEN old.k = 100 THEN RAISE(ABORT, 'not this') END;
  DELETE FROM t WHERE a = old.k;
END;
DELETE FROM w WHERE k < 10 RETURNING k;
DELETE FROM w;
SELECT a FROM t;
-- What cannot be.
CREATE TRIGGER x1 INSTEAD OF DELETE ON t BEGIN SELECT 1;
END;
CREATE TRIGGER x2 BEFORE DELETE ON v BEGIN SELECT 1;
END;
CREATE TRIGGER x3 AFTER INSERT ON v BEGIN SELECT 1;
END;
CREATE TRIGGER x4 INSTEAD OF INSERT ON v BEGIN SELECT new.rowid;
END;
INSERT INTO v VALUES (1,2,3);
DROP TRIGGER x4;
UPDATE v INDEXED BY foo SET b = 1;
UPDATE v SET b = 1 WHERE rowid = 1;
UPDATE v SET nothere = 1 RETURNING a;
-- Triggers go with their view.
SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger';
DROP VIEW v;
SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1;
SELECT name, tbl_name FROM sqlite_schema WHERE name = 'wi';
