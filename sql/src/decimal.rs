//! Exact decimals: an integer of at most 28 digits and the place of its point. What cannot be exact is refused, never
//! rounded, so sums of money are what they are on paper.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most digits a decimal has, before and after its point together.
pub const DIGITS_MAX: u8 = 28;

/// The least integer that has more digits.
const LIMIT: i128 = 10_i128.pow(DIGITS_MAX as u32);

/// An exact decimal: `coefficient / 10^scale`.
///
/// Two that are equal as numbers may differ in their scale, as 1.5 and 1.50 do: `==` tells them apart, as it tells the
/// integer 1 from the real 1.0, and [`Decimal::compare`] does not.
///
/// ```
/// use sedge_sql::Decimal;
/// let price: Decimal = "19.90".parse().unwrap();
/// let twice = price.checked_add(price).unwrap();
/// assert_eq!(twice.to_string(), "39.80");
/// ```
// Split in two so that values stay as small as they are without decimals: 24 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    low: u64,
    high: i32,
    scale: u8,
}

const fn power(exponent: u8) -> i128 {
    10_i128.pow(exponent as u32)
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal { low: 0, high: 0, scale: 0 };

    /// `coefficient / 10^scale`; `None` if that has more than 28 digits before or after the point.
    #[must_use]
    pub fn new(coefficient: i128, scale: u8) -> Option<Decimal> {
        if coefficient <= -LIMIT || coefficient >= LIMIT || scale > DIGITS_MAX {
            return None;
        }
        // The limit is below 2^95, so the upper part fits 32 bits with its sign.
        Some(Decimal { low: coefficient as u64, high: (coefficient >> 64) as i32, scale })
    }

    /// All digits as one integer.
    #[must_use]
    pub fn coefficient(self) -> i128 {
        i128::from(self.high) << 64 | i128::from(self.low)
    }

    /// How many of the digits stand after the point.
    #[must_use]
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The same number with so many digits after the point; `None` if it needs more, or has too many in all.
    #[must_use]
    pub fn rescale(self, scale: u8) -> Option<Decimal> {
        let coefficient = self.coefficient();
        match scale.checked_sub(self.scale) {
            Some(more) if more > DIGITS_MAX => None,
            Some(more) => Decimal::new(coefficient.checked_mul(power(more))?, scale),
            None => {
                let unit = power(self.scale - scale);
                (coefficient % unit == 0).then(|| Decimal::new(coefficient / unit, scale)).flatten()
            }
        }
    }

    /// Rounded to at most so many digits after the point, halves away from zero.
    #[must_use]
    pub fn round(self, scale: u8) -> Decimal {
        if scale >= self.scale {
            return self;
        }
        let unit = power(self.scale - scale);
        let coefficient = self.coefficient();
        let half = if coefficient < 0 { -unit / 2 } else { unit / 2 };
        // One digit less than there was, and one more by the carry: it fits.
        Decimal::new((coefficient + half) / unit, scale).unwrap_or(self)
    }

    /// Without zeros at the end of its fraction.
    #[must_use]
    pub fn normalized(self) -> Decimal {
        let (mut coefficient, mut scale) = (self.coefficient(), self.scale);
        while scale > 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            scale -= 1;
        }
        Decimal::new(coefficient, scale).unwrap_or(self)
    }

    /// A coefficient that may be too long; zeros at the end of the fraction are given up before the number is.
    fn fitted(mut coefficient: i128, mut scale: u8) -> Option<Decimal> {
        while (scale > DIGITS_MAX || coefficient.abs() >= LIMIT) && scale > 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            scale -= 1;
        }
        Decimal::new(coefficient, scale)
    }

    /// The sum; `None` if it has too many digits.
    #[must_use]
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let (a, b) = (self.coefficient(), other.coefficient());
        if self.scale == other.scale {
            return Decimal::fitted(a + b, self.scale);
        }
        let scale = self.scale.max(other.scale);
        // At most 10^28 * 10^28 where the scales differ most: what overflows has too many digits.
        let a = a.checked_mul(power(scale - self.scale));
        let b = b.checked_mul(power(scale - other.scale));
        match (a, b) {
            (Some(a), Some(b)) => Decimal::fitted(a.checked_add(b)?, scale),
            // Perhaps only zeros at the end stood in the way.
            _ => {
                let (a, b) = (self.normalized(), other.normalized());
                (a.scale < self.scale || b.scale < other.scale).then(|| a.checked_add(b)).flatten()
            }
        }
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(self) -> Decimal {
        Decimal::new(-self.coefficient(), self.scale).unwrap_or(self)
    }

    /// The difference; `None` if it has too many digits.
    #[must_use]
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.checked_add(other.negated())
    }

    /// The product; `None` if it has too many digits.
    #[must_use]
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let product = |a: Decimal, b: Decimal| {
            Decimal::fitted(a.coefficient().checked_mul(b.coefficient())?, a.scale + b.scale)
        };
        product(self, other).or_else(|| product(self.normalized(), other.normalized()))
    }

    /// The real nearest to it.
    #[must_use]
    pub fn to_real(self) -> f64 {
        const EXACT: i128 = 1 << 53;
        let coefficient = self.coefficient();
        if self.scale <= 22 && (-EXACT..=EXACT).contains(&coefficient) {
            // Both are exact, so the division rounds once.
            return coefficient as f64 / power(self.scale) as f64;
        }
        self.to_string().parse().unwrap_or_default()
    }

    /// The decimal with the fewest digits that reads as this real; `None` if it has too many.
    #[must_use]
    pub fn from_real(real: f64) -> Option<Decimal> {
        // Rust prints the shortest digits that give the same real back.
        if real.is_finite() { format!("{real}").parse().ok() } else { None }
    }

    /// Towards zero, within 64 bits.
    #[must_use]
    pub fn to_integer(self) -> i64 {
        let whole = self.coefficient() / power(self.scale);
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }

    /// The integer it is, if it is one of 64 bits.
    #[must_use]
    pub fn exact_integer(self) -> Option<i64> {
        let unit = power(self.scale);
        let coefficient = self.coefficient();
        if coefficient % unit == 0 { i64::try_from(coefficient / unit).ok() } else { None }
    }

    /// The greatest integer that is not greater, and what is above it in units of 10^-28.
    #[must_use]
    pub fn split(self) -> (i128, u128) {
        let unit = power(self.scale);
        let coefficient = self.coefficient();
        let above = coefficient.rem_euclid(unit) * power(DIGITS_MAX - self.scale);
        (coefficient.div_euclid(unit), above as u128)
    }

    /// The number of which [`Decimal::split`] gave the parts; `None` if it has too many digits.
    #[must_use]
    pub fn join(floor: i128, above: u128) -> Option<Decimal> {
        let (mut above, mut scale) = (i128::try_from(above).ok()?, DIGITS_MAX);
        while scale > 0 && above % 10 == 0 {
            above /= 10;
            scale -= 1;
        }
        Decimal::new(floor.checked_mul(power(scale))?.checked_add(above)?, scale)
    }

    /// The order of two numbers, whatever their scales.
    #[must_use]
    pub fn compare(self, other: Decimal) -> Ordering {
        if self.scale == other.scale {
            return self.coefficient().cmp(&other.coefficient());
        }
        self.split().cmp(&other.split())
    }

    /// The exact order of a decimal and a real.
    #[must_use]
    pub fn compare_real(self, real: f64) -> Ordering {
        // Beyond this no decimal is.
        if real.is_nan() || real >= 1e28 {
            return Ordering::Less;
        }
        if real < 0.0 {
            // Only above zero is what a real has above its floor a real, too.
            return self.negated().compare_real(-real).reverse();
        }
        let (floor, above) = self.split();
        // Within 2^94, so the cast is exact.
        let real_floor = real.floor();
        floor.cmp(&(real_floor as i128)).then_with(|| compare_fractions(above, real - real_floor))
    }

    /// The real that it equals exactly, or else the greatest one below it.
    #[must_use]
    pub fn real_at_or_below(self) -> (f64, bool) {
        let nearest = self.to_real();
        match self.compare_real(nearest) {
            Ordering::Equal => (nearest, true),
            Ordering::Greater => (nearest, false),
            Ordering::Less => (nearest.next_down(), false),
        }
    }

    /// The decimal that equals a real exactly.
    #[must_use]
    pub fn from_exact_real(real: f64) -> Option<Decimal> {
        let near = Decimal::from_real(real).filter(|near| near.compare_real(real).is_eq());
        // The shortest digits are not always those of the very number.
        near.or_else(|| format!("{real:.28}").parse().ok().filter(|d: &Decimal| d.compare_real(real).is_eq()))
    }
}

