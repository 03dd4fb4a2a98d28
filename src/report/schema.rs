//! The published JSON Schema of the events.

use crate::event::{self, Event};

/// The schema as text; `docs/event.schema.json` is this.
pub fn event_schema() -> String {
    let mut schema = schemars::schema_for!(Event);
    schema.insert("title".into(), event::SCHEMA.into());
    format!("{:#}\n", schema.to_value())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    #[test]
    fn the_published_schema_is_the_one_of_the_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/event.schema.json");
        if env::var_os("BLESS").is_some() {
            fs::write(&file, event_schema()).unwrap();
        }
        let published = fs::read_to_string(&file).unwrap_or_default();
        assert!(published == event_schema(), "docs/event.schema.json is out of date: run `make bless`");
    }
}
