-- ALTER TABLE under triggers: they go with a rename, and stop what would break them.
CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT UNIQUE);
CREATE TABLE log(what TEXT, value INTEGER);
CREATE TABLE apart(a INTEGER, b TEXT);
CREATE TRIGGER ti AFTER INSERT ON t WHEN NEW.a > 0 BEGIN
    INSERT INTO log(what, value) VALUES ('a', new.a), ("b", (SELECT count(*) FROM t WHERE t.a <= NEW.a));
END;
CREATE TRIGGER tu BEFORE UPDATE OF a ON t BEGIN
    UPDATE log SET value = old.a + NEW.a WHERE what = 'a';
    DELETE FROM log WHERE value IN (SELECT x.a FROM t AS x WHERE x.b = 'gone');
END;
CREATE TRIGGER la AFTER INSERT ON log WHEN NEW.value > 100 BEGIN
    INSERT INTO t(a, b) VALUES (-1, NEW.what) ON CONFLICT(b) DO UPDATE SET a = t.a + excluded.a WHERE t.a < 0;
    UPDATE t SET (a, b) = (a - 1, b || 'x') WHERE id = 99;
END;
INSERT INTO t(a, b) VALUES (5, 'five');
ALTER TABLE t RENAME COLUMN a TO amount;
INSERT INTO t(amount, b) VALUES (200, 'many');
INSERT INTO t(amount, b) VALUES (201, 'more');
UPDATE t SET amount = 6 WHERE b = 'five';
UPDATE t SET b = 'six' WHERE b = 'five';
ALTER TABLE log RENAME COLUMN value TO "the value";
INSERT INTO t(amount, b) VALUES (300, 'new');
UPDATE t SET amount = 7 WHERE id = 1;
ALTER TABLE t RENAME TO things;
INSERT INTO things(amount, b) VALUES (301, 'newer');
UPDATE things SET amount = 8 WHERE id = 1;
ALTER TABLE log RENAME TO journal;
INSERT INTO things(amount, b) VALUES (302, 'newest');
INSERT INTO journal VALUES ('b', 500);
UPDATE things SET amount = 9 WHERE id = 1;
ALTER TABLE things RENAME COLUMN b TO title;
INSERT INTO journal VALUES ('c', 500);
SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name;
SELECT * FROM things;
SELECT * FROM journal;
-- What a trigger uses stays.
ALTER TABLE things DROP COLUMN amount;
ALTER TABLE journal DROP COLUMN what;
ALTER TABLE apart DROP COLUMN a;
ALTER TABLE things ADD COLUMN more INTEGER;
ALTER TABLE things DROP COLUMN more;
INSERT INTO things(amount, title) VALUES (400, 'last');
-- Columns that a view hands on.
CREATE VIEW v AS SELECT * FROM apart;
CREATE TRIGGER ai AFTER INSERT ON journal BEGIN
    INSERT INTO apart SELECT b FROM v;
END;
ALTER TABLE apart RENAME COLUMN b TO c;
ALTER TABLE apart RENAME TO aside;
INSERT INTO journal VALUES ('d', 1);
SELECT * FROM aside;
-- A trigger that was broken before stops every rename.
CREATE TRIGGER broken AFTER DELETE ON aside BEGIN
    DELETE FROM nowhere;
END;
ALTER TABLE things RENAME TO t;
DROP TRIGGER broken;
ALTER TABLE things RENAME TO t;
DROP TABLE t;
