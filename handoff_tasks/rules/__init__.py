"""Decide what makes a release GO; functions of values."""
