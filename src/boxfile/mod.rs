//! boxfile
