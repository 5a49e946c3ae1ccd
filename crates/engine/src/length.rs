//! Lengths of time as people read them: `4 h 48 min`.

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// The two largest units that it has, rounded up: nobody is told to come too early.
pub fn length(seconds: u64) -> String {
    let fits = |(unit, _): &(u64, &str)| seconds >= *unit;
    let first = UNITS.iter().position(fits).unwrap_or(UNITS.len() - 1);
    let (smallest, _) = UNITS[(first + 1).min(UNITS.len() - 1)];
    let mut rest = seconds.div_ceil(smallest).saturating_mul(smallest);
    let mut parts = Vec::with_capacity(2);
    // Rounded up it may have become one of a larger unit.
    for (unit, name) in UNITS {
        let count = rest / unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
            rest %= unit;
        }
    }
    match parts.is_empty() {
        true => "0 s".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn lengths_are_read_by_people() {
        for (seconds, expected) in [
            (0, "0 s"),
            (1, "1 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (3_601, "1 h 1 min"),
            (17_280, "4 h 48 min"),
            (86_399, "1 d"),
            (86_401, "1 d 1 h"),
            (10 * 86_400, "10 d"),
            (u64::from(u32::MAX), "49710 d 7 h"),
        ] {
            assert_eq!(length(seconds), expected, "{seconds}");
        }
        assert!(length(u64::MAX).starts_with("213503982334601 d"));
    }
}
