//! Ansible Vault, format 1.1: AES-256 in counter mode under a key of PBKDF2, with an HMAC over what was encrypted
//! (docs.ansible.com/ansible/latest/vault_guide/vault_encrypting_content.html, "Format of files encrypted").
//!
//! The salt is a keyed digest of path and text. So the same text gives the same bytes, and neither two files nor two
//! versions of one file ever share a key.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use aes::{
    Aes256,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::tree::hex;

/// The first line of a file.
const HEADER: &str = "$ANSIBLE_VAULT;1.1;AES256\n";
/// Rounds of the derivation, fixed by the format.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();
const KEY: usize = 32;
const BLOCK: usize = 16;
type Derived = [u8; KEY + KEY + BLOCK];
/// Characters of a line.
const LINE: usize = 80;

/// The salt of one text: a digest that nobody can work out without the box's key.
pub fn salt(key: &str, path: &str, text: &str) -> [u8; 32] {
    let mut digest = hmac(key.as_bytes());
    digest.update(&(path.len() as u64).to_be_bytes());
    digest.update(path.as_bytes());
    digest.update(text.as_bytes());
    digest.finalize().into_bytes().into()
}

/// The text as `ansible-vault encrypt` writes it. A salt serves for one text alone.
pub fn encrypt(password: &str, salt: &[u8; 32], text: &str) -> String {
    let derived = derived(password, salt);
    let (key, rest) = derived.split_at(KEY);
    let (seal, counter) = rest.split_at(KEY);

    let mut bytes = text.as_bytes().to_vec();
    // PKCS #7, RFC 5652 section 6.3: always at least one byte, each of them the number of them.
    let padding = BLOCK - bytes.len() % BLOCK;
    bytes.extend(std::iter::repeat_n(padding as u8, padding));
    match ctr::Ctr128BE::<Aes256>::new_from_slices(key, counter) {
        Ok(mut cipher) => cipher.apply_keystream(&mut bytes),
        Err(why) => unreachable!("{why}"),
    }
    let mut mac = hmac(seal);
    mac.update(&bytes);

    let parts = [hex(salt), hex(&mac.finalize().into_bytes()), hex(&bytes)].join("\n");
    let digits = hex(parts.as_bytes());
    let mut file = HEADER.to_owned();
    for line in digits.as_bytes().chunks(LINE) {
        file.extend(line.iter().map(|digit| char::from(*digit)));
        file.push('\n');
    }
    file
}

/// Key, key of the HMAC and first counter. Deriving them is slow on purpose, and one process renders a tree more than
/// once: what was derived is kept as long as the process lives.
fn derived(password: &str, salt: &[u8; 32]) -> Derived {
    static KNOWN: Mutex<BTreeMap<[u8; 32], Derived>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut name = hmac(salt);
    name.update(password.as_bytes());
    let name = name.finalize().into_bytes().into();
    if let Some(derived) = known().get(&name) {
        return *derived;
    }
    let mut derived = [0; KEY + KEY + BLOCK];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, password.as_bytes(), &mut derived);
    known().insert(name, derived);
    derived
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|why| unreachable!("a key of any length serves: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_gives_the_same_bytes_and_every_other_another_salt() {
        let one = salt("key", "a", "bc");
        assert_eq!(one, salt("key", "a", "bc"));
        for other in [salt("kez", "a", "bc"), salt("key", "ab", "c"), salt("key", "a", "bd")] {
            assert_ne!(one, other);
        }
        assert_eq!(encrypt("p", &one, "bc"), encrypt("p", &one, "bc"));
    }

    #[test]
    fn a_file_is_a_header_and_lines_of_eighty() {
        let file = encrypt("p", &[7; 32], &"text\n".repeat(100));
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(lines[0], "$ANSIBLE_VAULT;1.1;AES256");
        assert!(lines[1..lines.len() - 1].iter().all(|line| line.len() == 80));
        assert!(!file.contains("text") && file.ends_with('\n'));
    }
}
