"""The producer's release that this client was tried with."""

RELEASE = "v0.3.2"
USER_AGENT = "sample-consumer (producer " + "v0.3.2" + ")"
