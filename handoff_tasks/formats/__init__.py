"""Read and write the formats that documents use; functions of values."""
