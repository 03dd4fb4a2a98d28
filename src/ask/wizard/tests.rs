//! The questions, answered by a script.

use std::collections::VecDeque;

use super::{Answer, Blank, Choice, Draft, Eyes, FoundKey, Person, Seen, Target, ask, judge};
use crate::{
    ask::Picks,
    boxfile::{BoxFile, ProfileName, access, cloud::Backend},
    facts::{
        Facts,
        nic::{
            Nic,
            link::{Address, Link},
            route::Route,
        },
    },
    failure::{Exit, Failure},
    plan::selector::match_disks,
};

// Made for these tests; the private half was never kept.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

const FINGERPRINT: &str = "SHA256:AvUEFnn4CS7rQBhO9yVdXFUrAr45TDmNzEPmEHQHqBw";

/// Answers question by question: the beginning of the question, then what is typed or the beginning of an item.
struct Script {
    answers: VecDeque<(&'static str, &'static str)>,
    transcript: String,
}

impl Script {
    fn new(answers: &[(&'static str, &'static str)]) -> Self {
        Self { answers: answers.iter().copied().collect(), transcript: String::new() }
    }

    /// The next answer, or an empty line where the next one is for a later question.
    fn answer(&mut self, question: &str) -> &'static str {
        assert!(self.transcript.len() < 100_000, "asked without an end: {}", &self.transcript[..20_000]);
        let answer = match self.answers.front() {
            Some((to, answer)) if question.starts_with(to) => {
                let answer = *answer;
                self.answers.pop_front();
                answer
            }
            _ => "",
        };
        self.transcript.push_str(&format!("{question}: {answer}\n"));
        answer
    }
}

impl Person for Script {
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.transcript.push_str(text);
        self.transcript.push('\n');
        Ok(())
    }

    async fn choose(&mut self, choice: &Choice) -> Result<Answer<usize>, Failure> {
        let answer = self.answer(&choice.question);
        if answer == "<" {
            return Ok(Answer::Back);
        }
        let named = choice.items.iter().position(|item| !answer.is_empty() && item.contains(answer));
        assert!(answer.is_empty() || named.is_some(), "{answer} is none of {:?}", choice.items);
        Ok(Answer::Given(named.unwrap_or(choice.default)))
    }

    async fn pick(&mut self, picks: &Picks) -> Result<Answer<Vec<usize>>, Failure> {
        let answer = self.answer(&picks.question);
        let taken = |(at, (item, taken)): (usize, &(String, bool))| match answer {
            "" => taken.then_some(at),
            _ => item.contains(answer).then_some(at),
        };
        match answer {
            "<" => Ok(Answer::Back),
            _ => Ok(Answer::Given(picks.items.iter().enumerate().filter_map(taken).collect())),
        }
    }

    async fn fill(&mut self, blank: &Blank) -> Result<Answer<String>, Failure> {
        match (self.answer(&blank.question), &blank.default) {
            ("<", _) => Ok(Answer::Back),
            ("", Some(default)) => Ok(Answer::Given(default.clone())),
            ("", None) => Err(Failure::new(Exit::Interrupted, "the script has no answer")),
            (text, _) => Ok(Answer::Given(text.to_owned())),
        }
    }
}

/// Shows what it was given, one look after the other; then fails.
struct Shown(VecDeque<Facts>);

impl Eyes for Shown {
    async fn look(&mut self, _: &BoxFile) -> Result<Seen, Failure> {
        let facts = self.0.pop_front();
        facts
            .map(|facts| Seen { facts, host_key: Some(FINGERPRINT.into()) })
            .ok_or_else(|| Failure::new(Exit::Unreachable, "nobody answers").hint("plug it in"))
    }
}

fn server() -> Facts {
    let mut facts = Facts::default();
    let mac = |text: &str| Some(text.parse().unwrap());
    let nic = |id: &str| Nic {
        id: id.into(),
        mac: mac(id),
        path: None,
        pci: None,
        driver: Some("igb".into()),
        vendor: None,
        model: None,
        max_speed: None,
    };
    let (first, second) = ("3c:ec:ef:00:00:01", "3c:ec:ef:00:00:02");
    facts.identity.nics = vec![nic(first), nic(second)];
    let link = |name: &str, id: &str, net: Option<&str>| Link {
        name: name.into(),
        nic: Some(id.into()),
        kind: "physical".into(),
        mac: mac(id),
        mtu: Some(1500),
        up: net.is_some(),
        carrier: net.map(|_| true),
        speed: None,
        master: None,
        members: Vec::new(),
        on: None,
        vlan: None,
        addresses: net
            .map(|net| Address { net: net.parse().unwrap(), scope: "global".into(), dynamic: true })
            .into_iter()
            .collect(),
    };
    // The usual internal network is a part of this one.
    facts.observed.links = vec![link("eno1", first, Some("192.168.16.77/20")), link("eno2", second, None)];
    facts.observed.routes = Some(vec![Route {
        to: "0.0.0.0/0".parse().unwrap(),
        via: Some("192.168.16.1".parse().unwrap()),
        link: Some("eno1".into()),
        metric: None,
        protocol: Some("dhcp".into()),
        source: None,
    }]);
    facts.observed.host.name = Some("Cloud1.example.org".into());
    facts.observed.os.name = Some("Debian GNU/Linux 12 (bookworm)".into());
    (facts.observed.os.id, facts.observed.os.version) = (Some("debian".into()), Some("12".into()));
    facts.observed.privilege.uid = Some(0);
    facts
}

