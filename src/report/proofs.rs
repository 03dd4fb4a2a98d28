//! The table that `verify` prints.

use std::fmt::Write as _;

use super::words::{clean, count, wrap};
use crate::event::ProofResult;

/// Columns of the page.
const COLUMNS: usize = 80;
/// Columns before what was proven: the verdict and a space.
const VERDICT: usize = 6;

/// What was proven, what was measured, and the sum.
pub fn proofs_page(proofs: &[ProofResult]) -> String {
    let mut page = String::new();
    for ProofResult { id, what, measured, pass } in proofs {
        let _ = writeln!(page, "{:VERDICT$}{}", if *pass { "pass" } else { "FAIL" }, clean(id));
        for line in wrap(&clean(what), COLUMNS - VERDICT) {
            let _ = writeln!(page, "{:VERDICT$}{line}", "");
        }
        for line in wrap(&format!("measured: {}", clean(measured)), COLUMNS - VERDICT) {
            let _ = writeln!(page, "{:VERDICT$}{line}", "");
        }
    }
    let failed = proofs.iter().filter(|proof| !proof.pass).count();
    let _ = match (proofs.len(), failed) {
        (0, _) => writeln!(page, "nothing was proven"),
        (all, 0) => writeln!(page, "{} passed", count(all, "proof")),
        (all, failed) => writeln!(page, "{} of {} failed", failed, count(all, "proof")),
    };
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_says_what_was_measured() {
        let proof = |id: &str, measured: &str, pass| ProofResult {
            id: id.into(),
            what: "The operator can log in with the key alone".into(),
            measured: measured.into(),
            pass,
        };
        let page = proofs_page(&[
            proof("ssh.key", "holds", true),
            proof(
                "ssh.password",
                "a password was asked for, and then \x1b[2Jaccepted by the box at once, twice",
                false,
            ),
        ]);
        assert_eq!(
            page,
            "\
pass  ssh.key
      The operator can log in with the key alone
      measured: holds
FAIL  ssh.password
      The operator can log in with the key alone
      measured: a password was asked for, and then accepted by the box at once,
      twice
1 of 2 proofs failed
"
        );
    }
}
