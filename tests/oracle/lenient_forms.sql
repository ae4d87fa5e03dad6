-- Forms that SQLite takes although they look odd, and some that it refuses although they look sound.
CREATE TABLE names(a, CONSTRAINT lonely);
CREATE TABLE more(a, b, CONSTRAINT one CONSTRAINT two UNIQUE(a), CONSTRAINT three CHECK(b > 0));
CREATE TABLE wrong(a, CONSTRAINT lonely, b);
INSERT INTO more VALUES (1, 2);
INSERT INTO more VALUES (1, 3);
INSERT INTO more VALUES (2, 0);
CREATE TABLE untyped(a) STRICT;
CREATE TABLE varied(a VARCHAR(5)) STRICT;
CREATE TABLE typed(a int, b Text, c real, d blob, e any, f INTEGER) STRICT;
SELECT name, type FROM pragma_table_info('typed');
SELECT CASE (1, 2) WHEN (2, 1) THEN 'turned' WHEN (1, 2) THEN 'same' END;
SELECT CASE (SELECT 1, 2) WHEN (1, 2) THEN 'same' ELSE 'other' END;
SELECT CASE (1, 2) WHEN 1 THEN 'one' END;
SELECT abs(DISTINCT -3), printf() IS NULL, printf('%p %#x', 171, 171), typeof(CAST('12' AS));
CREATE TABLE city(id INTEGER PRIMARY KEY, country TEXT, people INT, founded INT);
INSERT INTO city VALUES (1, 'x', 10, 300), (2, 'x', 40, 100), (3, 'y', 30, 200), (4, 'y', 5, 900);
SELECT id, min(people), max(people) FROM city;
SELECT id, max(people), min(people) FROM city;
SELECT country, id, max(people), min(founded) FROM city GROUP BY country ORDER BY country;
SELECT id FROM city HAVING max(people) > 3;
SELECT count(*) FROM city HAVING max(people) > 3;
SELECT id FROM city ORDER BY max(people);
SELECT count(*) FROM city ORDER BY max(people);
SELECT country FROM city GROUP BY country ORDER BY max(people);
-- A condition of an inner join may name what stands behind it.
SELECT a.id, b.id, c.id FROM city a JOIN city b ON c.id = a.id + 1 JOIN city c ON c.id = b.id + 1 ORDER BY 1;
SELECT a.id, c.id FROM city a JOIN city b ON c.id = 3 LEFT JOIN city c ON c.id = b.id WHERE a.id = 1;
SELECT count(*) FROM city a LEFT JOIN city b ON c.id = a.id JOIN city c;
SELECT count(*) FROM city a JOIN city b ON d.id = a.id JOIN city c;
UPDATE city SET people = people + 1 FROM city b JOIN city c ON d.id = b.id JOIN city d ON d.id = c.id WHERE b.id = city.id AND d.id < 3;
UPDATE city SET people = j.value FROM json_each('[7, 8]') AS j WHERE city.id = j.key + 1;
-- USING takes the leftmost of several columns, unless a join is RIGHT or FULL.
SELECT a.id, b.id, c.id FROM city a, city b JOIN city c USING (id) WHERE b.id = 4 ORDER BY 1;
SELECT count(*) FROM city a, city b NATURAL JOIN city c;
SELECT count(*) FROM city a CROSS JOIN city b LEFT JOIN city c USING (id, country);
SELECT count(*) FROM city a, city b RIGHT JOIN city c USING (id);
-- The parts of an array that are arrays or objects go into JSON as such.
SELECT json_group_array(value), json_group_object(key, value) FROM json_each('[1, "b", [2], {"c": null}]');
SELECT json_array(value), json_quote(value) FROM json_each('["[1]", [1]]');
SELECT json_set('{}', '$.v', value) FROM json_tree('{"a": [{}]}');
SELECT json_array(value || '') FROM json_each('[[1]]');
CREATE TRIGGER qualified AFTER INSERT ON city BEGIN
    DELETE FROM main.city WHERE id = 1;
END;
CREATE TRIGGER with_before AFTER INSERT ON city BEGIN
    WITH q(n) AS (SELECT 1) DELETE FROM city WHERE id = (SELECT n FROM q);
END;
CREATE TRIGGER by_default AFTER INSERT ON city BEGIN
    INSERT INTO more DEFAULT VALUES;
END;
CREATE TRIGGER hinted AFTER INSERT ON city BEGIN
    UPDATE city NOT INDEXED SET people = 0;
END;
CREATE TRIGGER with_inside AFTER INSERT ON city BEGIN
    INSERT INTO more WITH q(n) AS (SELECT new.id + 100) SELECT n, n FROM q;
END;
INSERT INTO city(id) VALUES (50);
INSERT INTO city(id) DEFAULT VALUES;
CREATE TRIGGER sqlite_mine AFTER INSERT ON city BEGIN
    SELECT 1;
END;
CREATE VIEW twins(a, A) AS SELECT 1, 2;
SELECT * FROM twins;
-- What a table made from a query is called in the schema.
CREATE TABLE short AS SELECT id, country AS "the country", people AS "order" FROM city;
CREATE TABLE lengthy AS SELECT id, country, people, founded, people / 2.0, id AS first_id, id AS second_id FROM city;
SELECT name, sql FROM sqlite_schema WHERE name IN ('short', 'lengthy') ORDER BY name;
