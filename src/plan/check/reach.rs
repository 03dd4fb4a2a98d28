//! What was tried: names, time servers, registries, addresses in use, a disk's speed.

use core::net::IpAddr;

use super::{
    Applies, Case, Check,
    verdict::{Verdict, at_most},
};
use crate::{
    facts::machine::Container,
    measure::{Holder, Measure, Outcome},
    plan::measures,
};

pub(super) const CHECKS: &[Check] =
    &[Check { id: "registry.reach", applies: Applies::Always, judge: registry }];

/// What came of a measure; `Err` says why that is not known.
fn outcome<'a>(case: &Case<'a>, measure: &Measure) -> Result<&'a Outcome, Box<Verdict>> {
    let untried = || Box::new(Verdict::skipped("not measured"));
    match case.measured.and_then(|measured| measured.outcome(measure)).ok_or_else(untried)? {
        Outcome::Unknown { reason } => Err(Box::new(Verdict::skipped(format!("not measured: {reason}")))),
        known => Ok(known),
    }
}

/// An outcome of another kind than was asked for: the document was made by hand, and wrongly.
fn odd() -> Verdict {
    Verdict::skipped("not measured: the answer is of another kind")
}

fn registry(_case: &Case<'_>) -> Vec<Verdict> {
    vec![Verdict::pass("this profile takes no images")]
}

pub(super) fn dns(case: &Case<'_>) -> Vec<Verdict> {
    let Some(name) = measures::name(case.wanted, case.profile, case.facts) else {
        return vec![match case.facts.observed.os.id {
            Some(_) => Verdict::pass("nothing that is needed goes by a name"),
            None => Verdict::unknown(case.facts, "observed.os.id"),
        }];
    };
    let verdict = match outcome(case, &Measure::Dns { name: name.clone() }) {
        Ok(Outcome::Dns { addresses }) => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Verdict::pass("found").measured(list.join(", "))
        }
        Ok(Outcome::Refused { reason }) => Verdict::fail("no package can be fetched").measured(reason),
        Ok(_) => odd(),
        Err(verdict) => *verdict,
    };
    let servers = measures::name_servers(case.wanted, case.profile, case.facts);
    std::iter::once(verdict.about(name)).chain(servers.map(|asked| name_server(case, &asked))).collect()
}

/// One server by itself. A silent one makes every name wait for seconds, though another answers in the end.
fn name_server(case: &Case<'_>, asked: &Measure) -> Verdict {
    let verdict = match outcome(case, asked) {
        Ok(Outcome::Dns { .. }) => Verdict::pass("it answers"),
        Ok(Outcome::Refused { reason }) => {
            Verdict::warn("every name waits for it, though another server may answer").measured(reason)
        }
        Ok(_) => odd(),
        Err(verdict) => *verdict,
    };
    match asked {
        Measure::NameServer { server, .. } => verdict.about(server),
        _ => verdict,
    }
}

pub(super) fn ntp(case: &Case<'_>) -> Vec<Verdict> {
    let servers: Vec<String> = measures::servers(case.wanted).collect();
    let mut answered = 0;
    let mut silent = Vec::new();
    for server in &servers {
        match outcome(case, &Measure::Ntp { server: server.clone() }) {
            Ok(Outcome::Clock { .. }) => answered += 1,
            Ok(Outcome::Refused { reason }) => silent.push(format!("{server}: {reason}")),
            Ok(_) => silent.push(format!("{server}: {}", odd().message)),
            Err(verdict) => silent.push(format!("{server}: {}", verdict.message)),
        }
    }
    let inside = !matches!(case.facts.observed.container, None | Some(Container::None));
    let count = format!("{answered} of {}", servers.len());
    let verdict = match (answered, silent.as_slice()) {
        _ if case.measured.is_none() => Verdict::skipped("not measured"),
        (0, []) => Verdict::skipped("the box file names no time server"),
        (0, _) if inside => {
            Verdict::skipped("none answers; a container has its host's clock").measured(count)
        }
        (0, [first, ..]) => {
            Verdict::warn(format!("the clock would run free, and be minutes off in a month; {first}"))
                .measured(count)
        }
        (_, []) => Verdict::pass("all answer").measured(count),
        (_, _) => Verdict::pass(format!("enough answer; not {}", silent.join(", not "))).measured(count),
    };
    vec![verdict]
}

pub(super) fn clock_offset(case: &Case<'_>) -> Vec<Verdict> {
    let verdict = match case.measured.map(|measured| measured.clock_offset_us()) {
        Some(Some(offset)) => {
            let millis = offset.unsigned_abs().div_ceil(1000);
            at_most(millis, &case.profile.needs.clock_offset_ms, |ms| format!("{ms} ms"))
        }
        Some(None) => Verdict::skipped("no time server answers, so nobody knows"),
        None => Verdict::skipped("not measured"),
    };
    vec![verdict]
}

pub(super) fn fsync(case: &Case<'_>) -> Vec<Verdict> {
    let measure = measures::fsync(case.facts);
    let verdict = match outcome(case, &measure) {
        Ok(Outcome::Fsync(times)) => {
            let show = |us: u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
            at_most(times.p99_us, &case.profile.needs.fsync_p99_us, show)
        }
        Ok(_) => odd(),
        Err(verdict) => *verdict,
    };
    let Measure::Fsync { folder } = measure else { return vec![verdict] };
    vec![verdict.about(folder)]
}

/// Whether nobody else has an address that the box will take.
pub(super) fn address_free(case: &Case<'_>, address: IpAddr) -> Verdict {
    match outcome(case, &Measure::Address { address }) {
        Ok(Outcome::Address(Holder::Nobody)) => Verdict::pass("nobody answers"),
        Ok(Outcome::Address(Holder::ThisBox)) => Verdict::pass("the box has it already"),
        Ok(Outcome::Address(Holder::Another { mac })) => {
            let who = mac.map_or("somebody".to_owned(), |mac| mac.to_string());
            Verdict::fail("another machine has it").measured(who)
        }
        Ok(_) => odd(),
        Err(verdict) => *verdict,
    }
}
