//! Selectors as they are typed on a command line: `serial=S4*,size>=200GiB`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::boxfile::selector::{DiskMatch, NicMatch};

/// Reads the words of a filter into the selector that the same keys make in a box file.
pub fn parse_disk_filter<S: AsRef<str>>(words: &[S]) -> Result<DiskMatch, String> {
    parse(words, &["rotational"])
}

pub fn parse_nic_filter<S: AsRef<str>>(words: &[S]) -> Result<NicMatch, String> {
    parse(words, &["carrier"])
}

/// Commas part conditions, so a pattern that needs one writes `?` in its place.
fn parse<T: DeserializeOwned, S: AsRef<str>>(words: &[S], flags: &[&str]) -> Result<T, String> {
    let mut map = Map::new();
    for condition in words.iter().flat_map(|word| word.as_ref().split(',')) {
        let (property, wanted) = split(condition)?;
        let value = match (flags.contains(&property), wanted) {
            (true, "true") => Value::Bool(true),
            (true, "false") => Value::Bool(false),
            (true, other) => return Err(format!("{property}: `{other}` is neither `true` nor `false`")),
            (false, text) => Value::String(text.to_owned()),
        };
        if map.insert(property.to_owned(), value).is_some() {
            return Err(format!("{property}: given twice; write both ends of a size as 200GiB..2TB"));
        }
    }
    serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())
}

/// Parts `size>=200GiB` and `serial=S4*` into property and pattern.
fn split(condition: &str) -> Result<(&str, &str), String> {
    let condition = condition.trim();
    let wrong = || {
        format!("`{condition}` is no condition: write property=pattern, such as serial=S4* or size>=200GiB")
    };
    let at = condition.find(['=', '<', '>']).ok_or_else(wrong)?;
    let (property, rest) = (condition[..at].trim_end(), &condition[at..]);
    let pattern = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    if property.is_empty() || pattern.is_empty() { Err(wrong()) } else { Ok((property, pattern)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_what_a_box_file_says() {
        let filter = parse_disk_filter(&["serial=S4*,size>=200GiB", "rotational=false"]).unwrap();
        let yaml = "serial: S4*\nsize: '>=200GiB'\nrotational: false\n";
        assert_eq!(filter, crate::yaml::from_str(yaml).unwrap());
        assert_eq!(
            parse_disk_filter(&["size = 1GiB..2GiB"]).unwrap().size.unwrap().to_string(),
            "1GiB..2GiB"
        );
        let mac = parse_nic_filter(&["mac=52-54-00-12-34-56"]).unwrap().mac.unwrap();
        assert_eq!(mac.to_string(), "52:54:00:12:34:56");
    }

    #[test]
    fn mistakes_are_told() {
        for (words, message) in [
            (
                "serial",
                "`serial` is no condition: write property=pattern, such as serial=S4* or size>=200GiB",
            ),
            ("=x", "`=x` is no condition: write property=pattern, such as serial=S4* or size>=200GiB"),
            ("rotational=no", "rotational: `no` is neither `true` nor `false`"),
            ("size>1GiB,size<2GiB", "size: given twice; write both ends of a size as 200GiB..2TB"),
        ] {
            assert_eq!(parse_disk_filter(&[words]), Err(message.to_owned()));
        }
        assert!(parse_disk_filter(&["serail=x"]).unwrap_err().starts_with("unknown field `serail`"));
        assert!(parse_disk_filter(&["size=large"]).unwrap_err().contains("`large`"));
    }

    proptest::proptest! {
        #[test]
        fn any_words_are_read(words: Vec<String>, odd in "[a-z-]{0,8}[=<>]{0,3}.{0,8}") {
            let _ = (parse_disk_filter(&words), parse_nic_filter(&[odd]));
        }
    }
}
