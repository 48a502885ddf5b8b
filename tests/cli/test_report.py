"""`sodbench report`: what it writes, and what it refuses."""

from pathlib import Path

import pytest
from workspace import good, listing, plant_maps, plant_masks, refused

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def stored(here: Path) -> Path:
    """Scores of A and B on masks of one's own."""
    for name, seed in (("A", 0), ("B", 1)):
        plant_maps(f"preds/{name}", seed=seed)
    plant_masks("own/masks")
    good("score", "preds/A", "preds/B", "--masks", "own/masks", "--metrics", "paper")
    return here / "scores"


def test_writes_one_file_and_says_what_it_is(stored: Path) -> None:
    said = good("report", "scores", "--baseline", "A", "--resamples", "100")
    assert said.stdout == "report.html\n"
    assert " MB in one file" in said.stderr
    text = Path("report.html").read_text("utf-8")
    assert "sodbench report scores --baseline A --resamples 100 --out report.html" in text
    good("report", "scores", "--resamples", "100", "--baseline", "A", "--out", "again.html")
    again = Path("again.html").read_text("utf-8")
    assert again.replace("again.html", "report.html") == text
    assert sorted(path for path in listing(".") if "/" not in path) == ["again.html", "report.html"]


def test_the_command_that_it_states_makes_it_again(stored: Path) -> None:
    import re
    import shlex
    from html import unescape

    options = ("--dataset", "own", "--methods", "B,A", "--metrics", "mae,max_f", "--resamples", "100")
    good("report", "scores", *options, "--out", "a b.html")
    first = Path("a b.html").read_bytes()
    (stated,) = re.findall(r"<code>(sodbench report .*)</code>", first.decode())
    good(*shlex.split(unescape(stated))[1:])
    assert Path("a b.html").read_bytes() == first


def test_refused(stored: Path) -> None:
    before = listing(".")
    refused("report", match="Missing argument 'SCORES...'", code=2)
    refused("report", "nowhere", match="nowhere: no such folder")
    refused("report", "preds", match="preds: found no scores here")
    refused("report", "scores", "--baseline", "C", match="baseline C: no scores of this method here")
    refused("report", "scores", "--methods", "A", "--baseline", "B", match="baseline B: no scores of this")
    refused("report", "scores", "--out", "a.pdf", match=r"--out writes a page, not \.pdf\. Pass a\.html")
    refused("report", "scores", "--out", "absent/a.html", match="there is no folder absent")
    refused("report", "scores", "--metrics", "hce", match="hce was not computed")
    refused("report", "scores", "--dataset", "other", match="no scores on other here")
    assert listing(".") == before
