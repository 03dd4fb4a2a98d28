//! What an unquoted word means to other YAML readers: the reason why it must be quoted.

/// What a plain scalar is, to YAML 1.2 or to YAML 1.1 tools such as Ansible's PyYAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    Boolean,
    Null,
    /// A decimal integer, the same in both.
    Integer,
    /// A number that the two read differently, or that is no plain decimal integer.
    OddNumber,
    /// `12:30:45` and MAC addresses of digits: a number of seconds to YAML 1.1.
    Sexagesimal,
    Date,
    /// `=` and `<<`.
    Special,
    Text,
}

impl Reads {
    /// Completes "YAML 1.1 tools read `yes` as ...".
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Null => "no value",
            Self::Integer | Self::OddNumber => "a number",
            Self::Sexagesimal => "a number to the base 60",
            Self::Date => "a date",
            Self::Special => "a special word",
            Self::Text => "text",
        }
    }
}

/// Says how `text`, a scalar without quotes, is read; rules of yaml.org/type (1.1) and YAML 1.2.2 section 10.3.
pub(super) fn reads(text: &str) -> Reads {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let lower = text.to_ascii_lowercase();
    let digits = text.trim_start_matches(['+', '-']);
    if matches!(text, "" | "~") || lower == "null" {
        Reads::Null
    } else if BOOLEANS.contains(&lower.as_str()) {
        Reads::Boolean
    } else if matches!(text, "=" | "<<") {
        Reads::Special
    } else if is_decimal(text) {
        Reads::Integer
    } else if is_sexagesimal(digits) {
        Reads::Sexagesimal
    } else if is_date(text) {
        Reads::Date
    } else if is_odd_number(digits, &lower) {
        Reads::OddNumber
    } else {
        Reads::Text
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

/// `190:20:30`, with or without a fraction.
fn is_sexagesimal(digits: &str) -> bool {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixtieth = |part: &&str| number(part) && part.len() <= 2 && part.parse::<u8>().is_ok_and(|n| n < 60);
    number(first) && !rest.is_empty() && rest.iter().all(sixtieth)
}

/// `2026-11-20`, with or without a time of day.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<_> = day.split('-').collect();
    let number = |part: &str, max: usize| {
        !part.is_empty() && part.len() <= max && part.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(parts[..], [y, m, d] if y.len() == 4 && number(y, 4) && number(m, 2) && number(d, 2))
}

/// Octal, hexadecimal, binary, with `_`, with a fraction or an exponent, infinite, not a number.
fn is_odd_number(digits: &str, lower: &str) -> bool {
    let body = lower.trim_start_matches(['+', '-']);
    if matches!(body, ".inf" | ".nan") {
        return true;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = body.strip_prefix(prefix) {
            return !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix) || c == '_');
        }
    }
    let (mantissa, exponent) = body.split_once('e').unwrap_or((body, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']);
    let count = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let dots = mantissa.matches('.').count();
    count > 0
        && dots <= 1
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_')
        && !exponent.is_empty()
        && exponent.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_other_tools_read_them() {
        for (text, expected) in [
            ("yes", Reads::Boolean),
            ("Off", Reads::Boolean),
            ("true", Reads::Boolean),
            ("", Reads::Null),
            ("~", Reads::Null),
            ("42", Reads::Integer),
            ("-1", Reads::Integer),
            ("0", Reads::Integer),
            ("0755", Reads::OddNumber),
            ("0o755", Reads::OddNumber),
            ("0x1F", Reads::OddNumber),
            ("1_000", Reads::OddNumber),
            ("1e3", Reads::OddNumber),
            ("1.5", Reads::OddNumber),
            (".inf", Reads::OddNumber),
            ("+1", Reads::OddNumber),
            ("12:30:45", Reads::Sexagesimal),
            ("52:54:00:12:34:56", Reads::Sexagesimal),
            ("22:22", Reads::Sexagesimal),
            ("0000:00:03.0", Reads::Sexagesimal),
            ("0000:00:03.;", Reads::Text),
            ("2026-11-20", Reads::Date),
            ("2026-11-20T10:00:00Z", Reads::Date),
            ("=", Reads::Special),
            ("192.0.2.1", Reads::Text),
            ("52:54:00:12:34:ab", Reads::Text),
            ("192.0.2.1:22", Reads::Text),
            ("200GiB", Reads::Text),
            ("e3", Reads::Text),
            (".", Reads::Text),
            ("-", Reads::Text),
            ("1.e", Reads::Text),
            ("box.example.org", Reads::Text),
        ] {
            assert_eq!(reads(text), expected, "{text}");
        }
    }
}
