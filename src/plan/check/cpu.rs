//! Processors.

use super::{Applies, Case, Check, verdict::Verdict, verdict::at_least};

pub(super) const CHECKS: &[Check] = &[
    Check { id: "cpu.cores", applies: Applies::Always, judge: cores },
    Check { id: "cpu.virt", applies: Applies::Always, judge: virt },
    Check { id: "cpu.rng", applies: Applies::Always, judge: rng },
    Check { id: "cpu.l1tf", applies: Applies::Always, judge: l1tf },
];

fn cores(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.facts.identity.cpu.threads {
        Some(threads) => at_least(threads, &case.profile.needs.cores, |n| n.to_string()),
        None => Verdict::unknown(case.facts, "identity.cpu.threads"),
    };
    vec![verdict]
}

fn virt(case: &Case<'_>) -> Vec<Verdict> {
    let Some(flags) = &case.facts.identity.cpu.flags else {
        return vec![Verdict::unknown(case.facts, "identity.cpu.flags")];
    };
    let verdict = match flags.iter().find(|f| ["vmx", "svm"].contains(&f.as_str())) {
        Some(flag) => Verdict::pass("virtual machines run at full speed").measured(flag),
        None if case.profile.cloud.is_some() => {
            Verdict::warn("virtual machines are emulated, many times slower").measured("neither vmx nor svm")
        }
        None => Verdict::pass("this profile starts no virtual machines").measured("neither vmx nor svm"),
    };
    vec![verdict]
}

fn rng(case: &Case<'_>) -> Vec<Verdict> {
    let cpu = &case.facts.identity.cpu;
    let own = cpu.flags.iter().flatten().find(|f| ["rdrand", "rdseed"].contains(&f.as_str()));
    let devices = case.facts.identity.rng.as_ref().map(|rng| rng.available.as_slice());
    let verdict = match (own, devices) {
        (Some(flag), _) => Verdict::pass("the processor makes random numbers").measured(flag),
        (None, Some([first, ..])) => Verdict::pass("a device makes random numbers").measured(first),
        (None, Some([])) if cpu.flags.is_some() => {
            Verdict::warn("keys wait for the kernel to gather chance").measured("none")
        }
        (None, _) => Verdict::unknown(case.facts, "identity.rng"),
    };
    vec![verdict]
}

fn l1tf(case: &Case<'_>) -> Vec<Verdict> {
    let state = &case.facts.observed.cpu;
    let Some(text) = state.vulnerabilities.get("l1tf") else {
        return vec![Verdict::unknown(case.facts, "observed.cpu.vulnerabilities")];
    };
    let verdict = leaks(text).map_or_else(|| Verdict::pass("closed"), Verdict::warn);
    vec![verdict.measured(text)]
}

/// What a guest could read, by the kernel's word on L1TF:
/// `Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable`.
pub(super) fn leaks(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    if lower.starts_with("vulnerable") || lower.contains("vmx: vulnerable") {
        Some("a virtual machine could read the memory of others")
    } else if lower.contains("smt vulnerable") {
        Some("a virtual machine could read what runs on the sibling thread")
    } else {
        None
    }
}
