"""The runtime and the published OpenAPI document state one contract."""

from pathlib import Path

import pytest

from sample_core import ErrorCode
from sample_service import SERVICE_CONTRACT_VERSION, failure, respond

ROOT = Path(__file__).parent.parent
OPENAPI = (ROOT / "openapi" / "openapi.yaml").read_text("utf-8").splitlines()


def test_openapi_names_the_served_version():
    assert f"  version: {SERVICE_CONTRACT_VERSION}" in OPENAPI


@pytest.mark.parametrize("code", ErrorCode)
def test_openapi_lists_every_error_code(code):
    assert f"                - {code}" in OPENAPI


def test_health_is_answered():
    response = respond("GET", "/v1/health", "")
    assert response.status == 200
    assert '"api_contract_version":"api.v1"' in response.body


def test_recall_answers_with_ids():
    response = respond("POST", "/v1/query/recall", "usb approval")
    assert '"record_ids":[1,3]' in response.body


def test_an_empty_question_is_refused():
    response = respond("POST", "/v1/query/recall", " ")
    assert response.status == 400
    assert '"code":"validation_error"' in response.body


@pytest.mark.parametrize("code", ErrorCode)
def test_errors_carry_neither_a_legacy_text_nor_an_api_version(code):
    response = failure(code, "why")
    assert '"message":"why"' in response.body
    assert "legacy_error" not in response.body
    assert "api_contract_version" not in response.body
