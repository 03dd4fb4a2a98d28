//! A D-Bus connection to systemd's manager: a call is written, and what comes is read up to its answer.
//!
//! The helper asks a few questions from threads that may wait, so zbus is here for the wire format only, and a
//! plain socket carries it. By the D-Bus Specification, "Message Protocol" and "Authentication Protocol".

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct};
use zbus::{
    OwnedObjectPath, OwnedVariant, Signature, Type, Variant,
    wire::{
        Endian, NATIVE_ENDIAN,
        serialized::{Context, Data},
        to_bytes,
    },
};

/// systemd's own socket, which systemctl(1) uses as root: it is there without a message bus, and until the very
/// end of a shutdown.
const PRIVATE: &str = "/run/systemd/private";

/// The system bus, for everybody else and for the moment in which systemd executes itself anew.
const SYSTEM: &str = "/run/dbus/system_bus_socket";

/// systemd's name on the system bus, and the path of its manager on both.
const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "/org/freedesktop/systemd1";

/// systemd under load may take so long to read all its units, and answers nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(90);

/// The largest message that is read: a unit's row has some 500 bytes, so this holds a hundred thousand.
const LARGEST: usize = 64 << 20;

/// A unit as `ListUnitsByPatterns` tells it: name, description, load state, active state, sub state, whom it
/// follows, path, queued job (0 for none), its kind, its path.
pub(super) type UnitRow =
    (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// The value of a unit's property.
#[derive(Debug)]
pub(super) struct Value<'a>(Variant<'a>);

