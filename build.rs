//! Embeds `templates/` into the binary, so that the one file is the whole installer.

fn main() {
    minijinja_embed::embed_templates!("templates");
}
