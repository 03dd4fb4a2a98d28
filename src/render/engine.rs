//! The template engine, set so that what a template gets wrong is an error and never a guess.
//!
//! Our files hold Ansible's and Go's `{{ }}`, so the delimiters are `<< >>`, `<% %>` and `<# #>`. A value that is
//! filled in is one line: a line break in it would be a setting that nobody wrote.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
    syntax::SyntaxConfig, value::ValueKind,
};

use super::{fault, filters};
use crate::{embedded, failure::Failure};

/// The engine, without templates.
pub(super) fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_syntax(syntax());
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // With it, values stand in errors: secrets too.
    engine.set_debug(false);
    engine.set_auto_escape_callback(escape);
    engine.set_formatter(format);
    filters::add(&mut engine);
    engine
}

fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .variable_delimiters("<<", ">>")
        .block_delimiters("<%", "%>")
        .comment_delimiters("<#", "#>")
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_else(|why| unreachable!("{why}"))
}

/// The text of a template.
pub(super) fn source(name: &str) -> Result<&'static str, Failure> {
    let path = format!("templates/{name}");
    embedded::find(&path).ok_or_else(|| fault(format!("{path} does not exist")))
}

/// JSON is YAML too: a value becomes a quoted scalar, a list or a map in flow style.
fn escape(name: &str) -> AutoEscape {
    let target = name.strip_suffix(".j2").unwrap_or(name);
    match target.rsplit('.').next() {
        Some("json" | "yaml" | "yml") => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

/// Writes a value. Outside of JSON only numbers and single lines have a spelling that every format reads the same.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidOperation, why.to_owned()));
    if *state.auto_escape() != AutoEscape::None || value.is_safe() || value.is_undefined() {
        return escape_formatter(out, state, value);
    }
    match value.kind() {
        ValueKind::Number => escape_formatter(out, state, value),
        ValueKind::String => match value.as_str() {
            Some(text) if text.chars().any(|c| c.is_control() && c != '\t') => {
                refuse("a value holds a line break or another control character")
            }
            Some("") => refuse("a value is empty"),
            _ => escape_formatter(out, state, value),
        },
        kind => refuse(&format!("a value is of kind {kind}, and only text and numbers are filled in")),
    }
}

/// What is wrong with a template, by its name and line.
pub(super) fn explain(name: &str, error: &Error) -> Failure {
    let line = error.line().map_or_else(String::new, |line| format!(":{line}"));
    let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    fault(format!("templates/{name}{line}: {}{detail}", error.kind()))
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn fill(name: &str, text: &str, value: impl Into<Value>) -> Result<String, Error> {
        engine().render_named_str(name, text, context! { v => value.into() })
    }

    #[test]
    fn a_missing_name_is_an_error_with_its_place() {
        let error = engine().render_named_str("etc/x.conf.j2", "a\nb << nothing >>\n", ()).unwrap_err();
        let said = explain("etc/x.conf.j2", &error).message;
        assert!(said.starts_with("templates/etc/x.conf.j2:2: undefined value"), "{said}");
    }

    #[test]
    fn other_peoples_braces_pass() {
        assert_eq!(fill("x", "{{ a }} {% b %} << v >>\n", 1).unwrap(), "{{ a }} {% b %} 1\n");
    }

    #[test]
    fn a_value_is_one_line_of_text_or_a_number() {
        for hostile in ["a\nPermitRootLogin yes", "a\r", "\u{0}", "\u{1b}[2J", "a\u{85}b", ""] {
            assert!(fill("x.conf.j2", "v = << v >>", hostile).is_err(), "{hostile:?}");
        }
        for odd in [Value::from(true), Value::from(()), Value::from(vec![1])] {
            assert!(fill("x.conf.j2", "v = << v >>", odd).is_err());
        }
        assert_eq!(fill("x.conf.j2", "v = << v >>", "a b").unwrap(), "v = a b");
    }

    #[test]
    fn json_and_yaml_quote_by_themselves() {
        for name in ["x.json.j2", "x.yml.j2", "x.yaml.j2"] {
            assert_eq!(fill(name, "v: << v >>", "no\n\"x").unwrap(), r#"v: "no\n\"x""#);
            assert_eq!(fill(name, "v: << v >>", true).unwrap(), "v: true");
        }
    }

    #[test]
    fn an_error_never_tells_the_value() {
        let error = fill("x.conf.j2", "<< v >>", "canary\n").unwrap_err();
        assert!(!explain("x", &error).message.contains("canary"));
        assert!(!format!("{error:?} {error:#}").contains("canary"));
    }
}
