"""Configuration of the site, for Sphinx."""

from __future__ import annotations

import handoff_tasks

project = "handoff-tasks"
author = "the handoff-tasks contributors"
release = handoff_tasks.__version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = True
# Outputs of runs, commands and file contents have no lexer that fits all of them.
highlight_language = "text"
html_theme = "furo"
html_title = "handoff-tasks"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