fn found() -> Vec<FoundKey> {
    vec![FoundKey { key: KEY.parse().unwrap(), from: "agent".into() }]
}

fn run(
    answers: &[(&'static str, &'static str)],
    looks: Vec<Facts>,
    target: &Target,
) -> (Result<Option<String>, Failure>, String) {
    let (mut script, mut eyes) = (Script::new(answers), Shown(looks.into()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = runtime.block_on(ask(&mut script, &mut eyes, Draft::default(), &found(), target));
    assert!(script.answers.is_empty(), "never asked: {:?}\n{}", script.answers, script.transcript);
    for line in script.transcript.lines().filter(|line| line.contains(' ') && !line.contains(&KEY[..30])) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    (end, script.transcript)
}

fn target() -> Target {
    Target { path: "box.yaml".into(), there: None, proxy: None }
}

fn read(text: &str) -> BoxFile {
    let mut layers = crate::boxfile::layers::Layers::new();
    layers.document(crate::boxfile::place::Layer::File, "box.yaml", text.as_bytes());
    layers.wanted().unwrap_or_else(|f| panic!("{}", f.text(crate::boxfile::fault::Colour::Plain))).boxfile
}

#[test]
fn enter_is_enough_but_for_the_login() {
    let (end, transcript) = run(&[("Login", "root@192.168.16.77")], vec![server()], &target());
    let text = end.unwrap().unwrap();
    let boxfile = read(&text);
    assert_eq!(boxfile.fqdn(), "cloud1.example.org");
    assert_eq!(boxfile.access.target.to_string(), "root@192.168.16.77");
    assert_eq!(boxfile.access.ssh_keys[0].to_string(), KEY);
    assert_eq!(boxfile.access.host_key.unwrap().fingerprint(), FINGERPRINT, "what was accepted is pinned");
    assert_eq!(
        boxfile.network.internal.unwrap().to_string(),
        "192.168.144.0/24",
        "the first that overlaps nothing"
    );
    assert_eq!(boxfile.network.management, None);
    assert!(boxfile.nics.is_empty());
    assert!(boxfile.access.sudo_password.is_none());
    for reason in [
        "It calls itself so already.",
        "The usual one overlaps a network that the box sees; this one does not.",
        "192.168.16.77/20, leased by DHCP",
        "takes no disk: nothing is wiped",
        "the default route goes over it",
        "0.debian.pool.ntp.org",
    ] {
        let flat = transcript.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(reason), "{reason}\n{transcript}");
    }
}

#[test]
fn a_cloud_may_keep_its_volumes_on_a_disk_of_its_own() {
    let machine = || vec![crate::facts::machines::facts("storage-4kn")];
    let login = ("Login", "root@198.51.100.35");

    let (end, transcript) = run(&[("Profile", "core:"), login], machine(), &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert_eq!((boxfile.profile, boxfile.storage.backend), (ProfileName::Core, Some(Backend::Nfs)));
    assert!(boxfile.disks.is_empty() && transcript.contains("takes no disk"), "{transcript}");

    // One disk is wanted, and all four are taken first.
    let answers = [
        ("Profile", "core:"),
        login,
        ("Volumes", "lvm:"),
        ("Disks for `volumes`", "7JG0000"),
        ("Disks for `volumes`", "7JG00002"),
    ];
    let (end, transcript) = run(&answers, machine(), &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert!(transcript.contains("Choose one disk, not 4."), "{transcript}");
    assert!(!transcript.contains("SMC0515D00000005: "), "the disk with the system is not offered");
    let (role, disk) = boxfile.disks.first_key_value().unwrap();
    assert_eq!((role.as_str(), disk.select.serial.as_ref().unwrap().as_str()), ("volumes", "7JG00002"));
    assert!(disk.wipe.is_empty(), "a choice is no consent");

    // Where there is no choice of a place nothing is asked; several disks are found again by one selector.
    let answers = [("Profile", "sandbox:"), login, ("Disks for `osd`", "7JG0000")];
    let (end, _) = run(&answers, machine(), &target());
    let boxfile = read(&end.unwrap().unwrap());
    let disk = boxfile.disks.values().next().unwrap();
    let facts = machine().remove(0);
    let found = match_disks(&disk.select, &facts).into_iter().filter(|verdict| verdict.matches).count();
    assert_eq!((found, boxfile.storage.backend), (4, None));
}

#[test]
fn a_profile_that_takes_other_disks_forgets_those_that_were_chosen() {
    let answers = [
        ("Profile", "core:"),
        ("Login", "root@198.51.100.35"),
        ("Volumes", "lvm:"),
        ("Disks for `volumes`", "7JG00002"),
        ("Network card", "<"),
        ("Disks for `volumes`", "<"),
        ("Volumes", "<"),
        ("Keys", "<"),
        ("Domain", "<"),
        ("Name", "<"),
        ("Login", "<"),
        ("The box is", "<"),
        ("Profile", "base:"),
        ("Login", "root@198.51.100.35"),
    ];
    let machine = || crate::facts::machines::facts("storage-4kn");
    let (end, _) = run(&answers, vec![machine(), machine()], &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert_eq!((boxfile.profile, boxfile.storage.backend), (ProfileName::Base, None));
    assert!(boxfile.disks.is_empty());
}

#[test]
fn a_wrong_answer_is_said_and_asked_again() {
    let answers = [
        ("Login", "root@@"),
        ("Login", "root@192.0.2.1:99999"),
        ("Login", "root@192.0.2.1"),
        ("Name", "localhost"),
        ("Name", "box_1"),
        ("Name", "box1"),
        ("Internal network", "192.168.17.0/24"),
        ("Internal network", "192.168.200.7/24"),
        ("Internal network", "10.1.0.0/24"),
        ("Time servers", "9.9.9"),
        ("Time servers", "ntp.example.org, 192.168.16.53"),
        ("Proxy", "http://me:secret@proxy:3128"),
        ("Proxy", "http://proxy:3128"),
    ];
    let (end, transcript) = run(&answers, vec![server()], &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert_eq!(transcript.matches("That does not do").count(), 8, "{transcript}");
    assert_eq!(boxfile.name.as_str(), "box1");
    assert_eq!(boxfile.network.ntp[0].as_str(), "ntp.example.org");
    assert_eq!(boxfile.network.proxy.unwrap().https.unwrap().as_str(), "http://proxy:3128");
}

#[test]
fn back_leads_to_the_question_that_was_put_before() {
    let answers = [
        ("Profile", "<"),
        ("The box is", "another"),
        ("Login", "root@192.0.2.1"),
        ("Name", "one"),
        ("Domain", "<"),
        ("Name", "two"),
        ("Network card", "eno1, as"),
        ("Internal network", "<"),
        // The address is told, not asked: the question before is that for the card.
        ("Network card", "eno2"),
        ("And now", "<"),
        ("Proxy", "http://proxy:3128"),
    ];
    let (end, transcript) = run(&answers, vec![server()], &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert!(transcript.contains("There is no question before this one."));
    assert_eq!(boxfile.name.as_str(), "two");
    assert!(boxfile.network.proxy.is_some());
    let role = boxfile.nics.values().next().unwrap();
    assert_eq!(role.select.mac.unwrap().to_string(), "3c:ec:ef:00:00:02");
}

#[test]
fn a_box_that_does_not_answer_is_no_end() {
    let answers = [("Login", "ada@192.0.2.1"), ("And now", "try again"), ("And now", "go on; `deploy` asks")];
    let (end, transcript) = run(&answers, vec![], &target());
    let boxfile = read(&end.unwrap().unwrap());
    assert!(transcript.contains("nobody answers") && transcript.contains("plug it in"));
    assert!(boxfile.access.password.is_some() && boxfile.access.sudo_password.is_some());
    assert_eq!(boxfile.network.internal.unwrap().to_string(), "192.168.16.0/24");
}

#[test]
fn this_machine_is_looked_at_as_well() {
    let (end, _) = run(&[("The box is", "this machine")], vec![server()], &target());
    assert_eq!(read(&end.unwrap().unwrap()).access.target, access::Target::Local);
}

#[test]
fn what_stands_there_is_not_replaced_by_pressing_enter() {
    let there = Target { there: Some("name: old\n".into()), ..target() };
    let login = ("Login", "root@192.168.16.77");
    let (end, transcript) = run(&[login], vec![server()], &there);
    assert_eq!(end.unwrap(), None);
    assert!(transcript.contains("-name: old") && transcript.contains("+name: cloud1"), "{transcript}");
    let (end, _) = run(&[login, ("And now", "replace")], vec![server()], &there);
    assert!(end.unwrap().is_some());
}

#[test]
fn every_draft_reads_back() {
    let text = |text: &str| Some(text.to_owned());
    let draft = Draft {
        target: text("yes"),
        login_password: true,
        sudo_password: Some(true),
        name: text("on"),
        domain: text("no"),
        ssh_keys: vec![KEY.to_owned()],
        card: text("3c:ec:ef:00:00:02"),
        internal: text("10.1.0.0/24"),
        containers: text("10.2.0.0/16"),
        ntp: vec!["1e3".into()],
        proxy: text("http://proxy:3128"),
        ..Draft::default()
    };
    let text = draft.text().unwrap();
    let boxfile = read(&text);
    assert_eq!((boxfile.name.as_str(), boxfile.domain.as_str()), ("on", "no"));
    assert_eq!(boxfile.network.ntp[0].as_str(), "1e3");
    assert!(judge::whole(&draft).unwrap().is_none());
    assert_eq!(
        text.lines().next(),
        Some("# Written by `ciab init`. `ciab explain` shows every value with its origin,")
    );
    assert!(text.contains("\n\naccess:\n  target: "), "{text}");
}
