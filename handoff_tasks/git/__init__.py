"""Ask git about a release, and check out its commit in private."""
