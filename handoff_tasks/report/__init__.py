"""Show a run or a packet as a page, as Markdown and as JUnit XML."""
