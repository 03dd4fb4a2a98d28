//! Users and groups as the box's own files name them; the static helper cannot ask NSS.

use anyhow::{Context as _, Result};

use super::Host;

/// A line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// A line of group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// Lines that are no accounts are left out.
pub(crate) fn parse_passwd(text: &str) -> Vec<User> {
    let user = |line: &str| {
        let [name, _, uid, gid, _, home, shell] = fields(line)?;
        Some(User {
            name: name.into(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.into(),
            shell: shell.into(),
        })
    };
    text.lines().filter_map(user).collect()
}

/// Lines that are no groups are left out.
pub(crate) fn parse_group(text: &str) -> Vec<Group> {
    let group = |line: &str| {
        let [name, _, gid, members] = fields(line)?;
        let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        Some(Group { name: name.into(), gid: gid.parse().ok()?, members })
    };
    text.lines().filter_map(group).collect()
}

fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split(':').collect::<Vec<_>>().try_into().ok()
}

pub(crate) fn user(host: &Host, name: &str) -> Result<Option<User>> {
    Ok(parse_passwd(&text(host, "/etc/passwd")?).into_iter().find(|user| user.name == name))
}

pub(crate) fn groups(host: &Host) -> Result<Vec<Group>> {
    Ok(parse_group(&text(host, "/etc/group")?))
}

/// The numbers of a user and a group; nothing while one of them does not exist. A number stands for itself.
pub(crate) fn ids(host: &Host, owner: &str, group: &str) -> Result<Option<(u32, u32)>> {
    let uid = match owner.parse() {
        Ok(number) => Some(number),
        Err(_) => user(host, owner)?.map(|user| user.uid),
    };
    let gid = match group.parse() {
        Ok(number) => Some(number),
        Err(_) => groups(host)?.into_iter().find(|known| known.name == group).map(|known| known.gid),
    };
    Ok(uid.zip(gid))
}

pub(crate) fn text(host: &Host, path: &str) -> Result<String> {
    std::fs::read_to_string(host.path(path)?).with_context(|| format!("read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_and_odd_lines_left_out() {
        let users = parse_passwd(
            "root:x:0:0:root:/root:/bin/bash\n+::::::\nbroken\nciab:x:1000:1000::/home/ciab:/bin/sh",
        );
        assert_eq!(
            users.iter().map(|u| (u.name.as_str(), u.uid)).collect::<Vec<_>>(),
            [("root", 0), ("ciab", 1000)]
        );
        let groups = parse_group("sudo:x:27:ciab,other\nempty:x:28:\n+:::");
        assert_eq!(groups[0].members, ["ciab", "other"]);
        assert!(groups[1].members.is_empty() && groups.len() == 2);
    }
}
