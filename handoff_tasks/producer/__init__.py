"""Describe a producer: its profile, its manifest and its impact statement."""
