//! Hides what looks like a secret in source lines that an error shows.

use std::ops::Range;

/// Columns of an error on a terminal.
pub(super) const WIDTH: usize = 80;

/// Words in a key that say that its value is a secret.
const WORDS: [&str; 5] = ["passphrase", "password", "passwd", "secret", "token"];

/// `text` with stars for the value after every key that sounds secret, for passwords in URLs, and for `spans`.
///
/// Byte lengths stay, so that places still fit. It works on lines, since a text with a fault may have no tree.
pub(super) fn hide(text: &str, spans: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(value) = secret_value(line) {
            star(&mut bytes, start + value.start..start + value.end);
        }
        if let Some(login) = login_in_url(line) {
            star(&mut bytes, start + login.start..start + login.end);
        }
        start += line.len();
    }
    for span in spans {
        star(&mut bytes, span.clone());
    }
    // Stars for whole values only: the bytes are still UTF-8 unless a place was wrong.
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

fn star(bytes: &mut [u8], span: Range<usize>) {
    let end = span.end.min(bytes.len());
    if let Some(part) = bytes.get_mut(span.start..end) {
        part.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b'*');
    }
}

/// The value of `key: value` or `KEY=value` where the key sounds secret and the value is no reference.
fn secret_value(line: &str) -> Option<Range<usize>> {
    let split = line.find([':', '='])?;
    let key = line[..split].to_ascii_lowercase();
    let value = line[split + 1..].trim();
    let reference = value.is_empty() || value.starts_with('{');
    if reference || !WORDS.iter().any(|word| key.contains(word)) {
        return None;
    }
    let start = line.len() - line[split + 1..].trim_start().len();
    Some(start..start + value.len())
}

/// `user:password` of `http://user:password@host`.
fn login_in_url(line: &str) -> Option<Range<usize>> {
    let start = line.find("://")? + 3;
    let authority = line[start..].split(['/', '?', '#', ' ', '\n']).next().unwrap_or_default();
    authority.rfind('@').map(|at| start..start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_keys_become_stars() {
        for (text, shown) in [
            ("sudo_password: hunter2\n", "sudo_password: *******\n"),
            ("CIAB_X__TOKEN=abc", "CIAB_X__TOKEN=***"),
            ("password: {file: /a}\n", "password: {file: /a}\n"),
            ("  password:\n    x\n", "  password:\n    x\n"),
            ("http: http://me:pw@proxy:3128/", "http: http://*****@proxy:3128/"),
            ("name: a\nsecret: 'ä'", "name: a\nsecret: ****"),
        ] {
            assert_eq!(hide(text, &[]), shown);
        }
        assert_eq!(hide("a\nhunter2\n", std::slice::from_ref(&(2..9))), "a\n*******\n");
    }
}
