//! Single values from outside a file: flags, environment variables and kernel words become small trees.

use super::{
    content::Sha256Text,
    fault::{Fault, Finding},
    nearest::nearest,
    node::{Entry, Node, NodeKind, Style},
    place::{Layer, Source, Sources},
    read,
    shape::{Key, Shape},
    system::Url,
};

/// Variables that begin with `CIAB_` and are no keys of the box file.
pub const RESERVED: [&str; 1] = ["CIAB_FAILPOINTS"];

/// Keys that a kernel word may set: enough to find the network and to name the box, nothing that grants access.
const CMDLINE: [&str; 10] = [
    "apt.mirror",
    "apt.security_mirror",
    "domain",
    "name",
    "network.dns",
    "network.management",
    "network.ntp",
    "network.proxy",
    "profile",
    "tuning.timezone",
];

/// Kernel words that say where a box file is, with or without its digest; no keys of it.
const ELSEWHERE: [&str; 2] = ["box", "box.sha256"];

/// A box file that the kernel's command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    pub url: Url,
    /// Without it nobody knows whose text it is, and it grants nothing.
    pub sha256: Option<Sha256Text>,
}

/// `ciab.box=URL` and `ciab.box.sha256=DIGEST` of a kernel's command line; what is wrong with them.
pub fn elsewhere(line: &str) -> Result<Option<Elsewhere>, String> {
    let word = |name: &str| {
        let begin = format!("ciab.{name}=");
        words(line).into_iter().rev().find_map(|word| word.strip_prefix(&begin).map(str::to_owned))
    };
    let sha256 = word("box.sha256").map(|text| text.parse::<Sha256Text>()).transpose();
    let sha256 = sha256.map_err(|why| format!("ciab.box.sha256: {why}"))?;
    let Some(url) = word("box") else {
        return match sha256 {
            None => Ok(None),
            Some(_) => Err("ciab.box.sha256 is given, and no ciab.box=URL".to_owned()),
        };
    };
    let url: Url = url.parse().map_err(|why| format!("ciab.box: {why}"))?;
    if sha256.is_none() && !url.as_str().starts_with("https://") {
        return Err(format!("ciab.box: without ciab.box.sha256 the URL has to begin with https://: {url}"));
    }
    Ok(Some(Elsewhere { url, sha256 }))
}

/// `--set network.vip=192.168.16.9`.
pub(super) fn flag(sources: &mut Sources, text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    let source = sources.add(Source {
        layer: Layer::Flag,
        name: format!("--set {}", text.split('=').next().unwrap_or_default()),
        text: text.to_owned(),
    });
    let Some(split) = text.find('=') else {
        let place = sources.place(source, 0..text.len());
        let finding = Finding::new(Fault::Syntax, &place, format!("`{text}` sets nothing"));
        findings.push(finding.hint("write --set key.path=value"));
        return None;
    };
    let path: Vec<_> = text[..split].split('.').map(str::to_owned).collect();
    value(sources, source, &path, split, findings)
}

/// `CIAB_NETWORK__NTP=[a, b]`: after the prefix, `__` goes one key down; case and `-` do not count.
pub(super) fn variable(
    sources: &mut Sources,
    name: &str,
    content: &str,
    findings: &mut Vec<Finding>,
) -> Option<Node> {
    let rest = name.strip_prefix("CIAB_")?;
    if RESERVED.contains(&name) {
        return None;
    }
    let source =
        sources.add(Source { layer: Layer::Env, name: name.to_owned(), text: format!("{name}={content}") });
    let path = spell(rest, Key::box_file());
    value(sources, source, &path, name.len(), findings)
}

/// The path that a variable's name stands for, with each key as the box file spells it.
fn spell(name: &str, root: &Key) -> Vec<String> {
    let fold = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let mut key = Some(root);
    let mut path = Vec::new();
    for part in name.split("__") {
        let known = match key.map(|key| &key.shape) {
            Some(Shape::Table(table) | Shape::Choice { tables: table, .. }) => {
                table.names().find(|name| fold(name) == fold(part)).map(str::to_owned)
            }
            // Roles have no underscore.
            Some(Shape::Map { .. }) => Some(part.to_ascii_lowercase().replace('_', "-")),
            _ => None,
        };
        let part = known.unwrap_or_else(|| part.to_ascii_lowercase());
        key = key.and_then(|key| key.child(&part));
        path.push(part);
    }
    path
}

/// The `ciab.*` words of /proc/cmdline, each a tree; nothing in them is evaluated.
pub(super) fn cmdline(sources: &mut Sources, line: &str, findings: &mut Vec<Finding>) -> Vec<Node> {
    if let Err(why) = elsewhere(line) {
        findings.push(Finding::nowhere(Fault::WrongValue, why));
    }
    let named = |word: &str| {
        let name = word.split('=').next().and_then(|name| name.strip_prefix("ciab."));
        name.is_some_and(|name| ELSEWHERE.contains(&name))
    };
    let own = words(line).into_iter().filter(|word| word.starts_with("ciab.") && !named(word));
    own.filter_map(|word| kernel_word(sources, &word, findings)).collect()
}

