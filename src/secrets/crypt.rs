//! Hashes of passwords for crypt(3): SHA-512, `$6$`. The salt is part of the hash, so the hash is kept as it is.

use anyhow::{Context as _, Result};
use sha_crypt::{PasswordHasher as _, PasswordVerifier as _, ShaCrypt};

use super::{Secrets, source::Source};

/// Bytes of a salt: 16 characters, which is all that crypt(3) takes.
const SALT: usize = 12;

/// The hash of the secret `of`, unless the one that is kept is its already.
pub(super) fn make(name: &str, of: &str, kept: &Secrets, source: &mut dyn Source) -> Result<Secrets> {
    let password = kept.get(of).with_context(|| format!("`{of}` has to be made before"))?;
    if kept.get(name).is_some_and(|hash| fits(password, hash)) {
        return Ok(Secrets::new());
    }
    Ok(Secrets::from([(name.to_owned(), hash(password, &source.bytes(SALT)?)?)]))
}

/// crypt(3)'s own number of rounds: a random password is not guessed, however fast a guess is.
fn hash(password: &str, salt: &[u8]) -> Result<String> {
    let hash = ShaCrypt::SHA512.hash_password_with_salt(password.as_bytes(), salt);
    Ok(hash.ok().context("the hash cannot be made")?.to_string())
}

fn fits(password: &str, hash: &str) -> bool {
    ShaCrypt::SHA512.verify_password(password.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::secrets::source::System;

    #[test]
    fn the_c_library_comes_to_the_same_hash() {
        let kept = Secrets::from([("plain".to_owned(), "a b'c$".to_owned())]);
        let hash = make("hash", "plain", &kept, &mut System).unwrap()["hash"].clone();
        assert!(hash.starts_with("$6$"), "{hash}");
        let perl = |password: &str| {
            let words = ["-e", "print crypt($ARGV[0], $ARGV[1])", password, &hash];
            String::from_utf8(Command::new("perl").args(words).output().unwrap().stdout).unwrap()
        };
        assert_eq!(perl(&kept["plain"]), hash);
        assert_ne!(perl("another"), hash);
    }

    #[test]
    fn a_hash_is_kept_until_its_password_changes() {
        let mut kept = Secrets::from([("plain".to_owned(), "one".to_owned())]);
        kept.extend(make("hash", "plain", &kept, &mut System).unwrap());
        assert!(make("hash", "plain", &kept, &mut System).unwrap().is_empty());
        kept.insert("plain".to_owned(), "two".to_owned());
        assert_eq!(make("hash", "plain", &kept, &mut System).unwrap().len(), 1);
        assert!(make("hash", "nothing", &kept, &mut System).is_err());
    }
}
