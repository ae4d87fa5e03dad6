-- What FAIL keeps is counted, also the row whose trigger failed.
CREATE TABLE slot(a INTEGER PRIMARY KEY, b UNIQUE);
CREATE TABLE seen(x);
CREATE TABLE asked(a);
CREATE TRIGGER fill AFTER INSERT ON asked BEGIN
  INSERT OR FAIL INTO slot VALUES (new.a, new.a), (new.a + 1, new.a + 1);
  INSERT INTO seen VALUES (new.a);
END;
INSERT INTO asked VALUES (20);
SELECT last_insert_rowid(), changes(), total_changes();
INSERT INTO asked VALUES (40), (20), (50);
SELECT last_insert_rowid(), changes(), total_changes();
INSERT OR FAIL INTO asked VALUES (60), (20), (70);
SELECT last_insert_rowid(), changes(), total_changes();
INSERT OR IGNORE INTO asked VALUES (80), (20), (90);
SELECT last_insert_rowid(), changes(), total_changes();
CREATE TRIGGER refuse AFTER INSERT ON seen BEGIN
  SELECT raise(FAIL, 'no more') WHERE new.x = 200;
END;
INSERT INTO asked VALUES (100), (200), (300);
SELECT last_insert_rowid(), changes(), total_changes();
SELECT a FROM asked ORDER BY rowid;
SELECT a FROM slot ORDER BY a;
SELECT x FROM seen ORDER BY rowid;
