-- American air traffic of 2008: two CSV files made into tables, indexed, and asked.
-- Run from the repository's root:
--   cargo run --release --bin sedge -- --table :memory: ".read examples/flights.sql"

BEGIN;
CREATE TABLE airport(
  iata      TEXT PRIMARY KEY,
  name      TEXT NOT NULL,
  city      TEXT,
  state     TEXT,
  country   TEXT NOT NULL,
  latitude  REAL NOT NULL CHECK (latitude BETWEEN -90 AND 90),
  longitude REAL NOT NULL CHECK (longitude BETWEEN -180 AND 180)
);
CREATE TABLE route(
  origin      TEXT NOT NULL,
  destination TEXT NOT NULL,
  flights     INTEGER NOT NULL CHECK (flights > 0),
  PRIMARY KEY (origin, destination)
);
.import --csv --skip 1 examples/data/airports.csv airport
.import --csv --skip 1 examples/data/routes.csv route
CREATE INDEX route_destination ON route(destination);
CREATE INDEX airport_state ON airport(state, city);
CREATE VIEW leg AS
  SELECT a.state AS from_state, b.state AS to_state, r.flights, a.iata AS origin, b.iata AS destination
  FROM route r JOIN airport a ON a.iata = r.origin JOIN airport b ON b.iata = r.destination;
COMMIT;

.print "How much is there?"
SELECT (SELECT count(*) FROM airport) AS airports, count(*) AS routes, sum(flights) AS flights FROM route;

.print "\nThe ten busiest airports, by departures"
SELECT a.iata, a.name, a.city || ', ' || a.state AS place, sum(r.flights) AS departures, count(*) AS destinations
FROM route r JOIN airport a ON a.iata = r.origin
GROUP BY a.iata ORDER BY departures DESC LIMIT 10;

.print "\nThe five longest routes, in kilometres (one line for both ways)"
SELECT r.origin, a.city, r.destination, b.city AS destination_city, r.flights + back.flights AS flights,
       CAST(round(6371 * acos(min(1.0,
         sin(radians(a.latitude)) * sin(radians(b.latitude)) +
         cos(radians(a.latitude)) * cos(radians(b.latitude)) * cos(radians(a.longitude - b.longitude)))))
         AS INTEGER) AS km
FROM route r
JOIN route back ON back.origin = r.destination AND back.destination = r.origin
JOIN airport a ON a.iata = r.origin
JOIN airport b ON b.iata = r.destination
WHERE r.origin < r.destination
ORDER BY km DESC, r.origin LIMIT 5;

.print "\nThe states between which most flights go"
SELECT from_state, to_state, sum(flights) AS flights, count(*) AS routes
FROM leg WHERE from_state <> to_state
GROUP BY from_state, to_state HAVING routes > 3 ORDER BY flights DESC LIMIT 5;

.print "\nAirports with a way in and none out"
SELECT a.iata, a.name, a.state, sum(r.flights) AS arrivals
FROM route r LEFT JOIN airport a ON a.iata = r.destination
WHERE NOT EXISTS (SELECT 1 FROM route back WHERE back.origin = r.destination)
GROUP BY a.iata ORDER BY a.iata;

.print "\nStates with a hundred airports and more: how many of them does no airline serve?"
SELECT state, count(*) AS airports, sum(iata NOT IN (SELECT origin FROM route)) AS unserved
FROM airport WHERE state IS NOT NULL
GROUP BY state HAVING count(*) >= 100 ORDER BY unserved DESC LIMIT 5;

.print "\nHow is a question planned?"
EXPLAIN SELECT a.name, sum(r.flights) FROM route r JOIN airport a ON a.iata = r.origin WHERE r.destination = 'ANC' GROUP BY a.name;

.print "\nNow ask your own: put a file's name in place of :memory:, then open it with"
.print "  cargo run --release --bin sedge -- flights.sedge"
