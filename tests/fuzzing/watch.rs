//! Runs statements under a watch: what takes long is interrupted, and it is a failure if that does not end it, if it takes
//! too much memory, or if it panics. Then the statements that led there are printed.

use sedge::{Connection, Database, InterruptHandle, Options};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// After this time a statement is interrupted.
const PATIENCE: Duration = Duration::from_millis(150);
/// After this time it hangs.
const HANGS: Duration = Duration::from_secs(30);
/// More memory than this is an explosion, in pages of 4 KiB.
const PAGES_MAX: u64 = 3 << 18;
/// Rows of one result that are looked at.
const ROWS_MAX: usize = 20_000;

/// What runs now.
struct Running {
    script: Vec<String>,
    since: Option<Instant>,
    handle: InterruptHandle,
    ended: bool,
}

/// A database in memory, and somebody who looks at the clock.
pub struct Watched {
    connection: Connection,
    running: Arc<Mutex<Running>>,
}

impl Watched {
    pub fn new() -> Watched {
        let database: Database = Options::new().cache_size(16 << 20).open_in_memory().unwrap();
        let connection = database.connect().unwrap();
        let handle = connection.interrupt_handle();
        let running = Arc::new(Mutex::new(Running { script: Vec::new(), since: None, handle, ended: false }));
        let watched = Arc::clone(&running);
        std::thread::spawn(move || watch(&watched));
        Watched { connection, running }
    }

    /// Runs a text, all statements of it; true if nothing was wrong with it. What opens other files is not run: a changed
    /// text names whatever file it may.
    pub fn run(&self, sql: &str) -> bool {
        let folded = sql.to_ascii_lowercase();
        if ["attach", "vacuum"].iter().any(|opens| folded.contains(opens)) {
            return false;
        }
        {
            let mut running = self.running.lock().unwrap();
            running.script.push(sql.to_owned());
            running.since = Some(Instant::now());
        }
        let fine = self.all(sql).is_ok();
        self.running.lock().unwrap().since = None;
        fine
    }

    fn all(&self, sql: &str) -> sedge::Result<()> {
        let mut rest = sql;
        while let Some((mut statement, used)) = self.connection.prepare_first(rest)? {
            let mut rows = statement.query(())?;
            for _ in 0..ROWS_MAX {
                let Some(row) = rows.next()? else { break };
                for column in 0..row.column_count() {
                    row.get_ref(column)?;
                }
            }
            rest = &rest[used..];
        }
        Ok(())
    }

    /// Asserts that the database is whole.
    pub fn finish(&self) {
        let _ = self.connection.execute("ROLLBACK", ());
        let mut wrong = Vec::new();
        self.connection
            .query("PRAGMA integrity_check", (), |row| {
                wrong.push(row.get::<String>(0)?);
                Ok(())
            })
            .unwrap();
        assert_eq!(wrong, ["ok"]);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.ended = true;
        if std::thread::panicking() {
            print(&running.script);
        }
    }
}

fn print(script: &[String]) {
    script.iter().for_each(|sql| eprintln!("{sql};"));
}

fn watch(running: &Mutex<Running>) {
    loop {
        std::thread::sleep(Duration::from_millis(25));
        let running = running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if running.ended {
            return;
        }
        let Some(since) = running.since else { continue };
        let fault = if since.elapsed() > HANGS {
            "the last statement hangs, though it was interrupted"
        } else if pages() > PAGES_MAX {
            "the last statement takes too much memory"
        } else {
            if since.elapsed() > PATIENCE {
                running.handle.interrupt();
            }
            continue;
        };
        print(&running.script);
        eprintln!("-- {fault}");
        std::process::abort();
    }
}

/// Resident memory in pages; 0 where the system does not tell.
fn pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}
