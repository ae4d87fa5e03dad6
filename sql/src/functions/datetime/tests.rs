//! Random calls of the date functions, here and in SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::functions::oracle::{Random, agree, sedge};
use crate::value::Value;

fn moment(random: &mut Random) -> Value {
    let year = match random.below(8) {
        0 => random.between(0, 9999),
        1 => random.between(-4713, -1),
        _ => random.between(1890, 2090),
    };
    let date = format!(
        "{}{:04}-{:02}-{:02}",
        if year < 0 { "-" } else { "" },
        year.abs(),
        random.between(1, 12),
        random.pick(&[1, 2, 14, 27, 28, 29, 30, 31])
    );
    let (hour, minute, second) = (random.between(0, 23), random.between(0, 59), random.between(0, 59));
    let time = match random.below(6) {
        0 => format!("{hour:02}:{minute:02}"),
        1 => format!("{hour:02}:{minute:02}:{second:02}.{}", random.below(100_000)),
        2 => random.pick(&["24:00:00", "23:59:59.9999", "00:00:00.0005", "12:00", "24:00:01"]).to_owned(),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    let zone = random.pick(&["", "", "", "Z", " z", "+05:30", "-00:00", " -14:59", "+15:00", "x", "  "]);
    match random.below(24) {
        0 => Value::Null,
        1 => Value::Integer(random.between(-300_000_000_000, 300_000_000_000)),
        2 => Value::Integer(random.between(0, 6_000_000)),
        3 => Value::Real(random.between(0, 5_400_000) as f64 + random.below(10_000) as f64 / 10_000.0),
        4 => Value::Real(random.between(-2_000_000_000, 4_000_000_000) as f64 + 0.123_456),
        5 => Value::text(random.pick(&[
            "",
            "2000",
            " 2451545 ",
            "2451545.25x",
            "1e6",
            "12:60",
            "2001-02-29",
            "2001-2-3",
            "20010203",
            "2001-02-03  T 10:00",
            "0000-00-00",
            "now ",
            "-2451545",
            "12",
            "24:00",
            "9999-12-31 24:00",
            "2001-02-03 10:00:00.",
            "2001-02-03\u{0}junk",
            "-0001-01-01",
            "2460000.5 ",
            "inf",
        ])),
        6 => Value::Blob(date.into_bytes().into()),
        7..10 => Value::text(format!("{time}{zone}")),
        10..13 => Value::text(date),
        13 => Value::text(format!("{date}T{time}{zone}")),
        _ => Value::text(format!("{date} {time}{zone}")),
    }
}

fn modifier(random: &mut Random) -> Value {
    let sign = random.pick(&["+", "-", ""]);
    let unit = random.pick(&[
        "days", "day", "hours", "hour", "minute", "minutes", "second", "seconds", "months", "month", "years",
        "year", "YEARS", "dayss", "week", "s",
    ]);
    let text = match random.below(14) {
        0 => format!("{sign}{}.{} {unit}", random.below(400), random.below(1000)),
        1 | 2 => format!("{sign}{} {unit}", random.below(100)),
        3 => format!("{sign}{} {unit}", random.below(20_000_000)),
        4 => format!("{sign}{:02}:{:02}", random.below(26), random.below(62)),
        5 => format!(
            "{sign}{:02}:{:02}:{:02}.{}",
            random.below(24),
            random.below(60),
            random.below(60),
            random.below(5000)
        ),
        6 => format!("{sign}{:04}-{:02}-{:02}", random.below(200), random.below(13), random.below(32)),
        7 => format!(
            "{sign}{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            random.below(200),
            random.below(12),
            random.below(31),
            random.below(25),
            random.below(60),
            random.below(60)
        ),
        8 => format!("start of {}", random.pick(&["day", "month", "year", "Year", "week", ""])),
        9 => format!("end of {}", random.pick(&["day", "month", "year", "MONTH", "week"])),
        10 => format!(
            "weekday {}",
            random.pick(&["0", "1", "2", "3", "4", "5", "6", "-1", "-0", "-6", "7", "1.0", "1.5", "x"])
        ),
        11 => random.pick(&["unixepoch", "julianday", "auto", "AUTO", "Unixepoch"]).to_owned(),
        12 => {
            random.pick(&["ceiling", "floor", "floor", "subsec", "subsecond", "utc", "localtime"]).to_owned()
        }
        _ => random
            .pick(&[
                "",
                " ",
                "+1",
                "1day",
                "+1  day",
                "+1.5e1 days",
                "--1 days",
                "+ 1 day",
                "+1 day ",
                "+00:00:00.001",
                "+10000-00-00",
                "-10000-01-01 00:00",
                "0001-01-01",
                "+1e400 days",
                "+5373485 days",
                "-14713 years",
                "+.5 days",
                "start of",
                "+0x1 day",
                "weekday",
                "+1-1 day",
                "+05:00+02:00",
                "+12:00 x",
            ])
            .to_owned(),
    };
    if random.one_in(60) { Value::Null } else { Value::text(text) }
}

fn number_first(random: &mut Random) -> (Value, Value) {
    let number = if random.one_in(2) {
        Value::Integer(random.between(-3_000_000_000, 9_000_000_000))
    } else {
        Value::Real(random.between(-100_000, 6_000_000) as f64 + random.below(1_000_000) as f64 / 1e6)
    };
    (number, Value::text(random.pick(&["unixepoch", "julianday", "auto"])))
}

fn args(random: &mut Random) -> Vec<Value> {
    let mut args = Vec::new();
    if random.one_in(4) {
        let (number, meaning) = number_first(random);
        args.extend([number, meaning]);
    } else {
        args.push(moment(random));
    }
    for _ in 0..random.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        args.push(modifier(random));
    }
    args
}

