"""Register the nox sessions; one module for each verb."""
