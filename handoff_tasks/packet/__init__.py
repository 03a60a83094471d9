"""Build, read and compare handoff packets; functions of values."""
