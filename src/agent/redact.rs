//! Takes secrets out of text before it leaves the box. The helper does it, since it knows them.

/// Values shorter than this are no secrets worth the name, and would black out ordinary words.
const SHORTEST: usize = 8;

/// What stands in place of a secret.
pub const BLACK: &str = "[redacted]";

/// The values to take out. A multi-line value (a PEM key) is taken out line by line too, as output is cut in lines.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    values: Vec<String>,
}

impl Redactor {
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<String> = values
            .into_iter()
            .flat_map(|value| std::iter::once(value).chain(value.lines()))
            .filter(|value| value.len() >= SHORTEST && !value.starts_with("-----"))
            .map(str::to_owned)
            .collect();
        // Longest first, so that no part of one is left over by another.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { values: all }
    }

    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), BLACK);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_goes_and_the_rest_stays() {
        let redactor =
            Redactor::new(["hunter2hunter2", "short", "-----BEGIN K-----\nAAAABBBBCCCC\n-----END K-----"]);
        assert_eq!(redactor.clean("a hunter2hunter2 b short"), "a [redacted] b short");
        assert_eq!(redactor.clean("x AAAABBBBCCCC y"), "x [redacted] y");
    }

    #[test]
    fn a_secret_within_a_secret_leaves_no_rest() {
        let redactor = Redactor::new(["password1", "password1-and-more"]);
        assert_eq!(redactor.clean("password1-and-more"), BLACK);
    }
}
