"""How Sphinx builds these pages: ``python -m sphinx -W --keep-going -b html docs docs/_build/html``."""

import sodbench

project = html_title = "sodbench"
author = "sodbench maintainers"
project_copyright = "sodbench maintainers"
version = release = sodbench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_url_schemes = ["https", "mailto"]

napoleon_google_docstring = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}
