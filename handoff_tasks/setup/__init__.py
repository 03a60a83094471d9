"""Set up a producer's repository, and build the embedded sample."""
