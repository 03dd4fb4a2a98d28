//! `ciab init` on a pseudo-terminal, as a person meets it. `script` (util-linux, essential on Debian) makes the terminal.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

// Made for these tests; the private half was never kept.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXX9PFuZ8K1PqYwEhBVGHd5BFlMSkqKMZqUu3yzvZ8B me@example.org";

/// A program that hangs fails its test after this, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);

const ENTER: &str = "\r";
const DOWN: &str = "\x1b[B";
const ESCAPE: &str = "\x1b";
const CTRL_C: &str = "\x03";

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// What was written to the terminal, and whether more can come.
type Screen = Arc<(Mutex<(String, bool)>, Condvar)>;

/// `ciab init` on a terminal of 80x24, and the one who types.
struct Session {
    child: Child,
    keyboard: ChildStdin,
    screen: Screen,
    /// Up to here the screen has been read.
    read: usize,
    home: TempDir,
}

impl Session {
    fn begin(term: &str, flags: &str) -> Self {
        Self::at(home(), term, flags)
    }

    fn at(home: TempDir, term: &str, flags: &str) -> Self {
        let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wizard/recording.json");
        let ciab = env!("CARGO_BIN_EXE_ciab");
        // After the program the terminal is asked whether it is as it was; the shell shall live to do so.
        let command = format!(
            "trap : INT; stty rows 24 cols 80; '{ciab}' init --replay '{}' {flags}; code=$?; \
             stty -a | grep -qw icanon && stty -a | grep -qw echo && echo SANE; exit $code",
            recording.display()
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("NO_COLOR", "1")
            .env("SHELL", "/bin/sh")
            .env("TERM", term)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let screen = Screen::default();
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let seen = Arc::clone(&screen);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                let length = output.read(&mut piece).unwrap_or(0);
                let mut state = seen.0.lock().unwrap();
                state.0.push_str(&String::from_utf8_lossy(&piece[..length]));
                state.1 = length == 0;
                seen.1.notify_all();
                if length == 0 {
                    break;
                }
            }
        });
        Self { child, keyboard, screen, read: 0, home }
    }

    /// Waits until the screen shows this, behind what was read before.
    fn shows(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        let (mutex, change) = &*self.screen;
        let mut state = mutex.lock().unwrap();
        loop {
            if let Some(at) = state.0[self.read..].find(text) {
                self.read += at + text.len();
                break;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!state.1 && !left.is_zero(), "`{text}` was not shown; the screen:\n{}", state.0);
            state = change.wait_timeout(state, left).unwrap().0;
        }
        drop(state);
        self
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    /// Answers a question.
    fn answers(&mut self, question: &str, keys: &str) -> &mut Self {
        self.shows(question).types(keys)
    }

    /// The exit code, and all that was shown.
    fn ends(mut self) -> (Option<i32>, String, TempDir) {
        let code = self.child.wait().unwrap().code();
        let (mutex, change) = &*self.screen;
        let mut state = mutex.lock().unwrap();
        while !state.1 {
            state = change.wait(state).unwrap();
        }
        (code, state.0.clone(), self.home)
    }
}

/// Whether a sequence of the screen sets a colour: it begins with an escape and ends in `m`.
fn is_coloured(screen: &str) -> bool {
    let end = |rest: &str| rest.chars().find(|c| !c.is_ascii_digit() && *c != ';');
    screen.split("\x1b[").skip(1).any(|rest| end(rest) == Some('m'))
}

/// A home with one public key.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".ssh")).unwrap();
    fs::write(home.path().join(".ssh/id_ed25519.pub"), format!("{KEY}\n")).unwrap();
    home
}

fn file(home: &TempDir) -> PathBuf {
    home.path().join("box.yaml")
}

