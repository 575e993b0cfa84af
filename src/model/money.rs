//! What providers charge. Money is never a floating-point number here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, service::ServiceId};

/// Billionths in a whole.
const WHOLE: i128 = 1_000_000_000;
/// Digits of a billionth.
const DECIMALS: usize = 9;
/// Digits before the point that are read at the most, so that no sum of them overflows.
const DIGITS_MAX: usize = 12;

/// An amount in some currency: whole units and billionths of one. Both have the same sign, and both add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Whole units.
    pub whole: i64,
    /// Billionths.
    pub billionths: i64,
}

impl Amount {
    /// Reads a decimal number, such as `0.01400`; nothing where it has digits that would be lost.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fits =
            whole.len() <= DIGITS_MAX && fraction.len() <= DECIMALS && !(digits.is_empty() || digits == ".");
        if !(fits && are_digits(whole) && are_digits(fraction)) {
            return None;
        }
        let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i64>().ok() };
        Some(Self {
            whole: sign * number(whole)?,
            billionths: sign * number(&format!("{fraction:0<DECIMALS$}"))?,
        })
    }
}

impl fmt::Display for Amount {
    /// As a decimal number with two digits after the point, and more only where they say something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = i128::from(self.whole) * WHOLE + i128::from(self.billionths);
        let sign = if all < 0 { "-" } else { "" };
        let (whole, fraction) =
            (all.unsigned_abs() / WHOLE.unsigned_abs(), all.unsigned_abs() % WHOLE.unsigned_abs());
        let fraction = format!("{fraction:0DECIMALS$}");
        write!(f, "{sign}{whole}.{:0<2}", fraction.trim_end_matches('0'))
    }
}

/// What was charged for the calls of one kind, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Charge {
    /// Who charges.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "twilio"))]
    pub provider: ProviderId,
    /// For which service.
    pub service: Option<ServiceId>,
    /// What was asked, as the catalogue calls it.
    #[cfg_attr(feature = "ssr", schema(example = "create_call"))]
    pub operation: String,
    /// The currency, as the provider says it.
    #[cfg_attr(feature = "ssr", schema(example = "USD"))]
    pub currency: String,
    /// How many calls have a price.
    pub calls: i64,
    /// What they cost together, an exact decimal number.
    #[cfg_attr(feature = "ssr", schema(example = "0.042", pattern = r"^-?[0-9]+\.[0-9]{2,9}$"))]
    pub amount: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> Option<String> {
        Amount::parse(text).map(|amount| amount.to_string())
    }

    #[test]
    fn decimals_come_back_and_what_would_be_lost_is_not_read() {
        for (text, amount) in [
            ("0.01400", "0.014"),
            ("12", "12.00"),
            ("-0.5", "-0.50"),
            (".5", "0.50"),
            ("5.", "5.00"),
            ("0", "0.00"),
            ("0.0000000010", "0.000000001"),
            ("999999999999.999999999", "999999999999.999999999"),
        ] {
            assert_eq!(written(text).as_deref(), Some(amount), "{text}");
        }
        for text in
            ["", ".", "-", "-.", "1.2.3", "1,5", "--1", "+1", "1e3", "0.0000000001", "1000000000000", "٣"]
        {
            assert_eq!(written(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_exact(prices in prop::collection::vec((-999_999_999_999_i64..=999_999_999_999, 0..WHOLE as i64), 1..50)) {
            let texts = prices.iter().map(|(whole, part)| format!("{whole}.{part:09}"));
            let amounts: Vec<_> = texts.map(|text| Amount::parse(&text).unwrap()).collect();
            let sum = Amount {
                whole: amounts.iter().map(|amount| amount.whole).sum(),
                billionths: amounts.iter().map(|amount| amount.billionths).sum(),
            };
            let exact: i128 = prices
                .iter()
                .map(|(whole, part)| i128::from(*whole) * WHOLE + i128::from(*part) * if *whole < 0 { -1 } else { 1 })
                .sum();
            let text = sum.to_string();
            let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
            let (whole, fraction) = digits.split_once('.').unwrap();
            let read = whole.parse::<i128>().unwrap() * WHOLE + format!("{fraction:0<9}").parse::<i128>().unwrap();
            prop_assert_eq!(sign * read, exact);
        }
    }
}
