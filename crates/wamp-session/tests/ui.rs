//! What the compiler says of handlers that are none.

use std::process::Command;

/// The texts are those of the compiler that the project is built with; another one's differ.
#[test]
fn a_wrong_handler_is_explained() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    let wanted = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"));
    if !version.starts_with(wanted) {
        eprintln!("not compared: this is {version}, and the texts are those of {wanted}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
