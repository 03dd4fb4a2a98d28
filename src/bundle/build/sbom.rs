//! `sbom.spdx.json`: what the bundle carries, in SPDX 2.3.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Ground, apt::ARCHITECTURE};
use crate::bundle::{
    manifest::{Kind, Part},
    needs::For,
};

/// The document. What a part is licensed under stands in the part itself, and is not asserted here.
pub(super) fn document(parts: &[Part], ground: &Ground<'_>, whom: &For<'_>) -> Result<String> {
    let mut parts: Vec<&Part> = parts.iter().collect();
    parts.sort_by(|a, b| (a.kind, &a.name, &a.version).cmp(&(b.kind, &b.name, &b.version)));
    let name = format!("ciab-bundle-{}-{}", whom.profile.name, ground.os.codename);
    let packages: Vec<Value> = parts.iter().enumerate().map(|(n, part)| package(n, part, ground)).collect();
    let described: Vec<Value> = (0..parts.len())
        .map(|n| json!({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": id(n)}))
        .collect();
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        // Unique, as the specification wants it: no two builds of a builder are at one time.
        "documentNamespace": format!("urn:ciab:{name}:{}:{}", ground.made.as_second(), ground.key.public()),
        "creationInfo": {
            "created": ground.made.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "creators": [format!("Tool: ciab-{}", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "relationships": described,
    });
    Ok(serde_json::to_string_pretty(&document).context("write the SBOM as JSON")? + "\n")
}

fn id(number: usize) -> String {
    format!("SPDXRef-Package-{number}")
}

fn package(number: usize, part: &Part, ground: &Ground<'_>) -> Value {
    let mut package = json!({
        "SPDXID": id(number),
        "name": part.name.as_str(),
        "versionInfo": part.version.as_str(),
        "packageFileName": part.path.as_str(),
        "downloadLocation": "NOASSERTION",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "filesAnalyzed": false,
        "checksums": [{"algorithm": "SHA256", "checksumValue": part.sha256.as_str()}],
        "primaryPackagePurpose": purpose(part.kind),
    });
    if let (Some(url), Some(fields)) = (url(part, &ground.os.id), package.as_object_mut()) {
        let reference = json!([{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}]);
        fields.insert("externalRefs".to_owned(), reference);
    }
    package
}

fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "CONTAINER",
        Kind::Deb | Kind::Wheel => "LIBRARY",
        Kind::Collection => "SOURCE",
        Kind::Guest => "OPERATING-SYSTEM",
    }
}

/// The package URL (purl), for kinds that have one.
fn url(part: &Part, system: &str) -> Option<String> {
    let (name, version) = (part.name.as_str(), escaped(part.version.as_str()));
    match part.kind {
        Kind::Deb => Some(format!("pkg:deb/{system}/{}@{version}?arch={ARCHITECTURE}", escaped(name))),
        Kind::Wheel => Some(format!("pkg:pypi/{}@{version}", escaped(name))),
        Kind::Image => Some(format!("pkg:oci/{}@sha256%3A{}", name.rsplit('/').next()?, part.sha256)),
        Kind::Collection | Kind::Guest => None,
    }
}

/// Percent-encoding of what a purl may not hold as it is.
fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_urls() {
        let mut part = crate::bundle::manifest::tests::sample().parts.remove(0);
        let image = url(&part, "debian").unwrap();
        assert!(image.starts_with("pkg:oci/cron@sha256%3A0f0f"), "{image}");
        part.kind = Kind::Deb;
        (part.name, part.version) = ("libstdc++6".parse().unwrap(), "1:12.2+b1".parse().unwrap());
        assert_eq!(url(&part, "debian").unwrap(), "pkg:deb/debian/libstdc%2B%2B6@1:12.2%2Bb1?arch=amd64");
    }
}
