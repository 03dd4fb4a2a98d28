//! Key pairs of WireGuard: X25519 (RFC 7748) in base64, as `wg genkey` and `wg pubkey` write them.

use anyhow::{Context as _, Result};
use base64ct::{Base64, Encoding as _};
use curve25519_dalek::MontgomeryPoint;

use super::source::Source;

/// The private and the public half: one that is kept, or a new one.
pub(super) fn pair(kept: Option<&String>, source: &mut dyn Source) -> Result<(String, String)> {
    let private = match kept {
        Some(private) => private.clone(),
        None => {
            let mut key = source.bytes(32)?;
            // As `wg genkey` stores it; the function itself would clamp it too.
            key[0] &= 248;
            key[31] = key[31] & 127 | 64;
            Base64::encode_string(&key)
        }
    };
    let public = public(&private)?;
    Ok((private, public))
}

/// The public half of a private one.
pub fn public(private: &str) -> Result<String> {
    let mut key = [0; 32];
    let decoded = Base64::decode(private, &mut key).ok().map(<[u8]>::len);
    decoded.filter(|length| *length == 32).context("it is no WireGuard key")?;
    Ok(Base64::encode_string(MontgomeryPoint::mul_base_clamped(key).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secrets::source::System, tree::hex};

    #[test]
    fn the_public_half_is_that_of_rfc_7748() {
        // Section 6.1, Alice's keys.
        let private = [
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
            0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        ];
        let public = Base64::decode_vec(&public(&Base64::encode_string(&private)).unwrap()).unwrap();
        assert_eq!(hex(&public), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    }

    #[test]
    fn a_key_is_kept_and_what_is_none_is_refused() {
        let (private, public) = pair(None, &mut System).unwrap();
        assert_eq!((private.len(), public.len()), (44, 44));
        assert_eq!(pair(Some(&private), &mut System).unwrap(), (private, public));
        assert!(super::public("AAAA").is_err());
    }
}
