"""Run verification commands and keep the evidence of their outcomes."""
