//! Counts and sizes for people.

/// A count with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Bytes in the largest unit that leaves a number above one, with three digits or so.
pub(crate) fn bytes(number: u64) -> String {
    let (mut size, mut units) = (number as f64, ["bytes", "KiB", "MiB", "GiB"].into_iter().peekable());
    while let Some(unit) = units.next() {
        if size < 1024.0 || units.peek().is_none() {
            let whole = size.fract() == 0.0 || size >= 100.0;
            return if whole { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    number.to_string()
}

/// A duration in a unit that leaves a number above one.
pub(crate) fn nanos(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} ns"),
        1_000..1_000_000 => format!("{:.1} us", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", number as f64 / 1e6),
        _ => format!("{:.2} s", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_scaled() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        counts.into_iter().for_each(|(number, text)| assert_eq!(count(number), text));
        for (number, text) in [(0, "0 bytes"), (1023, "1023 bytes"), (8192, "8 KiB"), (1536, "1.5 KiB")] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(
            (bytes(u64::MAX).as_str(), counted(1, "page", "pages").as_str()),
            ("17179869184 GiB", "1 page")
        );
        let times = [999, 1_500, 12_345_678, 2_000_000_000].map(nanos);
        assert_eq!(times, ["999 ns", "1.5 us", "12.3 ms", "2.00 s"]);
    }
}
