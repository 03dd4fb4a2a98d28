//! Secrets that are one line of random text.

use anyhow::Result;
use base64ct::{Base64Url, Encoding as _};

use super::source::Source;
use crate::tree::hex;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8; 10] = b"0123456789";

/// Letters and digits.
pub(super) fn letters(length: usize, source: &mut dyn Source) -> Result<String> {
    drawn(LETTERS, length, source)
}

/// Digits.
pub(super) fn digits(length: usize, source: &mut dyn Source) -> Result<String> {
    drawn(DIGITS, length, source)
}

/// A random UUID: RFC 9562 section 5.4 sets six of its 128 bits.
pub(super) fn uuid(source: &mut dyn Source) -> Result<String> {
    let mut bytes = source.bytes(16)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}

/// A key of Fernet (github.com/fernet/spec): 32 bytes in URL-safe base64 with its padding.
pub(super) fn fernet(source: &mut dyn Source) -> Result<String> {
    Ok(Base64Url::encode_string(&source.bytes(32)?))
}

/// 128 bits in bcrypt's alphabet. Only the upper two bits of the last character count, and newer libraries refuse a
/// salt with others set.
pub(super) fn bcrypt_salt(source: &mut dyn Source) -> Result<String> {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const LAST: &[u8; 4] = b".Oeu";
    Ok(drawn(ALPHABET, 21, source)? + &drawn(LAST, 1, source)?)
}

/// Characters of an alphabet, each equally likely.
pub(super) fn drawn(alphabet: &[u8], length: usize, source: &mut dyn Source) -> Result<String> {
    // The largest multiple of the alphabet's size in a byte: what lies above would favour the first characters.
    let limit = 256 / alphabet.len() * alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let good = source.bytes(length)?.into_iter().map(usize::from).filter(|byte| *byte < limit);
        text.extend(good.map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secrets::source::System;

    #[test]
    fn passwords_have_their_length_and_are_never_the_same() {
        let one = letters(40, &mut System).unwrap();
        assert_eq!(one.len(), 40);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one, letters(40, &mut System).unwrap());
    }

    #[test]
    fn every_character_is_drawn_and_about_as_often() {
        let text = drawn(LETTERS, 62_000, &mut System).unwrap();
        let count = |c: &u8| text.bytes().filter(|b| b == c).count();
        // Six standard deviations (31 each) around a thousand.
        assert!(LETTERS.iter().all(|c| (800..1200).contains(&count(c))));
    }

    #[test]
    fn a_uuid_is_of_version_4() {
        for _ in 0..64 {
            let text = uuid(&mut System).unwrap();
            let lengths: Vec<usize> = text.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert_eq!(&text[14..15], "4");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }

    #[test]
    fn keys_and_salts_have_the_shape_their_readers_want() {
        let key = fernet(&mut System).unwrap();
        assert_eq!((key.len(), key.ends_with('=')), (44, true));
        let salts: BTreeSet<String> = (0..64).map(|_| bcrypt_salt(&mut System).unwrap()).collect();
        assert!(salts.iter().all(|salt| salt.len() == 22 && ".Oeu".contains(&salt[21..])));
        assert!(salts.len() == 64);
    }
}