impl<'a> Value<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self(Variant::from(text))
    }

    pub(super) fn number(number: u32) -> Self {
        Self(Variant::from(number))
    }

    pub(super) fn micros(time: Duration) -> Self {
        Self(Variant::from(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }

    /// A list of one command: program, argv, and that a bad end of it is not ignored.
    pub(super) fn command(argv: &[&'a str]) -> Self {
        let program = argv.first().copied().unwrap_or_default();
        Self(Variant::new(vec![(program, argv.to_vec(), false)]))
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Bus {
    stream: BufReader<UnixStream>,
    serial: u32,
    /// The manager's name where others are on the bus too.
    name: Option<&'static str>,
}

impl Bus {
    /// Connects as sd-bus(3) does for systemctl: root to systemd itself, else and if need be over the system bus.
    pub(super) fn open() -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Self::system(SYSTEM);
        }
        Self::private(PRIVATE).or_else(|first| {
            Self::system(SYSTEM).with_context(|| format!("reach systemd ({first:#}; then the system bus)"))
        })
    }

    pub(super) fn private(path: &str) -> Result<Self> {
        Self::connect(path, None)
    }

    pub(super) fn system(path: &str) -> Result<Self> {
        let mut bus = Self::connect(path, Some(SYSTEMD))?;
        let hello = Call {
            destination: Some("org.freedesktop.DBus"),
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member: "Hello",
        };
        let (_name,): (String,) = bus.ask(&hello, &()).context("enter the system bus")?;
        Ok(bus)
    }

    fn connect(path: &str, name: Option<&'static str>) -> Result<Self> {
        let stream = UnixStream::connect(path).with_context(|| format!("connect to {path}"))?;
        Self::authenticate(stream, name).with_context(|| format!("log in at {path}"))
    }

    /// Says who this is, which the kernel confirms to the other side.
    fn authenticate(stream: UnixStream, name: Option<&'static str>) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut stream = BufReader::new(stream);
        let user = nix::unistd::geteuid().to_string();
        let user: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        stream.get_mut().write_all(format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n").as_bytes())?;
        let mut line = String::new();
        // The line names the bus; one that does not end is no such line.
        stream.by_ref().take(512).read_line(&mut line)?;
        ensure!(line.starts_with("OK ") && line.ends_with("\r\n"), "refused: {}", line.trim_end());
        Ok(Self { stream, serial: 0, name })
    }

    /// A property of the manager that is a text.
    pub(super) fn property(&mut self, properties: &str, interface: &str, name: &str) -> Result<String> {
        let (value,): (OwnedVariant,) = self.call(properties, "Get", &(interface, name))?;
        String::try_from(value).with_context(|| format!("{name} is no text"))
    }

    /// Starts a transient unit; `fail`: a queued job of that name is not replaced.
    pub(super) fn start(&mut self, manager: &str, unit: &str, with: &[(&str, Value<'_>)]) -> Result<()> {
        let with: Vec<(&str, &Variant<'_>)> = with.iter().map(|(name, value)| (*name, &value.0)).collect();
        let others: &[(&str, Vec<(&str, Variant<'_>)>)] = &[];
        let (_job,): (OwnedObjectPath,) =
            self.call(manager, "StartTransientUnit", &(unit, "fail", with, others))?;
        Ok(())
    }

    /// Calls a method of the manager, and waits for what it returns.
    pub(super) fn call<B, R>(&mut self, interface: &str, member: &str, body: &B) -> Result<R>
    where
        B: Serialize + Type,
        R: DeserializeOwned + Type,
    {
        self.ask(&Call { destination: self.name, path: MANAGER, interface, member }, body)
    }

    fn ask<B, R>(&mut self, call: &Call<'_>, body: &B) -> Result<R>
    where
        B: Serialize + Type,
        R: DeserializeOwned + Type,
    {
        self.serial += 1;
        let message = call.message(self.serial, body).context("write the question down")?;
        self.stream.get_mut().write_all(&message).context("send the question")?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            let message = Message::read(&mut self.stream)?;
            if message.answers == Some(self.serial) {
                return message.returned();
            }
            // A signal: of no interest here.
        }
        bail!("no answer within {} s", PATIENCE.as_secs())
    }
}

/// Which method of which object.
struct Call<'a> {
    destination: Option<&'a str>,
    path: &'a str,
    interface: &'a str,
    member: &'a str,
}

/// Kinds of messages and codes of header fields, by the specification.
const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const VERSION: u8 = 1;
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// What every header begins with, up to and with the length of its fields.
const FIXED: usize = 16;

impl Call<'_> {
    fn message<B: Serialize + Type>(&self, serial: u32, body: &B) -> Result<Vec<u8>> {
        let context = Context::new(NATIVE_ENDIAN, 0);
        let signature = B::SIGNATURE.to_string_no_parens();
        let content = match signature.as_str() {
            "" => Vec::new(),
            _ => to_bytes(context, body)?.bytes().to_vec(),
        };
        let mut fields = vec![
            (PATH, Field::Value(Variant::from(zbus::ObjectPath::try_from(self.path)?))),
            (INTERFACE, Field::Value(Variant::from(self.interface))),
            (MEMBER, Field::Value(Variant::from(self.member))),
        ];
        fields.extend(self.destination.map(|name| (DESTINATION, Field::Value(Variant::from(name)))));
        if !signature.is_empty() {
            fields.push((SIGNATURE, Field::Signature(signature)));
        }
        let endian = match NATIVE_ENDIAN {
            Endian::Little => b'l',
            Endian::Big => b'B',
        };
        let length = u32::try_from(content.len())?;
        let head = to_bytes(context, &(endian, METHOD_CALL, 0_u8, VERSION, length, serial, fields))?;
        let mut message = head.bytes().to_vec();
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend(content);
        Ok(message)
    }
}

/// The value of a header's field.
enum Field<'a> {
    Value(Variant<'a>),
    /// Of the whole body, so without the brackets that a structure has.
    Signature(String),
}

impl Type for Field<'_> {
    const SIGNATURE: &'static Signature = &Signature::Variant;
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(to),
            Self::Signature(text) => {
                // As zbus writes its own variants.
                let mut variant = to.serialize_struct("Variant", 2)?;
                variant.serialize_field("signature", &Signature::Signature)?;
                variant.serialize_field("value", text)?;
                variant.end()
            }
        }
    }
}

/// A message that came.
struct Message {
    kind: u8,
    answers: Option<u32>,
    /// Of the body, without brackets.
    signature: String,
    body: Data<'static, 'static>,
}

type Head<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Variant<'a>)>);

impl Message {
    fn read(from: &mut impl Read) -> Result<Self> {
        let mut bytes = vec![0; FIXED];
        from.read_exact(&mut bytes).context("read systemd's answer")?;
        let endian = match bytes[0] {
            b'l' => Endian::Little,
            b'B' => Endian::Big,
            other => bail!("no D-Bus message begins with {other}"),
        };
        let number = |at: usize| {
            let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            let number = match endian {
                Endian::Little => u32::from_le_bytes(four),
                Endian::Big => u32::from_be_bytes(four),
            };
            usize::try_from(number)
        };
        let (body, fields) = (number(4)?, number(12)?);
        let head = FIXED.saturating_add(fields).saturating_add(7) / 8 * 8;
        let length = head.saturating_add(body);
        ensure!(length <= LARGEST, "a message of {length} bytes is too large");
        bytes.resize(length, 0);
        from.read_exact(&mut bytes[FIXED..]).context("read systemd's answer")?;
        Self::parse(bytes, endian, head)
    }

    /// `body` is where the body begins.
    fn parse(bytes: Vec<u8>, endian: Endian, body: usize) -> Result<Self> {
        let data = Data::new(bytes, Context::new(endian, 0));
        let ((_, kind, _, version, _, _, fields), _): (Head<'_>, usize) =
            data.deserialize().context("read the header of a D-Bus message")?;
        ensure!(version == VERSION, "D-Bus version {version} is not known here");
        let mut message = Self { kind, answers: None, signature: String::new(), body: data.slice(body..) };
        for (code, value) in fields {
            match (code, value) {
                (REPLY_SERIAL, Variant::U32(serial)) => message.answers = Some(serial),
                (SIGNATURE, Variant::Signature(signature)) => {
                    message.signature = signature.to_string_no_parens();
                }
                _ => {}
            }
        }
        Ok(message)
    }

    /// What the method returned, or what the error says for people.
    fn returned<R: DeserializeOwned + Type>(&self) -> Result<R> {
        match self.kind {
            METHOD_RETURN => self.body(),
            ERROR => {
                let (text,): (String,) = self.body().context("systemd refused, and did not say why")?;
                bail!("{text}")
            }
            other => bail!("a D-Bus message of kind {other} is no answer"),
        }
    }

    fn body<R: DeserializeOwned + Type>(&self) -> Result<R> {
        let wanted = R::SIGNATURE.to_string_no_parens();
        ensure!(self.signature == wanted, "the answer is `{}` and not `{wanted}`", self.signature);
        let (value, _) = self.body.deserialize().context("read the body of a D-Bus message")?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
