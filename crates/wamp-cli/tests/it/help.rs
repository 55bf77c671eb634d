//! What the program says of itself.

use std::process::Command;

#[test]
fn help_and_version_go_to_stdout() {
    for option in ["--help", "--version"] {
        let output = Command::new(env!("CARGO_BIN_EXE_wamp"))
            .arg(option)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        assert!(!output.stdout.is_empty());
    }
}
