//! `center-cli plan FILE`: prints one step for each record in the file, one record a line.

use std::process::ExitCode;

fn plan(records: &str) -> String {
    let mut steps = String::new();
    let filled = records.lines().filter(|line| !line.trim().is_empty());
    for (number, line) in filled.enumerate() {
        steps.push_str(&(number + 1).to_string());
        steps.push_str(": consider ");
        steps.push_str(line);
        steps.push('\n');
    }
    steps
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.len() != 2 || arguments[0] != "plan" {
        eprintln!("usage: center-cli plan FILE");
        return ExitCode::from(2);
    }
    match std::fs::read_to_string(&arguments[1]) {
        Ok(records) => {
            print!("{}", plan(&records));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {}", arguments[1], error);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plan;

    #[test]
    fn steps_are_numbered() {
        assert_eq!(plan("a\n\nb\n"), "1: consider a\n2: consider b\n");
        assert_eq!(plan(""), "");
    }
}
