"""How Sphinx builds these pages: ``python -m sphinx -W --keep-going -b html docs docs/_build/html``."""

import re
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from docutils.nodes import Element, Node
from sphinx.application import Sphinx

import sodbench

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = html_title = "sodbench"
author = project_copyright = "sodbench maintainers"
version = release = sodbench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "commands",
    "drawn",
    "messages",
    "metric_pages",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!sodbench\.).*")]  # without network, what others document is not known

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

napoleon_google_docstring = False
napoleon_attr_annotations = False
napoleon_use_rtype = False  # what stands below Returns is a sentence
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"

copybutton_prompt_text = "$ "

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["sodbench.css"]
html_js_files = ["sodbench.js"]
html_copy_source = False
html_show_sourcelink = False

ARRAY = re.compile(r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[(.+?)\]\]")


def skip_member(app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    """Leave out the fields of named tuples, which stand among the parameters."""
    return True if type(thing).__name__ == "_tuplegetter" else None


def with_sentence(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from taking what stands before a colon for the type of a property."""
    if what in ("attribute", "property"):
        lines.insert(0, "")


def readable(
    app: Sphinx,
    what: str,
    name: str,
    thing: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write arrays as the code does, and ``...`` for the default of a dataclass that a factory makes."""
    shown = [
        ARRAY.sub(r"NDArray[\1]", part).replace("<factory>", "...") if part else part
        for part in (signature, returns)
    ]
    return shown[0], shown[1]


def not_documented(app: Sphinx, env: object, node: Element, shown: Node) -> Node | None:
    """Show a name without a link where it exists and stands on no page; else Sphinx warns of it."""
    try:
        resolve_name(node.get("reftarget", "") if node.get("refdomain") == "py" else "")
    except (ImportError, AttributeError, ValueError):
        return None
    return shown


def level_of_captions(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Give the headings of the navigation a level, which screen readers need."""
    navigation = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = navigation.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app: Sphinx) -> None:
    """Say what is asked of the functions above."""
    app.connect("missing-reference", not_documented)
    app.connect("html-page-context", level_of_captions, priority=900)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", with_sentence, priority=400)
    app.connect("autodoc-process-signature", readable)
