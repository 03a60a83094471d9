//! The service contract: what a request is answered with.
//!
//! There is no network here. A request is a method, a path and a body; the answer is a status and a JSON body.

use sample_core::{json_string, recall, ErrorCode};

/// The version of the service contract that this runtime speaks.
pub const SERVICE_CONTRACT_VERSION: &str = "service.v2";

/// The version of the API that successful answers carry.
pub const API_CONTRACT_VERSION: &str = "api.v1";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

/// Answers one request.
pub fn respond(method: &str, path: &str, body: &str) -> Response {
    match (method, path) {
        ("GET", "/v1/health") => success("{\"status\":\"ok\"}"),
        ("POST", "/v1/query/recall") if body.trim().is_empty() => {
            failure(ErrorCode::ValidationError, "the question is empty")
        }
        ("POST", "/v1/query/recall") => {
            let ids: Vec<String> = recall(body)
                .iter()
                .map(|found| found.id.to_string())
                .collect();
            success(&format!("{{\"record_ids\":[{}]}}", ids.join(",")))
        }
        ("GET", _) if path.starts_with("/v1/context/") => {
            failure(ErrorCode::ContextPackageNotFound, "no such context package")
        }
        _ => failure(ErrorCode::ValidationError, "no such endpoint"),
    }
}

fn success(data: &str) -> Response {
    let body = format!(
        "{{\"service_contract_version\":{},\"api_contract_version\":{},\"data\":{}}}",
        json_string(SERVICE_CONTRACT_VERSION),
        json_string(API_CONTRACT_VERSION),
        data
    );
    Response { status: 200, body }
}

/// The answer to a request that went wrong; it carries no API version.
pub fn failure(code: ErrorCode, message: &str) -> Response {
    let text = json_string(message);
    let error = format!(
        "{{\"code\":{},\"message\":{}}}",
        json_string(code.as_str()),
        text
    );
    let body = format!(
        "{{\"service_contract_version\":{},\"error\":{},\"legacy_error\":{}}}",
        json_string(SERVICE_CONTRACT_VERSION),
        error,
        text
    );
    Response {
        status: code.status(),
        body,
    }
}
