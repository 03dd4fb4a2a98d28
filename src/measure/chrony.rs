//! The offset that a running chrony knows.

use super::{Outcome, refused, unknown};
use crate::facts::source::{Source, ThisBox};

/// `chronyc -c tracking`: id, name, stratum, reference time, offset in seconds (positive: this clock is fast), …,
/// leap status.
fn parse(line: &str) -> Outcome {
    let fields: Vec<&str> = line.trim().split(',').collect();
    if fields.len() < 14 {
        return unknown("chronyc gave an answer of another kind");
    }
    if fields.last() == Some(&"Not synchronised") {
        return refused("chrony follows no server yet");
    }
    let (Ok(stratum), Ok(offset)) = (fields[2].parse(), fields[4].parse::<f64>()) else {
        return unknown("chronyc gave an answer of another kind");
    };
    // A cast from float to integer stops at the ends and makes nothing of NaN, so no answer can overflow it.
    #[allow(clippy::cast_possible_truncation)]
    let offset_us = (-offset * 1e6) as i64;
    Outcome::Clock { offset_us, delay_us: None, stratum }
}

pub(super) fn measure() -> Outcome {
    match ThisBox::default().command(&["chronyc", "-c", "tracking"]).map(|output| output.text()) {
        Ok(Ok(text)) => parse(&text),
        Ok(Err(why)) => unknown(format!("chronyc: {why}")),
        Err(error) => unknown(format!("chronyc: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_has_a_negative_offset() {
        let line = "C0A80101,192.168.1.1,3,1700000000.0,0.000250,0.0,0.0,1.5,0.0,0.1,0.02,0.001,64.2,";
        let clock = Outcome::Clock { offset_us: -250, delay_us: None, stratum: 3 };
        assert_eq!(parse(&format!("{line}Normal\n")), clock);
        assert!(matches!(parse(&format!("{line}Not synchronised\n")), Outcome::Refused { .. }));
        assert!(matches!(parse("506 Cannot talk to daemon"), Outcome::Unknown { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            parse(&text);
        }
    }
}