#[test]
fn date_functions_answer_as_in_sqlite() {
    agree(60_000, |random| {
        let name = random.pick(&["date", "time", "datetime", "julianday", "unixepoch", "datetime"]);
        (name, args(random))
    });
}

#[test]
fn strftime_answers_as_in_sqlite() {
    agree(60_000, |random| {
        let mut format = String::new();
        for _ in 0..=random.below(4) {
            format.push('%');
            format.push(char::from(random.pick(b"deffFgGHIjJklmMpPRsSTuUVwWYY%")));
            format.push_str(random.pick(&["", " ", "-", "é"]));
        }
        if random.one_in(60) {
            format.push_str(random.pick(&["%", "%x", "%n", "\u{0}%d"]));
        }
        let mut args = args(random);
        args.insert(0, Value::text(format));
        ("strftime", args)
    });
}

#[test]
fn differences_are_as_in_sqlite() {
    agree(40_000, |random| ("timediff", vec![moment(random), moment(random)]));
}

/// Run again in a process of its own, for zones of both hemispheres.
#[test]
fn local_time_is_as_in_sqlite() {
    const CALLS: u64 = 4000;
    let local = |random: &mut Random| {
        let name = random.pick(&["datetime", "julianday", "time"]);
        let date = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.5",
            random.between(1000, 2200),
            random.between(1, 12),
            random.between(1, 31),
            random.between(0, 23),
            random.between(0, 59),
            random.between(0, 59)
        );
        let mut args = vec![Value::text(date)];
        for _ in 0..random.between(1, 3) {
            args.push(Value::text(random.pick(&[
                "localtime",
                "utc",
                "+1 month",
                "start of day",
                "localtime",
            ])));
        }
        (name, args)
    };
    if std::env::var_os("SEDGE_ZONE_CHILD").is_some() {
        agree(CALLS, local);
        return;
    }
    for zone in ["UTC0", "EST5EDT,M3.2.0,M11.1.0", "AEST-10AEDT,M10.1.0,M4.1.0/3", "<+0545>-5:45"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "functions::datetime::tests::local_time_is_as_in_sqlite"])
            .env("TZ", zone)
            .env("SEDGE_ZONE_CHILD", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{zone}: {said}");
    }
}

#[test]
fn now_is_the_time_of_the_statement() {
    assert_eq!(sedge("current_timestamp", &[]).unwrap(), Value::text("1970-01-01 00:00:00"));
    assert_eq!(sedge("unixepoch", &[Value::text("subsec")]).unwrap(), Value::Real(0.0));
    assert_eq!(
        sedge("time", &[Value::text("NOW"), Value::text("+90 seconds")]).unwrap(),
        Value::text("00:01:30")
    );
    assert_eq!(sedge("strftime", &[Value::text("%Y")]).unwrap(), Value::text("1970"));
    assert_eq!(sedge("strftime", &[]).unwrap(), Value::Null);
}
