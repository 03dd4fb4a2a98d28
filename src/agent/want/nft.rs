//! Our own nftables tables. Others' tables (Docker's, the operator's) are never touched: no flush, ever.
//!
//! `nft/<family>-<name>.json` in our record keeps what was loaded and how the kernel listed it then; the table
//! holds while both are the same. So a rule added by hand is seen, and the tenth load is like the first.

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Changed, Host};
use crate::{
    agent::durable::{self, Meta},
    step::Answer,
    tree::sha256,
};

/// A table as its want says it.
pub(super) struct Table<'a> {
    pub(super) family: &'a str,
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// SHA-256 of the text that was loaded, and of what `nft` listed right after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Loaded {
    source: String,
    listed: String,
}

pub(super) fn probe(table: &Table<'_>, host: &Host) -> Result<Answer> {
    check(table)?;
    let subject = format!("nftables table {} {}", table.family, table.name);
    let kept = durable::read(&host.state(place(table)))?;
    let Some(kept) = kept.and_then(|bytes| serde_json::from_slice::<Loaded>(&bytes).ok()) else {
        return Ok(Answer::Missing(format!("{subject} was never loaded by us")));
    };
    Ok(if kept.source != sha256(table.text.as_bytes()) {
        Answer::Missing(format!("{subject} was loaded from another text"))
    } else {
        match list(table, host)? {
            None => Answer::Missing(format!("{subject} does not exist")),
            Some(listed) if listed != kept.listed => {
                Answer::Missing(format!("{subject} was changed since we loaded it"))
            }
            Some(_) => Answer::Holds,
        }
    })
}

pub(super) fn apply(table: &Table<'_>, host: &Host) -> Result<Changed> {
    check(table)?;
    host.call(["nft", "--file", "-"]).input(table.text).ok()?;
    let listed = list(table, host)?.context("the table is not there after it was loaded")?;
    let loaded = Loaded { source: sha256(table.text.as_bytes()), listed };
    durable::write(&host.state(place(table)), &serde_json::to_vec(&loaded)?, Meta::PRIVATE)?;
    Ok(Changed::new("loaded"))
}

/// The digest of the table as the kernel has it, without counters; nothing when there is none.
fn list(table: &Table<'_>, host: &Host) -> Result<Option<String>> {
    let tables = host.call(["nft", "list", "tables", table.family]).ok()?;
    if !tables.lines().any(|line| line.trim() == format!("table {} {}", table.family, table.name)) {
        return Ok(None);
    }
    let listed = host.call(["nft", "--stateless", "list", "table", table.family, table.name]).ok()?;
    Ok(Some(sha256(listed.as_bytes())))
}

/// The text deletes the old table first, in the same transaction, and is about no other table.
fn check(table: &Table<'_>) -> Result<()> {
    let ours = format!("{} {}", table.family, table.name);
    let mut lines =
        table.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    ensure!(
        lines.next() == Some(&format!("table {ours}"))
            && lines.next() == Some(&format!("delete table {ours}")),
        "the text of nftables table {ours} has to begin with `table {ours}` and `delete table {ours}`, a line each"
    );
    for line in lines {
        let words: Vec<&str> = line.trim_end_matches('{').split_whitespace().collect();
        let stray = match words.as_slice() {
            ["table", rest @ ..]
            | ["add" | "create" | "delete" | "destroy" | "flush", "table", rest @ ..] => {
                rest.join(" ") != ours
            }
            ["flush" | "reset" | "include", ..] => true,
            _ => false,
        };
        ensure!(!stray, "the text of nftables table {ours} reaches beyond it: `{line}`");
    }
    Ok(())
}

fn place(table: &Table<'_>) -> String {
    format!("nft/{}-{}.json", table.family, table.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::want::testing::Box;

    const TEXT: &str = "table inet ciab\ndelete table inet ciab\ntable inet ciab {\n  chain in {}\n}\n";

    fn table(text: &str) -> Table<'_> {
        Table { family: "inet", name: "ciab", text }
    }

    #[test]
    fn a_table_holds_while_text_and_listing_are_those_of_the_load() {
        let b = Box::new().says("nft list tables", 0, "table inet other\ntable inet ciab\n").says(
            "nft --stateless",
            0,
            "rules",
        );
        assert!(matches!(probe(&table(TEXT), &b.host).unwrap(), Answer::Missing(_)));
        apply(&table(TEXT), &b.host).unwrap();
        assert_eq!(probe(&table(TEXT), &b.host).unwrap(), Answer::Holds);
        let said = |text: &str, b: &Box| format!("{:?}", probe(&table(text), &b.host).unwrap());
        assert!(said(&format!("{TEXT}#\n"), &b).contains("loaded from another text"));
        let b = b.says("nft --stateless", 0, "rules and one by hand");
        assert!(said(TEXT, &b).contains("was changed since we loaded it"));
        let b = b.says("nft list tables", 0, "table inet ciab2\n");
        assert!(said(TEXT, &b).contains("does not exist"));
    }

    #[test]
    fn a_text_that_reaches_beyond_its_table_is_refused() {
        for bad in [
            "table inet ciab {\n}\n".to_owned(),
            format!("flush ruleset\n{TEXT}"),
            format!("{TEXT}flush ruleset\n"),
            format!("{TEXT}delete table ip nat\n"),
            format!("{TEXT}table ip nat {{\n}}\n"),
        ] {
            assert!(check(&table(&bad)).is_err(), "{bad}");
        }
        check(&table(&format!("# head\n\n{TEXT}"))).unwrap();
    }
}
