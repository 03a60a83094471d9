"""Turn evidence, git facts, profile and statement into a packet."""
