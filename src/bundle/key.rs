//! The builder's key: one Ed25519 key, made once, that signs everything it builds.
//!
//! A signature shows that a bundle is as its builder made it. Who that was is shown only where the public half came
//! another way than the bundle: `--key`, or `offline.key` of the box file.

use std::{
    fmt, fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use base64ct::{Base64, Encoding as _};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

use crate::{
    agent::durable::{self, Meta},
    failure::{Exit, Failure},
};

const PREFIX: &str = "ed25519:";
/// Bytes of a public key and of a signature, RFC 8032 section 5.1.
pub const PUBLIC: usize = 32;
pub const SIGNED: usize = 64;
/// A file of two lines; read no further.
const SIGNATURE_MAX: usize = 1024;

/// The public half, written `ed25519:` and 44 characters of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; PUBLIC]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Base64::encode_string(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.strip_prefix(PREFIX).and_then(|rest| Base64::decode_vec(rest).ok());
        let bytes: Option<[u8; PUBLIC]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no public key: write one such as `{PREFIX}AAAA...=`"))
    }
}

/// The private half; it is never shown.
pub struct Key {
    pair: Ed25519KeyPair,
    /// When it was made, seconds since 1970: the age that OpenPGP wants of a key, and part of its fingerprint there.
    pub made: u32,
}

impl Key {
    /// The key in this file; made, for its owner alone, where there is none.
    pub fn of_builder(path: &Path) -> Result<Self> {
        match Self::read(path)? {
            Some(key) => Ok(key),
            None => {
                let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                    .map_err(|_| anyhow!("make a key: the system's generator gives nothing"))?;
                durable::parents(path)?;
                durable::write(path, document.as_ref(), Meta::PRIVATE)?;
                Self::read(path)?.with_context(|| format!("read {} again: it is gone", path.display()))
            }
        }
    }

    fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read the key {}", path.display())),
        };
        let meta = fs::metadata(path)?;
        ensure!(
            meta.mode() & 0o077 == 0,
            "the key {} is open to others; whoever read it can sign in your name: remove it, and the next build \
             makes another one",
            path.display()
        );
        let pair = Ed25519KeyPair::from_pkcs8(&bytes)
            .map_err(|why| anyhow!("the key {} is no Ed25519 key in PKCS #8: {why}", path.display()))?;
        let made = u32::try_from(meta.mtime()).unwrap_or_default();
        Ok(Some(Self { pair, made }))
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Ed25519 over these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; SIGNED] {
        let mut signature = [0; SIGNED];
        signature.copy_from_slice(self.pair.sign(bytes).as_ref());
        signature
    }

    /// The text of `manifest.json.sig` for this manifest.
    pub fn signature(&self, manifest: &[u8]) -> String {
        format!("{}\n{}\n", self.public(), Base64::encode_string(&self.sign(manifest)))
    }
}

/// Where the key of this builder is, below the folder that `ciab` keeps its state in.
pub fn usual(state: &Path) -> PathBuf {
    state.join("bundle.key")
}

/// Checks the signature of a manifest; the key is the one that the signature names. Exit 2 where it is no signature,
/// 7 where it is one of something else, 8 where it is another one than `wanted`.
pub fn check(manifest: &[u8], signature: &[u8], wanted: Option<PublicKey>) -> Result<PublicKey, Failure> {
    let wrong = |why: &str| Failure::new(Exit::Usage, format!("{}: {why}", super::SIGNATURE));
    if signature.len() > SIGNATURE_MAX {
        return Err(wrong("it is longer than any signature"));
    }
    let text = std::str::from_utf8(signature).map_err(|_| wrong("it is no text"))?;
    let lines: Vec<&str> = text.lines().collect();
    let [key, mark] = lines[..] else {
        return Err(wrong("it is no signature: two lines are, a key and a mark"));
    };
    let key: PublicKey = key.parse().map_err(|why: String| wrong(&format!("line 1: {why}")))?;
    let mark = Base64::decode_vec(mark).map_err(|_| wrong("line 2 is no base64"))?;
    if let Some(wanted) = wanted
        && wanted != key
    {
        return Err(Failure::new(
            Exit::Refused,
            format!("the bundle is signed with {key}, and not with {wanted}"),
        )
        .hint(
            "Take the bundle of the builder that you trust, or ask him whether his key is another one now.",
        ));
    }
    UnparsedPublicKey::new(&ED25519, key.0).verify(manifest, &mark).map_err(|_| {
        Failure::new(Exit::Verify, format!("{} is not what {key} has signed", super::MANIFEST))
            .hint("Copy the bundle again; if that does not help, nothing in it is to be trusted.")
    })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn made() -> (tempfile::TempDir, Key) {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::of_builder(&usual(folder.path())).unwrap();
        (folder, key)
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let (folder, key) = made();
        let path = usual(folder.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::of_builder(&path).unwrap().public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Key::of_builder(&path).err().unwrap().to_string().contains("open to others"));
    }

    #[test]
    fn a_signature_is_of_one_manifest_and_one_key() {
        let (_folder, key) = made();
        let (_other_folder, other) = made();
        let signature = key.signature(b"m");
        assert_eq!(check(b"m", signature.as_bytes(), None).unwrap(), key.public());
        assert_eq!(check(b"m", signature.as_bytes(), Some(key.public())).unwrap(), key.public());
        let exit = |manifest: &[u8], signature: &str, wanted| {
            check(manifest, signature.as_bytes(), wanted).unwrap_err().exit
        };
        assert_eq!(exit(b"n", &signature, None), Exit::Verify);
        assert_eq!(exit(b"m", &signature, Some(other.public())), Exit::Refused);
        // The mark of one under the name of another.
        let forged = signature.replace(&key.public().to_string(), &other.public().to_string());
        assert_eq!(exit(b"m", &forged, None), Exit::Verify);
        for broken in ["", "a", "a\nb", "a\nb\nc", &"x".repeat(2000)] {
            assert_eq!(exit(b"m", broken, None), Exit::Usage, "{broken}");
        }
    }
}
