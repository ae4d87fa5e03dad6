//! The limits of SQL, each tried at it and above it: an error that names the limit, and the session goes on.
//! Below, most other tests are.
#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Connection, Database, ErrorCode};

fn connection() -> Connection {
    Database::open_in_memory().unwrap().connect().unwrap()
}

/// `sql` works, `beyond` fails with `code` and words of `about`, and the session goes on.
fn assert_limit(sql: &str, beyond: &str, code: ErrorCode, about: &str) {
    let connection = connection();
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{about}, at the limit: {error}"));
    let error = connection.execute_batch(beyond).unwrap_err();
    assert_eq!(error.code(), code, "{about}: {error}");
    assert!(error.to_string().contains(about), "{about}: {error}");
    assert_eq!(connection.query_row("SELECT 1", (), |row| row.get::<i64>(0)).unwrap(), 1);
}

fn table_of(columns: usize) -> String {
    let columns: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    format!("CREATE TABLE t(id INTEGER PRIMARY KEY, {})", columns.join(", "))
}

#[test]
fn columns_of_a_table() {
    assert_limit(&table_of(1_999), &table_of(2_000).replace("t(id", "u(id"), ErrorCode::Full, "2000 columns");
    let connection = connection();
    connection.execute_batch(&table_of(1_999)).unwrap();
    let values = vec!["7"; 1_999].join(", ");
    connection.execute(&format!("INSERT INTO t VALUES (1, {values})"), ()).unwrap();
    let last = connection.query_row("SELECT c1998 FROM t", (), |row| row.get::<i64>(0)).unwrap();
    assert_eq!(last, 7);
}

#[test]
fn depth_of_expressions_and_statements() {
    // A debug build takes several times the stack of a release build, which has enough in any thread.
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(depths).unwrap();
    thread.join().unwrap();
}

fn depths() {
    let nested = |levels: usize| format!("SELECT {}1{}", "(".repeat(levels), ")".repeat(levels));
    assert_limit(&nested(200), &nested(300), ErrorCode::Full, "250 levels");
    let chain = |links: usize| format!("SELECT 1{}", " + 1".repeat(links));
    assert_limit(&chain(990), &chain(1_100), ErrorCode::Full, "1000 levels");
    let compound = |members: usize| vec!["SELECT 1"; members].join(" UNION ALL ");
    assert_limit(&compound(500), &compound(501), ErrorCode::Full, "500 SELECTs");
    // Whatever is nested, and however deep: an error, and no overflow of the stack.
    for (open, close) in
        [("(", ")"), ("NOT ", ""), ("-", ""), ("CASE WHEN 1 THEN ", " END"), ("(SELECT ", ")")]
    {
        let text = format!("SELECT {}1{}", open.repeat(50_000), close.repeat(50_000));
        assert!(connection().execute_batch(&text).is_err(), "{open}");
    }
}

#[test]
fn numbers_of_parameters() {
    let connection = connection();
    assert!(connection.prepare("SELECT ?32766").is_ok());
    let error = connection.prepare("SELECT ?32767").unwrap_err();
    assert!(error.code() == ErrorCode::Syntax && error.to_string().contains("32766"), "{error}");
}

#[test]
fn names_are_as_long_as_a_statement() {
    let name = "n".repeat(100_000);
    let connection = connection();
    connection
        .execute_batch(&format!("CREATE TABLE {name}({name}2 TEXT); INSERT INTO {name} VALUES ('x')"))
        .unwrap();
    let found = connection.query_row(&format!("SELECT {name}2 FROM {name}"), (), |row| row.get::<String>(0));
    assert_eq!(found.unwrap(), "x");
}

#[test]
fn lengths_that_functions_make() {
    for sql in ["SELECT zeroblob(1000000001)", "SELECT length(printf('%2000000000d', 1))"] {
        let Err(error) = connection().query_row(sql, (), |row| row.get::<Option<i64>>(0)) else { continue };
        assert!([ErrorCode::Full, ErrorCode::Name].contains(&error.code()), "{sql}: {error}");
    }
}

