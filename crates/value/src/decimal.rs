//! Exact decimals of a fixed scale: at most 12 digits before the point and 6 after it.
//!
//! One `i64` of millionths, so that comparing, sorting and adding are exact and cheap in
//! memory and in every database alike. Nothing here ever rounds unless its name says so.

use std::fmt;

/// Digits before the point. With [`FRACTION_DIGITS_MAX`] it makes 18 digits, which an
/// `i64` holds with room to add two of them.
pub const INTEGER_DIGITS_MAX: usize = 12;
/// Digits after the point: enough for prices per unit and for every currency.
pub const FRACTION_DIGITS_MAX: usize = 6;

const ONE: i64 = 1_000_000;
const MILLIONTHS_MAX: i64 = 999_999_999_999_999_999;
/// The longest text: sign, 12 digits, point, 6 digits.
const TEXT_MAX: usize = 1 + INTEGER_DIGITS_MAX + 1 + FRACTION_DIGITS_MAX;

/// A decimal as a count of millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decimal(i64);

/// Why a text is not a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    Form,
    TooManyIntegerDigits,
    TooManyFractionDigits,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecimalError::Form => f.write_str("a decimal is written like 12.50 or -3"),
            DecimalError::TooManyIntegerDigits => {
                write!(
                    f,
                    "a decimal has at most {INTEGER_DIGITS_MAX} digits before the point"
                )
            }
            DecimalError::TooManyFractionDigits => {
                write!(
                    f,
                    "a decimal has at most {FRACTION_DIGITS_MAX} digits after the point"
                )
            }
        }
    }
}

impl std::error::Error for DecimalError {}

impl Decimal {
    pub const ZERO: Decimal = Decimal(0);
    /// 999999999999.999999
    pub const MAX: Decimal = Decimal(MILLIONTHS_MAX);
    /// -999999999999.999999
    pub const MIN: Decimal = Decimal(-MILLIONTHS_MAX);

    /// Reads `12.50`: an optional `-`, digits, and optionally a point with digits. No
    /// exponent, no `+`, no spaces, no bare point.
    pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (integer, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::Form),
            Some((integer, fraction)) => (integer, fraction),
            None => (digits, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if integer.is_empty() || !all_digits(integer) || !all_digits(fraction) {
            return Err(DecimalError::Form);
        }
        if integer.len() > INTEGER_DIGITS_MAX {
            return Err(DecimalError::TooManyIntegerDigits);
        }
        if fraction.len() > FRACTION_DIGITS_MAX {
            return Err(DecimalError::TooManyFractionDigits);
        }
        let digit = |byte: u8| i64::from(byte - b'0');
        let mut millionths = 0;
        for byte in integer.bytes().chain(fraction.bytes()) {
            millionths = millionths * 10 + digit(byte);
        }
        for _ in fraction.len()..FRACTION_DIGITS_MAX {
            millionths *= 10;
        }
        Ok(Decimal(if negative { -millionths } else { millionths }))
    }

    /// `None` outside [`Decimal::MIN`] to [`Decimal::MAX`].
    pub const fn from_millionths(millionths: i64) -> Option<Decimal> {
        if millionths < -MILLIONTHS_MAX || millionths > MILLIONTHS_MAX {
            None
        } else {
            Some(Decimal(millionths))
        }
    }

    /// `None` when the integer has more than 12 digits.
    pub const fn from_int(integer: i64) -> Option<Decimal> {
        match integer.checked_mul(ONE) {
            Some(millionths) => Decimal::from_millionths(millionths),
            None => None,
        }
    }

    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// The nearest float; only for places that have no decimals.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        Decimal::from_millionths(self.0.checked_add(other.0)?)
    }

    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        Decimal::from_millionths(self.0.checked_sub(other.0)?)
    }

    /// Never `None`: the range is symmetric. Named like its neighbours.
    pub fn checked_neg(self) -> Option<Decimal> {
        Some(Decimal(-self.0))
    }

    /// Exact.
    pub fn checked_mul_int(self, factor: i64) -> Option<Decimal> {
        Decimal::from_millionths(self.0.checked_mul(factor)?)
    }

    /// Rounded to millionths, half to even.
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let product = i128::from(self.0) * i128::from(other.0);
        let rounded = div_half_even(product, i128::from(ONE));
        Decimal::from_millionths(i64::try_from(rounded).ok()?)
    }

    /// Rounded to so many digits after the point, half to even. `None` only when rounding
    /// up leaves the range.
    pub fn round(self, digits: u8) -> Option<Decimal> {
        let unit = unit(digits);
        let units = div_half_even(i128::from(self.0), i128::from(unit));
        Decimal::from_millionths(i64::try_from(units).ok()?.checked_mul(unit)?)
    }

    /// Appends the shortest exact text: `12.5`.
    pub fn write_into(self, out: &mut Vec<u8>) {
        self.write_padded_into(0, out);
    }

    /// Appends the exact text with at least `digits` (at most 6) digits after the point.
    pub(crate) fn write_padded_into(self, digits: u8, out: &mut Vec<u8>) {
        let (buffer, start, end) = self.digits(digits);
        out.extend_from_slice(&buffer[start..end]);
    }

    /// Fills the buffer from its end. All 6 fraction digits are laid down; `end` cuts the
    /// zeros nobody asked for.
    fn digits(self, fraction_min: u8) -> ([u8; TEXT_MAX], usize, usize) {
        let mut buffer = [b'0'; TEXT_MAX];
        let fraction_min = usize::from(fraction_min).min(FRACTION_DIGITS_MAX);
        let magnitude = self.0.unsigned_abs();
        let mut whole = magnitude / ONE.unsigned_abs();
        let mut fraction = magnitude % ONE.unsigned_abs();

        let point = TEXT_MAX - FRACTION_DIGITS_MAX - 1;
        let mut end = point + 1 + fraction_min;
        for at in (point + 1..TEXT_MAX).rev() {
            let digit = (fraction % 10) as u8;
            fraction /= 10;
            buffer[at] = b'0' + digit;
            if digit != 0 {
                end = end.max(at + 1);
            }
        }
        if end == point + 1 {
            end = point;
        } else {
            buffer[point] = b'.';
        }
        let mut start = point - 1;
        loop {
            buffer[start] = b'0' + (whole % 10) as u8;
            whole /= 10;
            if whole == 0 {
                break;
            }
            start -= 1;
        }
        if self.0 < 0 {
            start -= 1;
            buffer[start] = b'-';
        }
        (buffer, start, end)
    }
}

impl std::ops::Neg for Decimal {
    type Output = Decimal;

    fn neg(self) -> Decimal {
        Decimal(-self.0)
    }
}

impl From<i32> for Decimal {
    fn from(integer: i32) -> Decimal {
        Decimal(i64::from(integer) * ONE)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (buffer, start, end) = self.digits(0);
        f.write_str(std::str::from_utf8(&buffer[start..end]).expect("digits are ASCII"))
    }
}

impl std::str::FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        Decimal::parse(text)
    }
}

/// Millionths in the last of so many digits after the point.
fn unit(digits: u8) -> i64 {
    let dropped = FRACTION_DIGITS_MAX.saturating_sub(usize::from(digits));
    10_i64.pow(u32::try_from(dropped).expect("at most 6"))
}

/// `divisor` is positive.
fn div_half_even(dividend: i128, divisor: i128) -> i128 {
    let quotient = dividend.div_euclid(divisor);
    let twice = dividend.rem_euclid(divisor) * 2;
    let up = twice > divisor || (twice == divisor && quotient % 2 != 0);
    quotient + i128::from(up)
}
