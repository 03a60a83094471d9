"""Limits that several parts share."""

# The largest document that is read.
MAX_BYTES = 16 * 1024 * 1024
# The end of the year 9999, the last year in a packet's form of a time.
LAST_SECOND = 253402300799
# For the checkout and the checks, whose files must not depend on the caller's umask.
UMASK = 0o022
