"""The frame of a page: template, assets, data for its scripts, and the policy that lets no other script run.

A page holds its scripts and styles itself, or links them from a folder beside it. In both cases its
Content-Security-Policy lets nothing else run or load: a name that were taken for a script would be refused by
the browser, too.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING

from sodbench.utils.text import printable
from sodbench.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

STYLES = ("page.css", "charts.css")
SCRIPTS = ("page.js", "tables.js")
"""What every page has."""

AT_ONCE = 1 << 16
"""Letters of a long text that are put into a page at once."""

ESCAPED = {letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""Letters that could end a script element, or a line of it."""


def rendered(
    template: str,
    *,
    title: str,
    scripts: Sequence[str] = (),
    data: Mapping[str, object] | None = None,
    assets: str | None = None,
    **context: object,
) -> bytes:
    r"""Return a page, in UTF-8, put together part by part: a report has many megabytes.

    Half of a surrogate pair, which UTF-8 lacks, is written as ``\udXXX``, which JSON reads.

    Parameters
    ----------
    template
        A file of ``templates/pages``, made of ``base.html.jinja``.
    title
        Of the browser's tab.
    scripts
        Assets that it needs beside `SCRIPTS`, in their order: ``vendor/vega.min.js``.
    data
        What scripts read, by the id of the element that holds it: anything that JSON can hold.
    assets
        The address of the folder of assets, as seen from the page; None: the page holds them itself.
    context
        What else the template shows.
    """
    names = [*SCRIPTS, *scripts]
    held = [] if assets is not None else [asset(name) for name in names]
    parts = (
        environment()
        .get_template(f"pages/{template}")
        .generate(
            title=title,
            version=__version__,
            policy=policy(held),
            assets=assets,
            styles=[(name, "" if assets is not None else asset(name)) for name in STYLES],
            scripts=[(name, "" if assets is not None else asset(name)) for name in names],
            data=((key, _pieces(json_for_script(value))) for key, value in (data or {}).items()),
            **context,
        )
    )
    page = BytesIO()
    for part in parts:
        page.write(part.encode("utf-8", "backslashreplace"))
    return page.getvalue()


def _pieces(text: str) -> Iterator[str]:
    """Return a text in parts, since a template copies each value that it shows several times."""
    return (text[start : start + AT_ONCE] for start in range(0, len(text), AT_ONCE))


def policy(scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy of a page that holds these scripts; of one without, of linked ones.

    >>> policy(["0"]).split("; ")[1]
    "script-src 'sha256-X+zrZv/IbzjZUnhsbWlsecLbwjndTpG0ZynXOif7V+k='"
    """
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'self'"
    sources = "'unsafe-inline'" if scripts else "'self' 'unsafe-inline'"
    images = "data: blob:" if scripts else "'self' data: blob:"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {allowed}",
            f"style-src {sources}",
            f"img-src {images}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(script: str) -> str:
    return base64.b64encode(sha256(script.encode()).digest()).decode()


def json_for_script(value: object) -> str:
    r"""Return a value as JSON that may stand inside a script element.

    Raises
    ------
    ValueError
        A number is NaN or infinite, for which JSON has no word.

    Examples
    --------
    >>> json_for_script(["</script>", 0.5])
    '["\\u003c/script\\u003e",0.5]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter, escape in ESCAPED.items():  # 30 times as fast as `translate`, which matters on megabytes
        text = text.replace(letter, escape)
    return text


@cache
def asset(name: str) -> str:
    """Return the text of a script or style that the package has.

    Raises
    ------
    ValueError
        It holds what would end the element that it stands in.
    """
    text = files("sodbench.reports").joinpath("pages", "assets", *name.split("/")).read_text("utf-8")
    if any(end in text.lower() for end in ("</script", "</style", "<!--")):
        raise ValueError(f"{name} cannot stand inside a page")
    return text


@cache
def environment() -> "Environment":
    """Return the environment of the templates, which escapes all that is shown."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        """Replace control characters and marks of direction in whatever text a template shows."""
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=PackageLoader("sodbench.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=shown,
    )
    made.filters["printable"] = printable
    return made