fn is_valid(file: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_ciab")).arg("validate").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Answers from the names on with what is offered, up to the last question.
fn takes_the_rest(session: &mut Session) -> &mut Session {
    for question in ["Domain [", "Keys", "Internal network [", "Time servers [", "Proxy ["] {
        session.answers(question, ENTER);
    }
    session.shows("The box file:")
}

#[test]
fn a_newcomer_presses_enter_and_has_a_box_file() {
    let mut session = Session::begin("xterm", "");
    session.answers("Profile:", ENTER);
    session.answers("The box is:", ENTER).answers("Login: ", "root@192.0.2.10\r");
    session.shows("Debian GNU/Linux 12").answers("Name [cloud1]: ", ENTER);
    takes_the_rest(&mut session).answers("> write ./box.yaml", ENTER);
    session.shows("is written").shows("ciab deploy").shows("SANE");
    let (code, screen, home) = session.ends();
    assert_eq!(code, Some(0), "{screen}");
    is_valid(&file(&home));
    let text = fs::read_to_string(file(&home)).unwrap();
    assert!(text.contains("target: root@192.0.2.10") && text.contains("domain: example.org"), "{text}");
    assert!(!is_coloured(&screen), "no colour was wanted:\n{screen}");
}

#[test]
fn a_wrong_answer_is_asked_again_and_back_goes_back() {
    let mut session = Session::begin("xterm", "--box-target root@192.0.2.10 -o other.yaml");
    // Back from the first question leads nowhere; back from a list is its last item, or Escape.
    session.answers("Profile:", ESCAPE).shows("no question before").answers("Profile:", ENTER);
    session.answers("The box is:", &format!("{DOWN}{DOWN}{ENTER}")).answers("Profile:", ENTER);
    session.answers("The box is:", ENTER).answers("Login [root@192.0.2.10]: ", ENTER);
    session
        .answers("Name [cloud1]: ", "Box 1\r")
        .shows("That does not do")
        .answers("Name [cloud1]: ", "box1\r");
    session.answers("Domain [example.org]: ", "<\r").answers("Name [box1]: ", "box2\r");
    session.answers("Domain [", ENTER).answers("Keys", ESCAPE);
    session.answers("Domain [", ENTER).answers("Keys", ENTER);
    session.answers("Internal network [", "192.0.2.0/28\r").shows("That does not do");
    session.answers("Internal network [", ENTER);
    session.answers("Time servers [", ENTER).answers("Proxy [", ENTER).answers("> write other.yaml", ENTER);
    let (code, screen, home) = session.ends();
    assert_eq!(code, Some(0), "{screen}");
    let file = home.path().join("other.yaml");
    is_valid(&file);
    assert!(fs::read_to_string(&file).unwrap().contains("name: box2\n"));
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let mut session = Session::begin("dumb", "");
    session
        .answers("Profile [1]: ", ENTER)
        .answers("The box is [1]: ", "7\r")
        .shows("write a number from 1 to 2")
        .answers("The box is [1]: ", ENTER);
    session.answers("Login: ", "root@192.0.2.10\r").answers("Name [cloud1]: ", "<\r");
    session.answers("Login [root@192.0.2.10]: ", ENTER).answers("Name [cloud1]: ", ENTER);
    session.answers("Domain [", ENTER).answers("Keys, numbers [1]: ", ENTER);
    for question in ["Internal network [", "Time servers [", "Proxy ["] {
        session.answers(question, ENTER);
    }
    session.shows("1) write ./box.yaml").answers("And now [1]: ", ENTER);
    let (code, screen, home) = session.ends();
    assert_eq!(code, Some(0), "{screen}");
    is_valid(&file(&home));
    assert!(!screen.contains('\x1b'), "a dumb terminal knows no sequences:\n{screen}");
}

#[test]
fn ctrl_c_leaves_a_sane_terminal_and_no_file() {
    for (term, until) in [
        // Before the first question is put, and while it is.
        ("xterm", &["This asks for what"][..]),
        ("xterm", &["Profile:"]),
        ("xterm", &["Profile:", "The box is:", "Login: "]),
        ("dumb", &["Profile [1]: ", "The box is [1]: ", "Login: "]),
    ] {
        let mut session = Session::begin(term, "");
        let (last, before) = until.split_last().unwrap();
        for question in before {
            session.answers(question, ENTER);
        }
        session.answers(last, CTRL_C).shows("nothing was written").shows("SANE");
        let (code, screen, home) = session.ends();
        assert_eq!(code, Some(130), "{screen}");
        assert!(!file(&home).exists());
        assert!(screen.rfind(SHOW_CURSOR) >= screen.rfind(HIDE_CURSOR), "the cursor is hidden: {screen:?}");
    }
}

#[test]
fn a_file_that_is_there_is_kept_unless_the_last_answer_says_otherwise() {
    for (keys, code, replaced) in [(ENTER, 130, false), ("\x1b[A\r", 0, true)] {
        let home = home();
        fs::write(file(&home), "name: mine\n").unwrap();
        let mut session = Session::at(home, "xterm", "--box-target root@192.0.2.10");
        session.answers("Profile:", ENTER).answers("The box is:", ENTER);
        session.answers("Login [", ENTER).answers("Name [", ENTER);
        takes_the_rest(&mut session).shows("-name: mine").answers("> leave without writing", keys);
        let (ended, screen, home) = session.ends();
        assert_eq!(ended, Some(code), "{screen}");
        assert_eq!(fs::read_to_string(file(&home)).unwrap() != "name: mine\n", replaced);
    }
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let home = home();
    let output = Command::new(env!("CARGO_BIN_EXE_ciab"))
        .arg("init")
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no terminal") && said.contains("help:"), "{said}");
    assert!(output.stdout.is_empty() && !file(&home).exists());
}
