//! `sample-service METHOD PATH [BODY]`: prints the body of the answer, and fails when the status is no success.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.len() < 2 || arguments.len() > 3 {
        eprintln!("usage: sample-service METHOD PATH [BODY]");
        return ExitCode::from(2);
    }
    let body = arguments.get(2).map_or("", String::as_str);
    let response = sample_service::respond(&arguments[0], &arguments[1], body);
    println!("{}", response.body);
    if response.status == 200 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
