//! What the standards of the Sovereign Cloud Stack fix and a program can hold a cloud to.

pub mod definition;
pub mod flavor;
mod read;
#[cfg(test)]
mod tests;

pub use self::definition::Definition;
pub use self::flavor::FlavorName;
pub use self::read::NoName;
