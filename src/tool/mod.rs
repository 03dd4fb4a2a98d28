//! Where a tool is: programs are started by their whole path.
//!
//! std starts a program that has a whole path with posix_spawn(3). One that it has to look for in a `PATH` of our
//! choice it starts with fork(2), and then the kernel copies the page tables of this process each time.

pub(crate) mod call;
pub(crate) mod debian;
pub(crate) mod guard;

use std::{borrow::Cow, path::Path};

/// Tools live in the sbin folders too, which an ordinary user's `PATH` leaves out.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The path of a program; one that is nowhere stays as it is, and whoever starts it hears that it is not found.
pub fn whole(program: &str) -> Cow<'_, Path> {
    if program.contains('/') {
        return Path::new(program).into();
    }
    let mut places = PATH.split(':').map(|folder| Path::new(folder).join(program));
    places.find(|place| is_program(place)).map_or(Path::new(program).into(), Cow::Owned)
}

/// Whether it is a file that somebody may execute, as execvp(3) looks for one.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_what_is_none_keeps_its_name() {
        assert!(whole("sh").is_absolute() && is_program(&whole("sh")));
        assert_eq!(whole("/bin/sh"), Path::new("/bin/sh"));
        assert_eq!(whole("no-such-program"), Path::new("no-such-program"));
        // A folder of one of those on the way is no program.
        assert_eq!(whole(".."), Path::new(".."));
    }
}
