//! Networks and addresses with a prefix length.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;

/// A network; the host part of its address is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(pub IpNet);

/// An address on a network, as an interface carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress(pub IpNet);

impl Cidr {
    /// True where the two networks share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.contains(&other.0) || other.0.contains(&self.0)
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// True for an address that a host may carry: inside, and neither the network's own nor its broadcast address.
    pub fn has_host(&self, address: IpAddr) -> bool {
        let ends = address == self.0.network() || address == self.0.broadcast();
        self.contains(address) && (self.0.prefix_len() + 1 >= self.0.max_prefix_len() || !ends)
    }
}

impl Cidr {
    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// The address with this number, counted from the network's own; `None` past the end.
    pub fn nth(&self, number: u32) -> Option<IpAddr> {
        let address = match self.0.network() {
            IpAddr::V4(base) => IpAddr::V4(Ipv4Addr::from(u32::from(base).checked_add(number)?)),
            IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from(u128::from(base).checked_add(number.into())?)),
        };
        self.contains(address).then_some(address)
    }

    /// An address in it as an interface carries it.
    pub fn at(&self, address: IpAddr) -> InterfaceAddress {
        InterfaceAddress(IpNet::new(address, self.0.prefix_len()).unwrap_or(self.0))
    }
}

impl InterfaceAddress {
    pub fn address(&self) -> IpAddr {
        self.0.addr()
    }

    pub fn network(&self) -> Cidr {
        Cidr(self.0.trunc())
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net: IpNet =
            text.parse().map_err(|_| format!("`{text}` is no network: write one such as 192.168.16.0/24"))?;
        if net.addr() == net.network() {
            Ok(Self(net))
        } else {
            Err(format!("`{text}` is an address inside a network: write the network, {}", net.trunc()))
        }
    }
}

impl FromStr for InterfaceAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net: IpNet = text.parse().map_err(|_| {
            format!("`{text}` is no address with a prefix length: write one such as 192.0.2.10/24")
        })?;
        if Cidr(net.trunc()).has_host(net.addr()) {
            Ok(Self(net))
        } else {
            Err(format!("`{text}` cannot be a host's address: it is an end of the network {}", net.trunc()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_host_part() {
        assert!("192.168.16.0/24".parse::<Cidr>().is_ok());
        assert!("fd00::/64".parse::<Cidr>().is_ok());
        assert_eq!(
            "192.168.16.1/24".parse::<Cidr>(),
            Err("`192.168.16.1/24` is an address inside a network: write the network, 192.168.16.0/24"
                .to_owned())
        );
        for bad in ["192.168.16.0", "192.168.16.0/33", "", "a/8"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interface_address_is_not_an_end_of_its_network() {
        assert!("192.0.2.10/24".parse::<InterfaceAddress>().is_ok());
        assert!("192.0.2.10/32".parse::<InterfaceAddress>().is_ok());
        for bad in ["192.0.2.0/24", "192.0.2.255/24", "192.0.2.10"] {
            assert!(bad.parse::<InterfaceAddress>().is_err(), "{bad}");
        }
    }
}
