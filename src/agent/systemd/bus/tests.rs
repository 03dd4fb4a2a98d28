//! The client against a scripted other side, over a pair of sockets, and its parser against anything.

use std::{io, thread};

use proptest::prelude::*;

use super::*;

const SIGNAL: u8 = 4;

/// A message as the other side writes it.
fn message<B: Serialize + Type>(kind: u8, answers: u32, body: &B) -> Vec<u8> {
    let context = Context::new(NATIVE_ENDIAN, 0);
    let content = to_bytes(context, body).unwrap();
    let fields = vec![
        (REPLY_SERIAL, Field::Value(Variant::from(answers))),
        (SIGNATURE, Field::Signature(B::SIGNATURE.to_string_no_parens())),
    ];
    let length = u32::try_from(content.len()).unwrap();
    let head = to_bytes(context, &(b'l', kind, 0_u8, VERSION, length, 1_u32, fields)).unwrap();
    let mut message = head.bytes().to_vec();
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend_from_slice(content.bytes());
    message
}

/// Calls `StartTransientUnit` on somebody who logs anybody in and then says `answer`; also what was asked.
fn asked(answer: Vec<u8>) -> (Result<()>, Message) {
    let (near, far) = UnixStream::pair().unwrap();
    let other = thread::spawn(move || {
        let mut far = BufReader::new(far);
        let (mut login, mut begin) = (String::new(), String::new());
        far.read_line(&mut login).unwrap();
        far.read_line(&mut begin).unwrap();
        assert!(login.starts_with("\0AUTH EXTERNAL 3") && begin == "BEGIN\r\n", "{login:?} {begin:?}");
        far.get_mut().write_all(b"OK 0123456789abcdef0123456789abcdef\r\n").unwrap();
        let call = Message::read(&mut far).unwrap();
        far.get_mut().write_all(&answer).unwrap();
        call
    });
    let mut bus = Bus::authenticate(near, Some(SYSTEMD)).unwrap();
    let properties = [
        ("Description", Value::text("a text")),
        ("UMask", Value::number(0o077)),
        ("RuntimeMaxUSec", Value::micros(Duration::from_secs(5))),
        ("ExecStart", Value::command(&["/bin/helper", "agent", "a word"])),
    ];
    let result = bus.start("x.Manager", "ciab-a-1.service", &properties);
    (result, other.join().unwrap())
}

fn job() -> (OwnedObjectPath,) {
    (OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/1").unwrap(),)
}

#[test]
fn a_call_arrives_as_the_manager_reads_it_and_signals_in_between_are_skipped() {
    let answer =
        [message(SIGNAL, 0, &job()), message(METHOD_RETURN, 7, &job()), message(METHOD_RETURN, 1, &job())];
    let (result, call) = asked(answer.concat());
    result.unwrap();
    assert_eq!((call.kind, call.signature.as_str()), (METHOD_CALL, "ssa(sv)a(sa(sv))"));
    type Body = (String, String, Vec<(String, OwnedVariant)>, Vec<(String, Vec<(String, OwnedVariant)>)>);
    let (name, mode, properties, others): Body = call.body().unwrap();
    assert_eq!((name.as_str(), mode.as_str(), others.len()), ("ciab-a-1.service", "fail", 0));
    let properties: Vec<String> = properties
        .iter()
        .map(|(name, value)| format!("{name}: {}", Variant::from(value.try_clone().unwrap())))
        .collect();
    insta::assert_snapshot!(properties.join("\n"), @r#"
    Description: "a text"
    UMask: uint32 63
    RuntimeMaxUSec: uint64 5000000
    ExecStart: [("/bin/helper", ["/bin/helper", "agent", "a word"], false)]
    "#);
}

#[test]
fn what_the_manager_refuses_is_told_in_its_words() {
    let (result, _) = asked(message(ERROR, 1, &("Unit x was already loaded.",)));
    assert_eq!(result.unwrap_err().to_string(), "Unit x was already loaded.");
}

#[test]
fn another_answer_and_a_cut_one_are_errors() {
    let (result, _) = asked(message(METHOD_RETURN, 1, &("a text",)));
    assert_eq!(result.unwrap_err().to_string(), "the answer is `s` and not `o`");
    let mut cut = message(METHOD_RETURN, 1, &job());
    cut.truncate(cut.len() - 1);
    assert_eq!(asked(cut).0.unwrap_err().to_string(), "read systemd's answer");
    let (result, _) = asked(Vec::new());
    let error = result.unwrap_err();
    assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn who_is_not_let_in_is_told() {
    let (near, mut far) = UnixStream::pair().unwrap();
    far.write_all(b"REJECTED EXTERNAL\r\n").unwrap();
    let error = Bus::authenticate(near, None).unwrap_err();
    assert_eq!(error.to_string(), "refused: REJECTED EXTERNAL");
}

#[test]
fn where_no_systemd_is_the_error_names_the_place() {
    let error = Bus::private("/no/such/socket").unwrap_err();
    assert_eq!(format!("{error:#}"), "connect to /no/such/socket: No such file or directory (os error 2)");
}

#[test]
fn a_length_that_cannot_be_is_refused_before_it_is_allocated() {
    let mut bytes = message(METHOD_RETURN, 1, &job());
    bytes[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    let error = Message::read(&mut bytes.as_slice()).err().unwrap();
    assert!(error.to_string().ends_with("is too large"), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(head in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..200, byte: u8) {
        let _ = Message::read(&mut head.as_slice()).and_then(|message| message.returned::<(Vec<UnitRow>,)>());
        // One byte of a good message is another one.
        let mut bytes = message(METHOD_RETURN, 1, &("a text", 1_u32, Variant::from("x")));
        if let Some(place) = bytes.get_mut(at).filter(|_| !(4..8).contains(&at) && !(12..16).contains(&at)) {
            *place = byte;
        }
        let _ = Message::read(&mut bytes.as_slice())
            .and_then(|message| message.returned::<(String, u32, OwnedVariant)>());
    }
}
