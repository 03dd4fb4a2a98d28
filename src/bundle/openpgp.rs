//! The builder's key as OpenPGP wants it: the signature that apt(8) checks before it takes a package.
//!
//! RFC 4880 for packets and armour, and its draft successor rfc4880bis for EdDSA (algorithm 22), which gpgv(1) of GnuPG 2.1
//! and later reads. Written here and not by gpg(1): that keeps keys of its own behind a daemon, and this is one more
//! signature of a key that is there already.

use base64ct::{Base64, Encoding as _};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use super::key::Key;

/// EdDSA, and SHA-256: rfc4880bis section 9.1, RFC 4880 section 9.4.
const EDDSA: u8 = 22;
const SHA256_ID: u8 = 8;
/// The object identifier of Ed25519 with its length, rfc4880bis section 9.2.
const ED25519: [u8; 10] = [9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// Says that the point follows as it is, rfc4880bis section 13.3.
const NATIVE: u8 = 0x40;
/// Columns of armour, RFC 4880 section 6.3.
const COLUMNS: usize = 64;
/// Who signs, for people that list the key.
const USER: &str = "ciab bundle";

/// What a signature is over, RFC 4880 section 5.2.1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Binary = 0x00,
    Text = 0x01,
    /// A key and its user.
    Certification = 0x13,
}

/// The public key with its user, armoured: what `Signed-By` names.
pub fn public(key: &Key) -> String {
    let body = key_body(key);
    let mut certified = framed_key(&body);
    certified.push(0xb4);
    certified.extend(length(USER.len()).to_be_bytes());
    certified.extend(USER.as_bytes());
    let mut packets = packet(6, &body);
    packets.extend(packet(13, USER.as_bytes()));
    packets.extend(signature(key, Over::Certification, &certified, key.made));
    armour("PUBLIC KEY BLOCK", &packets)
}

/// A detached signature, armoured: `Release.gpg`. `time` is in seconds since 1970.
pub fn detached(key: &Key, bytes: &[u8], time: u32) -> String {
    armour("SIGNATURE", &signature(key, Over::Binary, bytes, time))
}

/// The text with its signature in one: `InRelease`, RFC 4880 section 7.
pub fn clear(key: &Key, text: &str, time: u32) -> String {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    let signature = signature(key, Over::Text, lines.join("\r\n").as_bytes(), time);
    let mut out = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n".to_owned();
    for line in text.lines() {
        out += if line.starts_with('-') { "- " } else { "" };
        out += line;
        out.push('\n');
    }
    out + &armour("SIGNATURE", &signature)
}

/// The fingerprint of the key, in hexadecimal.
pub fn fingerprint(key: &Key) -> String {
    crate::tree::hex(&print_of(&key_body(key)))
}

fn signature(key: &Key, over: Over, data: &[u8], time: u32) -> Vec<u8> {
    // gpgv refuses a signature that is older than its key.
    let time = time.max(key.made);
    let print = print_of(&key_body(key));
    let mut hashed = subpacket(2, &time.to_be_bytes());
    // The issuer's fingerprint, and the version of the key it is of.
    hashed.extend(subpacket(33, &[&[4], &print[..]].concat()));
    if over == Over::Certification {
        // Certifies and signs.
        hashed.extend(subpacket(27, &[0x03]));
    }
    let mut body = vec![4, over as u8, EDDSA, SHA256_ID];
    body.extend(short(hashed.len()).to_be_bytes());
    body.extend(hashed);
    let mut all = data.to_vec();
    all.extend(&body);
    all.extend([4, 0xff]);
    all.extend(length(body.len()).to_be_bytes());
    let sum = digest(&SHA256, &all);
    let unhashed = subpacket(16, &print[12..]);
    body.extend(short(unhashed.len()).to_be_bytes());
    body.extend(unhashed);
    body.extend(&sum.as_ref()[..2]);
    let signed = key.sign(sum.as_ref());
    let (r, s) = signed.split_at(signed.len() / 2);
    body.extend(number(r));
    body.extend(number(s));
    packet(2, &body)
}

fn key_body(key: &Key) -> Vec<u8> {
    let mut body = vec![4];
    body.extend(key.made.to_be_bytes());
    body.push(EDDSA);
    body.extend(ED25519);
    body.extend(number(&[&[NATIVE], &key.public().0[..]].concat()));
    body
}

