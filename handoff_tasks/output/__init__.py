"""Print to the terminal, and write the files of a report."""
