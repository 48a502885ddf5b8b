"""What the pages of the documentation have to say."""

import inspect
import re
from pathlib import Path

from sodbench import errors

DOCS = Path(__file__).parents[2] / "docs"


def test_every_kind_of_error_has_a_section() -> None:
    headings = re.findall(r"^## .*$", (DOCS / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    kinds = [
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.SodbenchError) and kind is not errors.SodbenchError
    ]
    assert len(kinds) > 8
    assert [kind for kind in kinds if not any(f"`{kind}`" in heading for heading in headings)] == []