/// A key as it goes into hashes, RFC 4880 section 12.2.
fn framed_key(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0x99];
    framed.extend(short(body.len()).to_be_bytes());
    framed.extend(body);
    framed
}

fn print_of(body: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, &framed_key(body)).as_ref().to_vec()
}

/// A multiprecision integer: its bits, then its bytes without leading zeros, RFC 4880 section 3.2.
fn number(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let bits = bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize);
    [&short(bits).to_be_bytes(), bytes].concat()
}

/// All of ours are shorter than 192 bytes, so that one byte is the length.
fn subpacket(kind: u8, body: &[u8]) -> Vec<u8> {
    let length =
        u8::try_from(body.len() + 1).unwrap_or_else(|_| unreachable!("a subpacket of ours is short"));
    [&[length, kind], body].concat()
}

/// A packet of the new format with a length of five bytes, RFC 4880 section 4.2.2.3.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xc0 | tag, 0xff];
    packet.extend(length(body.len()).to_be_bytes());
    packet.extend(body);
    packet
}

fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or_else(|_| unreachable!("a key or signature is short"))
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or_else(|_| unreachable!("a key or signature is short"))
}

/// RFC 4880 section 6.2.
fn armour(what: &str, bytes: &[u8]) -> String {
    let text = Base64::encode_string(bytes);
    let mut out = format!("-----BEGIN PGP {what}-----\n\n");
    for line in text.as_bytes().chunks(COLUMNS) {
        out += &String::from_utf8_lossy(line);
        out.push('\n');
    }
    let check = crc24(bytes).to_be_bytes();
    out + &format!("={}\n-----END PGP {what}-----\n", Base64::encode_string(&check[1..]))
}

/// RFC 4880 section 6.1.
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc = 0x00b7_04ce_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::*;
    use crate::bundle::key;

    /// What gpgv(1), the program that apt asks, says of files signed by this key.
    fn gpgv(folder: &Path, files: &[&str]) -> bool {
        let mut command = Command::new("gpgv");
        command.current_dir(folder).args(["--homedir", ".", "--keyring", "./key.gpg"]).args(files);
        command.output().expect("gpgv runs: package gpgv").status.success()
    }

    #[test]
    fn gpgv_takes_what_was_signed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::of_builder(&key::usual(folder.path())).unwrap();
        let text = "Origin: ciab\n- dashed\ntrailing \nSHA256:\n ab 1 Packages\n";
        let binary = Base64::decode_vec(
            &public(&key)
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with(['-', '=']))
                .collect::<String>(),
        );
        fs::write(folder.path().join("key.gpg"), binary.unwrap()).unwrap();
        fs::write(folder.path().join("Release"), text).unwrap();
        // Each time is another signature.
        for time in (0..40).map(|n| key.made + n) {
            fs::write(folder.path().join("Release.gpg"), detached(&key, text.as_bytes(), time)).unwrap();
            assert!(gpgv(folder.path(), &["Release.gpg", "Release"]), "{time}");
        }
        fs::write(folder.path().join("InRelease"), clear(&key, text, key.made)).unwrap();
        assert!(gpgv(folder.path(), &["InRelease"]));
        fs::write(folder.path().join("Release"), text.replace("ab 1", "ab 2")).unwrap();
        assert!(!gpgv(folder.path(), &["Release.gpg", "Release"]));
        let changed = clear(&key, text, key.made).replace("ab 1", "ab 2");
        fs::write(folder.path().join("InRelease"), changed).unwrap();
        assert!(!gpgv(folder.path(), &["InRelease"]));
        assert_eq!(fingerprint(&key).len(), 40);
    }

    #[test]
    fn numbers_have_no_leading_zeros() {
        assert_eq!(number(&[0, 0, 1, 2]), [0, 9, 1, 2]);
        assert_eq!(number(&[0x80]), [0, 8, 0x80]);
        assert_eq!(number(&[0, 0]), [0, 0]);
    }

    #[test]
    fn the_check_is_that_of_the_standard() {
        assert_eq!(crc24(b""), 0x00b7_04ce);
        assert_eq!(crc24(b"123456789"), 0x0021_cf02);
    }
}