/// The order of a fraction in units of 10^-28 and the fraction of a real, from 0 up to 1.
fn compare_fractions(above: u128, fraction: f64) -> Ordering {
    if fraction == 0.0 {
        return above.cmp(&0);
    }
    // fraction = mantissa / 2^shift, and 10^28 = 5^28 * 2^28: both sides times 2^shift are integers.
    let bits = fraction.to_bits();
    let exponent = (bits >> 52) as i32;
    let mantissa = (bits & ((1 << 52) - 1)) | if exponent == 0 { 0 } else { 1 << 52 };
    let shift = 1075 - exponent.max(1);
    let scaled = u128::from(mantissa) * 5_u128.pow(28); // 53 and 66 bits
    let by = shift - 28;
    if by < 0 {
        return above.cmp(&(scaled << -by)); // less than 10^28
    }
    if above == 0 {
        return Ordering::Less;
    }
    if by as u32 >= above.leading_zeros() {
        return Ordering::Greater;
    }
    (above << by).cmp(&scaled)
}

impl From<i64> for Decimal {
    fn from(integer: i64) -> Decimal {
        Decimal { low: integer as u64, high: (integer >> 63) as i32, scale: 0 }
    }
}

/// A text that is no decimal of at most 28 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal of at most 28 digits")]
pub struct ParseDecimalError;

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads `-12.340` or `1.5e3`; zeros after the point are kept as they are written.
    fn from_str(text: &str) -> Result<Decimal, ParseDecimalError> {
        parse(text.as_bytes()).ok_or(ParseDecimalError)
    }
}

