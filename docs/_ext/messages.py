"""Console blocks that show an error are wrapped: a message is a sentence, not a table."""

from docutils import nodes
from sphinx.application import Sphinx


def wrap_messages(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the blocks, which the style sheet wraps."""
    for block in doctree.findall(nodes.literal_block):
        if block.get("language") == "console" and "\nError: " in block.astext():
            block["classes"].append("command")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add this to a build."""
    app.connect("doctree-read", wrap_messages)
    return {"parallel_read_safe": True}
