//! Functions of the program's own: a scalar one in an index, an aggregate over groups and windows, a collation.
//!
//!     cargo run --example user_functions

use sedge::{Aggregate, Arguments, Database, FunctionFlags, Result};

/// The geometric mean of what is greater than 0.
struct GeometricMean;

impl Aggregate for GeometricMean {
    /// The sum of the logarithms, and how many there are.
    type State = (f64, u32);
    type Output = Option<f64>;

    fn start(&self) -> Result<(f64, u32)> {
        Ok((0.0, 0))
    }

    fn step(&self, (sum, count): &mut (f64, u32), args: Arguments<'_>) -> Result<()> {
        if let Some(value) = args.get::<Option<f64>>(0)?.filter(|value| *value > 0.0) {
            *sum += value.ln();
            *count += 1;
        }
        Ok(())
    }

    fn finish(&self, (sum, count): &(f64, u32)) -> Result<Option<f64>> {
        Ok((*count > 0).then(|| (sum / f64::from(*count)).exp()))
    }
}

fn main() -> Result<()> {
    let db = Database::open_in_memory()?;
    // Before the first statement: the schema may use them.
    db.create_scalar_function("initials", Some(1), FunctionFlags::DETERMINISTIC, |args| {
        let name: String = args.get(0)?;
        Ok(name.split_whitespace().filter_map(|word| word.chars().next()).collect::<String>())
    })?;
    db.create_aggregate_function("geometric_mean", Some(1), FunctionFlags::DETERMINISTIC, GeometricMean)?;
    // Family names first: the key is the last word, then the whole name.
    db.create_collation("by_family", |name, key| {
        key.extend(name.rsplit(' ').next().unwrap_or(name).bytes());
        key.push(0);
        key.extend(name.bytes());
    })?;

    let conn = db.connect()?;
    conn.execute_batch(
        "CREATE TABLE person(name TEXT COLLATE by_family PRIMARY KEY, score REAL);
         CREATE INDEX person_initials ON person(initials(name));
         INSERT INTO person VALUES ('Ada Lovelace', 9.0), ('Alan Turing', 4.0), ('Edsger Dijkstra', 1.0)",
    )?;
    let text = |row: &sedge::Row<'_>| row.get::<String>(0);
    println!("{:?}", conn.query("SELECT name FROM person ORDER BY name", [], text)?);
    println!("{:?}", conn.query("SELECT name FROM person WHERE initials(name) = 'AT'", [], text)?);
    let mean = "SELECT geometric_mean(score) FROM person";
    println!("{:.3}", conn.query_row(mean, [], |row| row.get::<f64>(0))?);
    let running = "SELECT name || ': ' || round(geometric_mean(score) OVER (ORDER BY name), 3) FROM person";
    println!("{:#?}", conn.query(running, [], text)?);
    Ok(())
}
