//! Where each network of the box lies: as the box file says, else as an earlier run decided, else the first candidate
//! that overlaps nothing.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::{
    boxfile::{BoxFile, nets::Cidr, network as file},
    plan::{Bound, PlanError, Why, bound::Decided},
    profile::{Candidates, networks},
};

/// The networks decided so far, and what they must not overlap.
pub(in crate::plan) struct Choice<'a> {
    bound: &'a Bound,
    /// By key of the box file.
    decided: BTreeMap<String, Decided>,
    /// Networks that the box file names, by key; whatever the order of questions, nothing is put on them.
    named: Vec<(String, Cidr)>,
    /// Of others: where, and what it is.
    reached: Vec<(IpNet, String)>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(wanted: &BoxFile, bound: &'a Bound) -> Self {
        let network = &wanted.network;
        let mut named: Vec<(String, Cidr)> = Vec::new();
        let mut name = |key: &str, cidr: Option<Cidr>| named.extend(cidr.map(|cidr| (key.to_owned(), cidr)));
        name("network.internal", network.internal);
        name("network.containers", network.containers);
        for (provider, own) in &network.provider {
            name(&format!("network.provider.{provider}.cidr"), own.cidr);
        }
        for (range, cidr) in &network.ranges {
            name(&format!("network.ranges.{range}"), Some(*cidr));
        }
        name("network.wireguard.cidr", network.wireguard.as_ref().and_then(|own| own.cidr));
        let mut reached: Vec<(IpNet, String)> = Vec::new();
        if let Some(file::Management::Static(own)) = &network.management {
            let nets = [Some(own.address), own.address6].into_iter().flatten();
            reached.extend(nets.map(|a| (a.network().0, "the network of network.management".to_owned())));
        }
        reached.extend(network.dns.iter().map(|server| (IpNet::from(*server), "a name server".to_owned())));
        Self { bound, decided: BTreeMap::new(), named, reached }
    }

    /// Decides one network of `profiles/networks.yaml`; `key` is its own key of the box file.
    pub(in crate::plan) fn decide(
        &mut self,
        list: &str,
        key: &str,
        why: &mut Why,
    ) -> Result<Cidr, PlanError> {
        let own = self.named.iter().find(|(named, _)| named == key).map(|(_, cidr)| *cidr);
        if let Some(cidr) = own {
            if let Some((other, with)) = self.clash(key, cidr) {
                return Err(PlanError::impossible(
                    key,
                    format!("{cidr} overlaps {other}, {with}"),
                    "Give each a network of its own.",
                ));
            }
            return Ok(self.keep(key, Decided { cidr, instead: None }));
        }
        if let Some(earlier) = self.bound.networks.get(key).filter(|e| self.clash(key, e.cidr).is_none()) {
            let earlier = earlier.clone();
            if let Some(instead) = &earlier.instead {
                why.insert(key.to_owned(), instead.clone());
            }
            return Ok(self.keep(key, earlier));
        }
        let candidates = networks().get(list).map(|all: &Candidates| all.candidates.as_slice());
        let mut passed = Vec::new();
        for cidr in candidates.unwrap_or_default() {
            match self.in_the_way(list, key, *cidr) {
                Some(reason) => passed.push(format!("{cidr} overlaps {reason}")),
                None => {
                    let instead = (!passed.is_empty())
                        .then(|| format!("the first that is free: {}", passed.join(", ")));
                    if let Some(instead) = &instead {
                        why.insert(key.to_owned(), instead.clone());
                    }
                    return Ok(self.keep(key, Decided { cidr: *cidr, instead }));
                }
            }
        }
        Err(PlanError::impossible(
            key,
            format!("none of the usual networks is free: {}", passed.join(", ")),
            format!("Name one yourself in `{key}`."),
        ))
    }

    /// What was decided, for the next run.
    pub(super) fn decided(self) -> BTreeMap<String, Decided> {
        self.decided
    }

    fn keep(&mut self, key: &str, decided: Decided) -> Cidr {
        let cidr = decided.cidr;
        self.decided.insert(key.to_owned(), decided);
        cidr
    }

    /// Another network of the box on the same addresses.
    fn clash(&self, key: &str, cidr: Cidr) -> Option<(String, Cidr)> {
        let decided = self.decided.iter().map(|(other, decided)| (other, decided.cidr));
        let named = self.named.iter().map(|(other, cidr)| (other, *cidr));
        named
            .chain(decided)
            .find(|(other, with)| *other != key && cidr.overlaps(with))
            .map(|(other, with)| (other.clone(), with))
    }

    /// What a candidate would overlap.
    fn in_the_way(&self, list: &str, key: &str, cidr: Cidr) -> Option<String> {
        if let Some((other, with)) = self.clash(key, cidr) {
            return Some(format!("{other} ({with})"));
        }
        // What an earlier run decided is kept, though it is asked for later.
        let earlier = self.bound.networks.iter().find(|(k, d)| *k != key && cidr.overlaps(&d.cidr));
        if let Some((other, with)) = earlier {
            return Some(format!("{other} ({})", with.cidr));
        }
        let overlaps = |net: &IpNet| cidr.overlaps(&Cidr(*net));
        if let Some((net, what)) = self.reached.iter().find(|(net, _)| overlaps(net)) {
            return Some(format!("{net}, {what}"));
        }
        let may = |docker: bool| docker && list == "containers";
        let near = self.bound.near.iter().find(|near| !may(near.docker) && overlaps(&near.net));
        near.map(|near| format!("{}, {}", near.net, near.what))
    }
}
