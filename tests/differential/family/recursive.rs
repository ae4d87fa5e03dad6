//! Common tables that read themselves: over counters, over the edges that rows of a table are, with several terms,
//! orders and limits of the queue.

use super::Statement;
use crate::generator::{Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let all = generator.0.pick(&["UNION", "UNION ALL", "UNION ALL"]);
    let anchor = match generator.0.below(4) {
        0 => format!("SELECT 0, {}", generator.literal()),
        1 => format!("VALUES (0, {}), (1, {})", generator.literal(), generator.literal()),
        2 => format!("SELECT 0, b FROM {} WHERE a < 4", generator.0.pick(&TABLES)),
        _ => format!("SELECT 0, max(a) FROM {}", generator.0.pick(&TABLES)),
    };
    let mut terms = String::new();
    let mut reads_tables = anchor.contains("FROM");
    for _ in 0..=generator.0.below(2) {
        let bound = 1 + generator.0.below(4);
        let value =
            generator.0.pick(&["v", "v + n", "v || n", "NULL", "n % 2", "coalesce(v, n)", "-v", "1.5"]);
        let table = generator.0.pick(&TABLES);
        let term = match generator.0.below(5) {
            0..=2 => format!("SELECT n + 1, {value} FROM r WHERE n < {bound}"),
            3 => {
                reads_tables = true;
                format!("SELECT n + 1, t.b FROM r JOIN {table} t ON t.a = v WHERE n < {bound} AND t.a < 12")
            }
            _ => format!("SELECT n + 1, {value} FROM r WHERE n < {bound} AND v IN (SELECT a FROM {table})"),
        };
        terms += &format!(" {all} {term}");
    }
    // Rows that enter the queue for one row of it may come in any order, so a limit may choose others.
    let limit = if !reads_tables && generator.0.one_in(3) {
        format!(" LIMIT {} OFFSET {}", 1 + generator.0.below(12), generator.0.below(3))
    } else {
        String::new()
    };
    let order = generator.0.pick(&["", "", " ORDER BY 2, 1", " ORDER BY 1 DESC, 2"]);
    let read = generator.0.pick(&[
        "SELECT n, v, typeof(v) FROM r",
        "SELECT count(*), min(n), count(v) FROM r",
        "SELECT n, count(v) FROM r GROUP BY n",
        "SELECT x.n, y.v FROM r x JOIN r y ON x.n = y.n",
        "SELECT count(*) FROM t0 WHERE a IN (SELECT v FROM r)",
        "SELECT a FROM t3 WHERE EXISTS (SELECT 1 FROM r WHERE v = a) OR a IS NULL OR a < 5",
    ]);
    Statement::query(format!("WITH RECURSIVE r(n, v) AS ({anchor}{terms}{order}{limit}) {read}"))
}
