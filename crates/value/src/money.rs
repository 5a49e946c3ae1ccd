//! Money: an exact amount and an ISO 4217 currency.
//!
//! An amount may be finer than the currency's smallest coin, because prices per unit are;
//! [`Money::minor`] tells whether it is payable. Nothing here knows exchange rates.

use std::fmt;

use crate::decimal::FRACTION_DIGITS_MAX;
use crate::{Currency, Decimal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub amount: Decimal,
    pub currency: Currency,
}

/// Why a text is not money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// Not an amount, one space and a currency.
    Form,
    Amount(crate::decimal::DecimalError),
    Currency(crate::currency::CurrencyError),
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MoneyError::Form => f.write_str("money is written like 12.50 EUR"),
            MoneyError::Amount(error) => error.fmt(f),
            MoneyError::Currency(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MoneyError {}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Money {
        Money { amount, currency }
    }

    /// Reads `12.50 EUR`, the form money has where there is no JSON.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        let (amount, currency) = text.split_once(' ').ok_or(MoneyError::Form)?;
        Ok(Money {
            amount: Decimal::parse(amount).map_err(MoneyError::Amount)?,
            currency: Currency::parse(currency).map_err(MoneyError::Currency)?,
        })
    }

    /// The amount in the currency's smallest units (cents), if it is a whole number of them.
    pub fn minor(&self) -> Option<i64> {
        let millionths = self.amount.millionths();
        let unit = self.minor_unit();
        (millionths % unit == 0).then_some(millionths / unit)
    }

    /// `None` when the amount is too large for a [`Decimal`].
    pub fn from_minor(minor: i64, currency: Currency) -> Option<Money> {
        let one = Money {
            amount: Decimal::ZERO,
            currency,
        };
        let amount = Decimal::from_millionths(minor.checked_mul(one.minor_unit())?)?;
        Some(Money { amount, currency })
    }

    /// `None` for different currencies and when the sum is too large.
    pub fn checked_add(&self, other: Money) -> Option<Money> {
        self.combine(other, Decimal::checked_add)
    }

    /// `None` for different currencies and when the difference is too large.
    pub fn checked_sub(&self, other: Money) -> Option<Money> {
        self.combine(other, Decimal::checked_sub)
    }

    pub fn checked_mul(&self, factor: i64) -> Option<Money> {
        Some(Money {
            amount: self.amount.checked_mul_int(factor)?,
            currency: self.currency,
        })
    }

    /// Appends the amount with at least the currency's minor digits: `12.50`, `3000`,
    /// `0.0125`.
    pub fn write_amount_into(&self, out: &mut Vec<u8>) {
        self.amount
            .write_padded_into(self.currency.minor_digits(), out);
    }

    fn combine(
        &self,
        other: Money,
        by: impl Fn(Decimal, Decimal) -> Option<Decimal>,
    ) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money {
            amount: by(self.amount, other.amount)?,
            currency: self.currency,
        })
    }

    /// Millionths in one minor unit.
    fn minor_unit(&self) -> i64 {
        let digits = FRACTION_DIGITS_MAX - usize::from(self.currency.minor_digits());
        10_i64.pow(u32::try_from(digits).expect("at most 6"))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut amount = Vec::with_capacity(24);
        self.write_amount_into(&mut amount);
        let amount = std::str::from_utf8(&amount).expect("digits are ASCII");
        write!(f, "{amount} {}", self.currency)
    }
}
