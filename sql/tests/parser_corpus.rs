//! Every statement of a folder of sqllogictest files that SQLite accepts must parse, with literals lifted and
//! without. The folder is named by `SEDGE_SLT`; without it the test has nothing to read and says so.

#![allow(missing_docs)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod corpus {
    use sedge_sql::parser::{LiftScratch, lift, parse_one};
    use std::path::{Path, PathBuf};

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "test") {
                found.push(path);
            }
        }
    }

    /// The statements of one file that are not expected to fail.
    fn statements(text: &str) -> Vec<String> {
        let mut statements = Vec::new();
        for record in text.replace("\r\n", "\n").split("\n\n") {
            let mut lines = record.lines().filter(|line| !line.starts_with('#')).peekable();
            while lines.next_if(|line| line.trim().is_empty()).is_some() {}
            let mut ours = true;
            while let Some(line) =
                lines.next_if(|line| line.starts_with("skipif") || line.starts_with("onlyif"))
            {
                let sqlite =
                    line.split_whitespace().nth(1).is_some_and(|name| name.eq_ignore_ascii_case("sqlite"));
                ours &= sqlite == line.starts_with("onlyif");
            }
            let Some(head) = lines.next() else { continue };
            if ours && (head.starts_with("query") || head.starts_with("statement ok")) {
                let sql: Vec<_> = lines.take_while(|line| *line != "----").collect();
                statements.push(sql.join("\n"));
            }
        }
        statements
    }

    #[test]
    fn parses_what_sqlite_accepts() {
        let Ok(folder) = std::env::var("SEDGE_SLT") else {
            eprintln!("SEDGE_SLT names no folder: nothing to parse");
            return;
        };
        let mut paths = Vec::new();
        files(Path::new(&folder), &mut paths);
        let mut scratch = LiftScratch::default();
        let (mut count, mut failed) = (0, 0);
        for path in paths {
            for sql in statements(&std::fs::read_to_string(&path).unwrap()) {
                count += 1;
                let lifted = lift(&sql, &mut scratch);
                for lifted in [None, lifted.as_ref().map(|lifted| lifted.slots())] {
                    if let Err(error) = parse_one(&sql, lifted) {
                        failed += 1;
                        if failed < 40 {
                            eprintln!("{}: {error}\n  {sql}", path.display());
                        }
                    }
                }
            }
        }
        assert!(count > 0, "no statement under {folder}");
        eprintln!("{count} statements");
        assert_eq!(failed, 0, "of {count}");
    }
}
