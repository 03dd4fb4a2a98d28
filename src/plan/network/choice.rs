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

#[cfg(test)]
mod tests {
    use crate::{
        boxfile::{BoxFile, ProfileName, names::Role},
        plan::{Plan, PlanError, sample},
        profile::Profile,
    };

    fn role(name: &str) -> Role {
        name.parse().unwrap()
    }

    fn wanted(network: &str) -> BoxFile {
        let text =
            format!(r#"{{"apiVersion": "ciab/v1", "kind": "Box", "profile": "base", "network": {network}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn plan(network: &str, bound: Option<&Plan>) -> Result<Plan, Vec<PlanError>> {
        let mut facts = sample::server();
        // The LAN is a part of what the box would usually take.
        facts.observed.links[1].addresses[0].net = "192.168.16.77/20".parse().unwrap();
        let profile = Profile::load(ProfileName::Base).unwrap();
        let bound = bound.map(Plan::bound);
        Plan::make(&facts, &wanted(network), &profile, bound.as_ref())
    }

    #[test]
    fn the_usual_network_gives_way_and_the_plan_says_why() {
        let first = plan(r#"{"provider": {"public": {}}}"#, None).unwrap();
        assert_eq!(first.network.internal.cidr.to_string(), "192.168.144.0/24");
        assert_eq!(
            first.why["network.internal"],
            "the first that is free: 192.168.16.0/24 overlaps 192.168.16.0/20, the network of eno1, \
             192.168.17.0/24 overlaps 192.168.16.0/20, the network of eno1"
        );
        assert_eq!(first.network.provider[&role("public")].cidr.to_string(), "192.168.112.0/24");

        // Another network of the same kind, and one that the operator wrote where the first was.
        let second = plan(
            r#"{"provider": {"public": {}, "more": {}}, "containers": "192.168.113.0/24"}"#,
            Some(&first),
        );
        let second = second.unwrap();
        assert_eq!(second.network.internal, first.network.internal, "what was decided stays");
        assert_eq!(second.why["network.internal"], first.why["network.internal"]);
        assert_eq!(second.network.provider[&role("more")].cidr.to_string(), "192.168.114.0/24");
        assert_eq!(second.network.physical[1].interface, "ciab-ex2");
    }

    #[test]
    fn a_network_that_the_operator_wrote_is_not_moved() {
        let errors = plan(
            r#"{"internal": "192.168.112.0/24", "provider": {"public": {"cidr": "192.168.112.0/20"}}}"#,
            None,
        )
        .unwrap_err();
        let keys: Vec<&str> = errors.iter().map(|e| e.key.as_str()).collect();
        assert_eq!(keys, ["network.internal", "network.provider.public.cidr"]);
        assert!(errors[0].message.contains("overlaps network.provider.public.cidr"), "{errors:?}");
    }

    #[test]
    fn a_bridge_takes_over_the_address_and_keeps_it_from_the_pool() {
        let bridged =
            |pool: &str| plan(&format!(r#"{{"provider": {{"public": {{"mode": "bridged"{pool}}}}}}}"#), None);
        let open = bridged("").unwrap_err();
        assert_eq!(open[0].key, "network.provider.public.pool");
        let own = bridged(r#", "pool": {"first": "192.168.16.70", "last": "192.168.16.80"}"#).unwrap_err();
        assert!(own[0].message.contains("the box's own address, 192.168.16.77, lies in it"), "{own:?}");
        let plan = bridged(r#", "pool": {"first": "192.168.17.70", "last": "192.168.17.80"}"#).unwrap();
        let management = &plan.network.management;
        assert_eq!(management.address_interface, "ciab-br");
        assert_eq!(management.addresses()[0].to_string(), "192.168.16.77/20");
        assert_eq!(plan.network.provider[&role("public")].cidr.to_string(), "192.168.16.0/20");
        assert!(
            plan.network.routes.iter().all(|route| route.to != plan.network.provider[&role("public")].cidr)
        );
    }

    #[test]
    fn the_only_card_is_not_given_away() {
        let mut facts = sample::server();
        let mut boxfile = wanted(
            r#"{"provider": {"public": {"cidr": "198.51.100.0/24",
            "pool": {"first": "198.51.100.2", "last": "198.51.100.9"}}}}"#,
        );
        let nics =
            |mac: &str| serde_json::from_str(&format!(r#"{{"provider": {{"match": {{"mac": "{mac}"}}}}}}"#));
        boxfile.nics = nics("3c:ec:ef:00:00:01").unwrap();
        let profile = Profile::load(ProfileName::Base).unwrap();
        let errors = Plan::make(&facts, &boxfile, &profile, None).unwrap_err();
        assert_eq!(errors[0].key, "nics.provider");
        assert!(errors[0].message.contains("eno1 is the only way to the box"), "{errors:?}");
        boxfile.nics = nics("3c:ec:ef:00:00:02").unwrap();
        facts.observed.links[2].up = true;
        let plan = Plan::make(&facts, &boxfile, &profile, None).unwrap();
        assert_eq!(plan.network.physical[0].interface, "eno2");
        assert_eq!(plan.network.physical[0].bridge, "br-ex");
    }
}
