"""A client of the sample producer's service."""

# The contracts that this client understands.
SERVICE_CONTRACTS = ("service.v2", "service.v3")

# What each error code of the service means for a user of this client.
ERROR_CODES = {
    "invalid_json": "the request is not JSON",
    "validation_error": "the request is not complete",
    "context_package_not_found": "there is no such package",
    "write_conflict": "it was written by another client",
    "write_failed": "it could not be written",
    "schema_unavailable": "the service is not ready",
    "migration_failed": "the service is not ready",
    "query_failed": "the question could not be answered",
    "context_lookup_failed": "the question could not be answered",
    "internal_error": "the service has failed",
}


def explain(error: dict[str, object]) -> str:
    """Return what an error response means."""
    if error.get("service_contract_version") not in SERVICE_CONTRACTS:
        return "the service has another contract"
    code = error.get("error", {})
    name = code.get("code") if isinstance(code, dict) else None
    return ERROR_CODES.get(str(name), "an unknown error")
