//! Name resolution that refuses names leading into private networks. One bad address among several
//! is enough to refuse: a name that mixes them is an attack or a mistake.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::lookups::Lookups;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// What is not on the public internet (IANA's special-purpose registry).
const NOT_PUBLIC_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Global unicast; everything else is not public: loopback, link-local, unique local, NAT64, multicast.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// Parts of global unicast that are not public or that wrap an IPv4 address: Teredo and the other
/// protocol assignments, documentation, 6to4.
const NOT_PUBLIC_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

/// Whether `ip` is an address on the public internet.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => GLOBAL_V6.contains(&ip) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&ip)),
    }
}

/// A name has an address that requests must not go to.
#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not public")]
struct NotPublic;

fn vet(addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    if addresses.iter().all(|address| is_public(address.ip())) { Ok(addresses) } else { Err(NotPublic) }
}

/// The system's resolver, with every answer vetted.
#[derive(Debug, Clone)]
pub(crate) struct VettingResolver {
    trusted: Trusted,
    lookups: Arc<Lookups>,
}

/// The names whose answers are not vetted: those that the operator set.
#[derive(Debug, Clone)]
enum Trusted {
    These(HashSet<String>),
    All,
}

impl VettingResolver {
    /// For names of the catalogue, which are `known`, and names that users typed; `trusted` names are the
    /// operator's.
    pub(crate) fn new(known: HashSet<String>, trusted: impl IntoIterator<Item = String>) -> Self {
        let trusted: HashSet<_> = trusted.into_iter().collect();
        let lookups = Lookups::system(known.union(&trusted).cloned().collect());
        Self { trusted: Trusted::These(trusted), lookups }
    }

    /// For names that the operator set.
    pub(crate) fn trusting(names: HashSet<String>) -> Self {
        Self { trusted: Trusted::All, lookups: Lookups::system(names) }
    }

    fn trusts(&self, name: &str) -> bool {
        match &self.trusted {
            Trusted::These(names) => names.contains(name),
            Trusted::All => true,
        }
    }
}

fn warn(name: &Name) {
    tracing::warn!(name = name.as_str(), "refused to connect: the name has an address that is not public");
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.trusts(name.as_str());
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let found = lookups.find(name.as_str()).await?;
            let addresses = if trusted { found } else { vet(found).inspect_err(|_| warn(&name))? };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_means_public() {
        for good in ["8.8.8.8", "104.18.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:7f00:1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn one_bad_answer_refuses_the_name() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        assert!(vet(vec![address("8.8.8.8"), address("2606:4700::1111")]).is_ok());
        assert!(vet(vec![address("8.8.8.8"), address("10.0.0.1")]).is_err());
        assert!(vet(vec![address("::1")]).is_err());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused_unless_trusted() {
        let name = || "localhost".parse::<Name>().unwrap();
        let known = || HashSet::from(["localhost".to_owned()]);
        assert!(VettingResolver::new(HashSet::new(), []).resolve(name()).await.is_err());
        assert!(VettingResolver::new(known(), []).resolve(name()).await.is_err());
        assert!(VettingResolver::new(HashSet::new(), known()).resolve(name()).await.is_ok());
        assert!(VettingResolver::trusting(known()).resolve(name()).await.is_ok());
    }
}
