//! Says of each line whether it is the name of a flavor, as scs/names.py says it with the standard's own parser.

use std::io::{self, Write as _};

use ciab::scs::FlavorName;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lines() {
        let name = line?;
        // The older form is read too, but it names no flavor of the standard of today.
        let good = name.parse::<FlavorName>().is_ok_and(|read| read.to_string() == name);
        writeln!(out, "{} {name}", if good { "yes" } else { "no" })?;
    }
    Ok(())
}