fn parse(text: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut coefficient, mut scale, mut seen_point, mut seen_digit) = (0_i128, 0_i32, false, false);
    let mut rest = digits;
    while let [byte, after @ ..] = rest {
        match byte {
            b'0'..=b'9' => {
                seen_digit = true;
                coefficient = coefficient.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                scale += i32::from(seen_point);
            }
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' => break,
            _ => return None,
        }
        rest = after;
    }
    if !seen_digit {
        return None;
    }
    if let [_, exponent @ ..] = rest {
        let exponent: i32 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
        scale = scale.checked_sub(exponent)?;
    }
    if coefficient == 0 {
        scale = scale.clamp(0, i32::from(DIGITS_MAX));
    }
    while scale < 0 {
        coefficient = coefficient.checked_mul(10)?;
        scale += 1;
    }
    // Zeros at the end may be more than there is room for.
    while scale > i32::from(DIGITS_MAX) && coefficient % 10 == 0 {
        coefficient /= 10;
        scale -= 1;
    }
    Decimal::fitted(if negative { -coefficient } else { coefficient }, u8::try_from(scale).ok()?)
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coefficient = self.coefficient();
        let unit = power(self.scale);
        let sign = if coefficient < 0 { "-" } else { "" };
        let (whole, fraction) = (coefficient.abs() / unit, coefficient.abs() % unit);
        match self.scale {
            0 => write!(f, "{sign}{whole}"),
            scale => write!(f, "{sign}{whole}.{fraction:0width$}", width = usize::from(scale)),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in
            ["0", "0.00", "-0.5", "19.90", "9999999999999999999999999999", "-0.0000000000000000000000000001"]
        {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("+1.5e3").to_string(), "1500");
        assert_eq!(decimal("15e-1").to_string(), "1.5");
        assert_eq!(decimal("1.0000000000000000000000000000000").to_string().len(), 29);
        for text in
            ["", "-", ".", "1e", "1.2.3", "1x", " 1", "10000000000000000000000000000", "1e28", "1e-29", "inf"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        let (a, b) = (decimal("0.1"), decimal("0.20"));
        assert_eq!(a.checked_add(b).unwrap().to_string(), "0.30");
        assert_eq!(a.checked_sub(b).unwrap().to_string(), "-0.10");
        assert_eq!(a.checked_mul(b).unwrap().to_string(), "0.020");
        let most = decimal("9999999999999999999999999999");
        assert!(most.checked_add(decimal("1")).is_none() && most.checked_mul(most).is_none());
        assert!(most.checked_add(decimal("0.1")).is_none());
        assert_eq!(most.checked_add(decimal("0.00")).unwrap().compare(most), Ordering::Equal);
        let tiny = decimal("0.00000000000001");
        assert_eq!(tiny.checked_mul(tiny).unwrap().scale(), 28);
        assert!(tiny.checked_mul(tiny).unwrap().checked_mul(a).is_none());
        assert_eq!(
            [decimal("2.5").round(0), decimal("-2.5").round(0), decimal("1.245").round(2)]
                .map(|d| d.to_string()),
            ["3", "-3", "1.25"]
        );
    }

    #[test]
    fn order_among_reals_is_exact() {
        assert_eq!(decimal("0.1").compare_real(0.1), Ordering::Less);
        assert_eq!(decimal("0.3").compare_real(0.1 + 0.2), Ordering::Less);
        assert_eq!(decimal("-0.1").compare_real(-0.1), Ordering::Greater);
        assert_eq!(decimal("0.5").compare_real(0.5), Ordering::Equal);
        assert_eq!(decimal("-2.75").compare_real(-2.75), Ordering::Equal);
        assert_eq!(decimal("0").compare_real(1e-300), Ordering::Less);
        assert_eq!(decimal("0").compare_real(-1e-300), Ordering::Greater);
        assert_eq!(decimal("-5").compare_real(f64::NEG_INFINITY), Ordering::Greater);
        assert_eq!(decimal("0.0000000000000000000000000001").compare_real(1e-300), Ordering::Greater);
        assert_eq!(decimal("0.0000000000000000000000000001").compare_real(1e-28), Ordering::Greater);
        assert_eq!(decimal("9999999999999999999999999999").compare_real(1e28), Ordering::Less);
        assert_eq!(decimal("9007199254740993").compare_real(9007199254740992.0), Ordering::Greater);
        assert_eq!(Decimal::from_real(0.1).unwrap().to_string(), "0.1");
        assert_eq!(Decimal::from_exact_real(0.1), None);
        assert_eq!(Decimal::from_exact_real(0.375).unwrap().to_string(), "0.375");
    }
}