/// A schema that SQL cannot make, but a hostile file can: views that read each other.
#[test]
fn views_in_a_circle_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("circle.sedge");
    let database = Database::open(&path).unwrap();
    let batch = "CREATE TABLE aa(x); CREATE VIEW bb AS SELECT x FROM aa; CREATE VIEW cc AS SELECT x FROM bb;";
    database.connect().unwrap().execute_batch(batch).unwrap();
    database.close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let size = sedge::Options::new().open(&path).unwrap().metrics().page_size as usize;
    // In the schema's text the view reads the other view.
    let text = b"CREATE VIEW bb AS SELECT x FROM aa";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap() + text.len() - 2;
    bytes[at..at + 2].copy_from_slice(b"cc");
    let id = at / size;
    let page = &mut bytes[id * size..(id + 1) * size];
    let sum = {
        let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(&(id as u32).to_le_bytes()));
        hasher.update(&page[..size - 4]);
        hasher.finalize()
    };
    page[size - 4..].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let connection = Database::open(&path).unwrap().connect().unwrap();
    for sql in ["SELECT * FROM cc", "SELECT * FROM bb, cc", "EXPLAIN SELECT x FROM bb"] {
        let error = connection.query(sql, (), |_| Ok(())).unwrap_err();
        assert!(
            matches!(error.code(), ErrorCode::Full | ErrorCode::Invalid | ErrorCode::Name),
            "{sql}: {error}"
        );
    }
}

/// Damage is told by the name of what was being read, and by its page.
#[test]
fn damage_is_told_by_the_name_of_the_table_or_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.sedge");
    let database = Database::open(&path).unwrap();
    let connection = database.connect().unwrap();
    let rows: Vec<String> =
        (1..9_000).map(|at| format!("({at}, 'city {at}', 'a long note on it')")).collect();
    connection
        .execute_batch(&format!(
            "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, note TEXT);
             INSERT INTO city VALUES {};
             CREATE INDEX city_name ON city(name);",
            rows.join(", ")
        ))
        .unwrap();
    let size = database.metrics().page_size as usize;
    drop(connection);
    database.close().unwrap();
    let sound = std::fs::read(&path).unwrap();
    for (kind, of, sql) in [
        (2, "table city", "SELECT count(note) FROM city"),
        (4, "index city_name", "SELECT count(*) FROM city INDEXED BY city_name WHERE name >= ''"),
    ] {
        // The last leaf of its kind: the schema's own lies in front.
        let id = (0..sound.len() / size).rev().find(|id| sound[id * size + 8] == kind).unwrap();
        let mut bytes = sound.clone();
        bytes[id * size + size / 2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let connection = Database::open(&path).unwrap().connect().unwrap();
        let error = connection.query_row(sql, (), |row| row.get::<i64>(0)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Corrupt);
        assert!(error.to_string().starts_with(&format!("page {id} of {of} is damaged")), "{error}");
    }
}

#[test]
fn widths_of_queries() {
    // As above: a join of 64 subqueries is deep for a debug build.
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(widths).unwrap();
    thread.join().unwrap();
}

fn widths() {
    let columns = |count: usize| format!("SELECT {}", vec!["1"; count].join(", "));
    assert_limit(&columns(2_000), &columns(2_001), ErrorCode::Full, "2000 at most");
    let values = |count: usize| format!("VALUES ({})", vec!["1"; count].join(", "));
    assert_limit(&values(2_000), &values(2_001), ErrorCode::Full, "2000 at most");
    let stars = |count: usize| format!("SELECT {} FROM (SELECT 1, 2)", vec!["*"; count].join(", "));
    assert_limit(&stars(1_000), &stars(1_001), ErrorCode::Full, "2000 at most");
    let joined = |count: usize| {
        let tables: Vec<String> = (0..count).map(|at| format!("(SELECT 1) AS t{at}")).collect();
        format!("SELECT 1 FROM {}", tables.join(", "))
    };
    assert_limit(&joined(64), &joined(65), ErrorCode::Full, "64 tables");
    let arguments = |count: usize| format!("SELECT max({})", vec!["1"; count].join(", "));
    assert_limit(&arguments(1_000), &arguments(1_001), ErrorCode::Full, "max(): 1000 at most");
}