fn kernel_word(sources: &mut Sources, word: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    let split = word.find('=').unwrap_or(word.len());
    let (name, key) = (&word[..split], word["ciab.".len()..split].to_owned());
    let path: Vec<_> = key.split('.').map(str::to_owned).collect();
    let allowed = CMDLINE
        .iter()
        .any(|known| key == *known || key.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')));
    let hidden = if allowed {
        word.to_owned()
    } else {
        format!("{name}{}", if split < word.len() { "=..." } else { "" })
    };
    let source = sources.add(Source { layer: Layer::Cmdline, name: name.to_owned(), text: hidden.clone() });
    let place = sources.place(source, 0..name.len());
    if !allowed {
        let secret = ["password", "secret", "token", "passphrase"].iter().any(|word| key.contains(word));
        let finding = if secret {
            Finding::new(
                Fault::Untrusted,
                &place,
                "a secret does not stand on the kernel command line, which every user can read",
            )
            .hint("put a reference such as {file: /path} into a box file")
        } else {
            let hint = match nearest(&key, CMDLINE) {
                Some(known) => format!("did you mean ciab.{known}?"),
                None => format!("known: ciab.{}", CMDLINE.join(", ciab.")),
            };
            Finding::new(
                Fault::Untrusted,
                &place,
                format!("`{key}` is not taken from the kernel command line"),
            )
            .hint(hint)
        };
        findings.push(finding.key(key));
        return None;
    }
    if split == word.len() {
        let finding = Finding::new(Fault::Syntax, &place, format!("`{name}` has no value"));
        findings.push(finding.key(key).hint(format!("write {name}=value")));
        return None;
    }
    value(sources, source, &path, split, findings)
}

/// Splits as the kernel does (`lib/cmdline.c`): at white space outside of double quotes; `--` ends our part.
fn words(line: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => list.push(String::new()),
            c => {
                if let Some(word) = list.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    list.into_iter().filter(|word| !word.is_empty()).take_while(|word| word != "--").collect()
}

/// What the box itself said: `why` is shown by `explain`.
pub(super) fn detected(sources: &mut Sources, layer: Layer, path: &str, content: &str, why: &str) -> Node {
    let text = format!("{path}={content}");
    let source = sources.add(Source { layer, name: why.to_owned(), text });
    let path: Vec<_> = path.split('.').map(str::to_owned).collect();
    let split = path.join(".").len();
    value(sources, source, &path, split, &mut Vec::new())
        .unwrap_or(Node { kind: NodeKind::Map(Vec::new()), place: sources.place(source, 0..0) })
}

/// A tree with one leaf. After the `=` at byte `split` stands the value: YAML if it begins like a list, a map or
/// quoted text, else the bare text.
fn value(
    sources: &Sources,
    source: usize,
    path: &[String],
    split: usize,
    findings: &mut Vec<Finding>,
) -> Option<Node> {
    let start = split + 1;
    let text = sources.source(&sources.place(source, 0..0)).text[start..].to_owned();
    let place = sources.place(source, start..start + text.len());
    let leaf = if text.starts_with(['[', '{', '"', '\'']) {
        read::tree(sources, source, &text, start, findings)?
    } else {
        Node { kind: NodeKind::Scalar { text, style: Style::Bare }, place }
    };
    let key_place = sources.place(source, 0..split);
    Some(path.iter().rev().fold(leaf, |value, key| {
        let place = value.place.clone();
        let entry = Entry { key: key.clone(), key_place: key_place.clone(), value };
        Node { kind: NodeKind::Map(vec![entry]), place }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_words_split_at_spaces_outside_of_quotes() {
        let line = "ro quiet ciab.name=\"a b\" \"ciab.domain=c d\"  x=1\n -- ciab.name=z";
        assert_eq!(words(line), ["ro", "quiet", "ciab.name=a b", "ciab.domain=c d", "x=1"]);
    }

    #[test]
    fn a_box_file_elsewhere_is_pinned_or_comes_by_tls() {
        let digest = "0f".repeat(32);
        let pinned =
            elsewhere(&format!("quiet ciab.box=http://192.0.2.1/a.yaml ciab.box.sha256={digest}")).unwrap();
        assert_eq!(pinned.unwrap().sha256.unwrap().as_str(), digest);
        assert_eq!(elsewhere("ciab.box=https://example.org/a.yaml").unwrap().unwrap().sha256, None);
        assert_eq!(elsewhere("quiet ciab.boxes=1").unwrap(), None);
        for (line, why) in [
            ("ciab.box=http://192.0.2.1/a.yaml", "has to begin with https://"),
            ("ciab.box=a.yaml", "ciab.box: "),
            ("ciab.box=https://example.org/a ciab.box.sha256=12", "ciab.box.sha256: "),
            (&format!("ciab.box.sha256={digest}"), "no ciab.box=URL"),
        ] {
            assert!(elsewhere(line).unwrap_err().contains(why), "{line}");
        }
    }

    #[test]
    fn variables_are_spelled_as_the_box_file_does() {
        for (name, path) in [
            ("NETWORK__NTP", "network.ntp"),
            ("APIVERSION", "apiVersion"),
            ("DISKS__DATA__MATCH__BY_ID", "disks.data.match.by-id"),
            ("ACCESS__HOST_KEY", "access.host_key"),
            ("NO_SUCH__KEY", "no_such.key"),
        ] {
            assert_eq!(spell(name, Key::box_file()).join("."), path);
        }
    }
}
