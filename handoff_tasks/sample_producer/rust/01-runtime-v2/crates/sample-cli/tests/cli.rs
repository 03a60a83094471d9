//! The command line, run as a program.

use std::process::{Command, Output};

fn sample(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sample"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn recall_prints_one_object_a_line() {
    let output = sample(&["recall", "guest"]);
    assert!(output.status.success());
    let expected = "{\"id\":2,\"summary\":\"Guests use the guest network\"}\n";
    assert_eq!(output.stdout, expected.as_bytes());
}

#[test]
fn ten_error_codes_are_printed() {
    let output = sample(&["error-codes"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 10);
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    assert_eq!(sample(&["forget"]).status.code(), Some(2));
}
