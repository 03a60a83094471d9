//! The runtime and the published OpenAPI document state one contract.

use sample_core::ErrorCode;
use sample_service::{failure, respond, SERVICE_CONTRACT_VERSION};

const OPENAPI: &str = include_str!("../../../openapi/openapi.yaml");

fn openapi_has_line(wanted: &str) -> bool {
    OPENAPI.lines().any(|line| line == wanted)
}

#[test]
fn openapi_names_the_served_version() {
    assert!(openapi_has_line(&format!(
        "  version: {SERVICE_CONTRACT_VERSION}"
    )));
}

#[test]
fn openapi_lists_every_error_code() {
    for code in ErrorCode::ALL {
        assert!(openapi_has_line(&format!(
            "                - {}",
            code.as_str()
        )));
    }
}

#[test]
fn health_is_answered() {
    let response = respond("GET", "/v1/health", "");
    assert_eq!(response.status, 200);
    assert!(response
        .body
        .contains("\"api_contract_version\":\"api.v1\""));
}

#[test]
fn recall_answers_with_ids() {
    let response = respond("POST", "/v1/query/recall", "usb approval");
    assert!(response.body.contains("\"record_ids\":[1,3]"));
}

#[test]
fn an_empty_question_is_refused() {
    let response = respond("POST", "/v1/query/recall", " ");
    assert_eq!(response.status, 400);
    assert!(response.body.contains("\"code\":\"validation_error\""));
}

#[test]
fn errors_carry_neither_a_legacy_text_nor_an_api_version() {
    for code in ErrorCode::ALL {
        let response = failure(code, "why");
        assert!(response.body.contains("\"message\":\"why\""));
        assert!(!response.body.contains("legacy_error"));
        assert!(!response.body.contains("api_contract_version"));
    }
}
