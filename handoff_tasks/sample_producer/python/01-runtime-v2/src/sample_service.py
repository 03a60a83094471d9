"""The service contract: what a request is answered with.

There is no network here. A request is a method, a path and a body; the answer is a
status and a JSON body. As a program, `METHOD PATH [BODY]` prints the body of the
answer, and fails when the status is no success.
"""

import json
import sys
from dataclasses import dataclass

from sample_core import ErrorCode, recall

SERVICE_CONTRACT_VERSION = "service.v2"
"""The version of the service contract that this runtime speaks."""

API_CONTRACT_VERSION = "api.v1"
"""The version of the API that successful answers carry."""


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    body: str


def respond(method: str, path: str, body: str) -> Response:
    """Answer one request."""
    match (method, path):
        case ("GET", "/v1/health"):
            return _success({"status": "ok"})
        case ("POST", "/v1/query/recall"):
            if not body.strip():
                return failure(ErrorCode.VALIDATION_ERROR, "the question is empty")
            return _success({"record_ids": [record.id for record in recall(body)]})
        case ("GET", _) if path.startswith("/v1/context/"):
            code = ErrorCode.CONTEXT_PACKAGE_NOT_FOUND
            return failure(code, "no such context package")
        case _:
            return failure(ErrorCode.VALIDATION_ERROR, "no such endpoint")


def _success(data: object) -> Response:
    body = {
        "service_contract_version": SERVICE_CONTRACT_VERSION,
        "api_contract_version": API_CONTRACT_VERSION,
        "data": data,
    }
    return Response(200, _json(body))


def failure(code: ErrorCode, message: str) -> Response:
    """Return the answer to a request that went wrong; it carries no API version."""
    body = {
        "service_contract_version": SERVICE_CONTRACT_VERSION,
        "error": {"code": code, "message": message},
        "legacy_error": message,
    }
    return Response(code.status, _json(body))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(words: list[str]) -> int:
    """Print the answer to the request in the words and return the exit status."""
    if len(words) not in (2, 3):
        print("usage: sample_service.py METHOD PATH [BODY]", file=sys.stderr)
        return 2
    response = respond(words[0], words[1], words[2] if len(words) == 3 else "")
    print(response.body)
    return 0 if response.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
