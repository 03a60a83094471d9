//! Records, recall and error codes.
//!
//! Everything here is deterministic: the same question gets the same answer, in the same order.

/// A machine-readable error code of the service contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidJson,
    ValidationError,
    ContextPackageNotFound,
    WriteConflict,
    WriteFailed,
    SchemaUnavailable,
    MigrationFailed,
    QueryFailed,
    ContextLookupFailed,
    InternalError,
}

impl ErrorCode {
    /// All codes, in the order in which the contract lists them.
    pub const ALL: [Self; 10] = [
        Self::InvalidJson,
        Self::ValidationError,
        Self::ContextPackageNotFound,
        Self::WriteConflict,
        Self::WriteFailed,
        Self::SchemaUnavailable,
        Self::MigrationFailed,
        Self::QueryFailed,
        Self::ContextLookupFailed,
        Self::InternalError,
    ];

    /// The code as consumers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::ValidationError => "validation_error",
            Self::ContextPackageNotFound => "context_package_not_found",
            Self::WriteConflict => "write_conflict",
            Self::WriteFailed => "write_failed",
            Self::SchemaUnavailable => "schema_unavailable",
            Self::MigrationFailed => "migration_failed",
            Self::QueryFailed => "query_failed",
            Self::ContextLookupFailed => "context_lookup_failed",
            Self::InternalError => "internal_error",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidJson | Self::ValidationError => 400,
            Self::ContextPackageNotFound => 404,
            Self::WriteConflict => 409,
            Self::SchemaUnavailable => 503,
            Self::WriteFailed
            | Self::MigrationFailed
            | Self::QueryFailed
            | Self::ContextLookupFailed
            | Self::InternalError => 500,
        }
    }
}

/// One remembered sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: u32,
    pub summary: &'static str,
}

/// The records that every copy of the sample starts with.
pub const RECORDS: [Record; 3] = [
    Record {
        id: 1,
        summary: "USB drives need an approval",
    },
    Record {
        id: 2,
        summary: "Guests use the guest network",
    },
    Record {
        id: 3,
        summary: "A USB approval lasts one day",
    },
];

/// Returns the records that contain every word of `text`, whatever its case, by ascending id.
pub fn recall(text: &str) -> Vec<Record> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut found = Vec::new();
    for record in RECORDS {
        let summary = record.summary.to_lowercase();
        if words.iter().all(|word| summary.contains(word.as_str())) {
            found.push(record);
        }
    }
    found
}

/// Returns `text` as a JSON string, quotes included.
pub fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other if other.is_control() => out.push('?'),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        for (position, code) in ErrorCode::ALL.iter().enumerate() {
            let first = ErrorCode::ALL
                .iter()
                .position(|other| other.as_str() == code.as_str());
            assert_eq!(first, Some(position));
        }
    }

    #[test]
    fn every_code_has_an_error_status() {
        assert!(ErrorCode::ALL.iter().all(|code| code.status() >= 400));
    }

    #[test]
    fn recall_wants_every_word() {
        let ids: Vec<u32> = recall("usb APPROVAL")
            .iter()
            .map(|found| found.id)
            .collect();
        assert_eq!(ids, [1, 3]);
        assert!(recall("usb guest").is_empty());
    }

    #[test]
    fn json_strings_are_escaped() {
        assert_eq!(json_string("a \"b\" \\ c\n"), r#""a \"b\" \\ c\n""#);
    }
}
