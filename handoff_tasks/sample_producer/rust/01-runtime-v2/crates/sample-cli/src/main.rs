//! `sample recall TEXT` prints the records that match, one JSON object a line; `sample error-codes` prints the codes.

use std::process::ExitCode;

use sample_core::{json_string, recall, ErrorCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["recall", text] => {
            for record in recall(text) {
                let summary = json_string(record.summary);
                println!("{{\"id\":{},\"summary\":{}}}", record.id, summary);
            }
            ExitCode::SUCCESS
        }
        ["error-codes"] => {
            for code in ErrorCode::ALL {
                println!("{}", code.as_str());
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: sample recall TEXT | sample error-codes");
            ExitCode::from(2)
        }
    }
}
