-- The indexes that constraints make have SQLite's names, wherever names are told.
CREATE TABLE part(code TEXT PRIMARY KEY, maker, model, UNIQUE (maker, model));
SELECT name, "unique", origin FROM pragma_index_list('part') ORDER BY name;
SELECT seqno, name FROM pragma_index_info('sqlite_autoindex_part_2');
SELECT type, name, tbl_name, sql IS NULL FROM sqlite_master ORDER BY name;
SELECT rowid, name FROM sqlite_master ORDER BY rowid;
INSERT INTO part VALUES ('p1', 'm', 1), ('p2', 'm', 2), ('p3', 'n', 1);
SELECT code FROM part INDEXED BY sqlite_autoindex_part_2 WHERE maker = 'm' ORDER BY code;
DROP INDEX sqlite_autoindex_part_1;
CREATE INDEX sqlite_autoindex_part_3 ON part(model);
ALTER TABLE part RENAME TO "spare part";
SELECT name FROM pragma_index_list('spare part') ORDER BY name;
SELECT code FROM "spare part" INDEXED BY "sqlite_autoindex_spare part_1" WHERE code = 'p2';
CREATE TABLE pair(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
SELECT name, origin FROM pragma_index_list('pair');
CREATE VIEW codes AS SELECT code FROM "spare part";
SELECT m.oid, name FROM sqlite_schema m WHERE rowid > 4;
SELECT rowid FROM sqlite_schema WHERE name = 'codes';
SELECT count(*) FROM sqlite_schema WHERE _rowid_ = 1;
