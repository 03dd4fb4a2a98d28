//! Finds the known word that a mistyped one was meant to be.

/// The closest of `known` to `word`, if it is close enough to be worth saying.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may differ: `nmae` finds `name`, `foo` finds nothing.
    let limit = word.chars().count().div_ceil(3).min(4);
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (distance(&plain(word), &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with the next (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Nobody mistypes a key by more; and the cost is the product of the lengths.
    const LONGEST: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["name", "network", "nics", "host_key", "access"];
        for (word, found) in [
            ("nmae", Some("name")),
            ("Network", Some("network")),
            ("nic", Some("nics")),
            ("host-key", Some("host_key")),
            ("acess", Some("access")),
            ("zebra", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), found, "{word}");
        }
    }
}
