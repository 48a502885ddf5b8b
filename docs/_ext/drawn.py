"""The directive ``drawn``: run a sodbench command that draws a figure, and show the figure under the command.

The commands run in ``_build/drawn``, where the demo dataset is (``images``, ``masks``, ``preds/METHOD/demo``)
beside a set of drawn shapes (``shapes``), which has enough images to compare methods, and scores of both. A
figure that is newer than the newest file of sodbench is not drawn again.
"""

import shlex
from contextlib import chdir
from html import escape
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import directives
from PIL import Image
from scipy.ndimage import gaussian_filter, shift
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import sodbench
from sodbench.cli import main
from sodbench.data.demo import write_demo

SHAPES, HEIGHT, WIDTH = 120, 120, 160
PIXELS = 2.4
"""Of a figure, for one of the page: so letters are a little larger than in print."""

DATASETS = f"""[shapes]
version = 1
count = {SHAPES}
role = "test"
masks = ["masks"]
"""


def newest_source() -> float:
    """Return when a file of sodbench, or this one, last changed."""
    files = [Path(__file__), *Path(sodbench.__file__).parent.rglob("*.py")]
    return max(file.stat().st_mtime for file in files)


def run(folder: Path, command: str) -> None:
    """Run one command in a folder.

    Raises
    ------
    RuntimeError
        The command failed.
    """
    places = {
        "SODBENCH_DATA": str(folder),
        "SODBENCH_DATASETS": str(folder / "datasets.toml"),
        "SODBENCH_LEADERBOARDS": None,
        "XDG_CONFIG_HOME": str(folder),
    }
    with chdir(folder):
        result = CliRunner().invoke(main, shlex.split(command)[1:], prog_name="sodbench", env=places)
    if result.exit_code:
        raise RuntimeError(f"{command}: {result.output}") from result.exception


def write_shapes(folder: Path) -> None:
    """Write masks of ellipses, and the maps of three methods that are wrong in ways of their own."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for k in range(SHAPES):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        for _ in range(1 + k % 3):
            down, right = rng.uniform(0.25, 0.75, 2) * (HEIGHT, WIDTH)
            high, wide = rng.uniform(8, 34, 2)
            mask |= ((y - down) / high) ** 2 + ((x - right) / wide) ** 2 <= 1
        bumps = gaussian_filter(rng.normal(0, 1, mask.shape), 7)
        found = mask * np.clip(0.75 + bumps / (4 * bumps.std()), 0, 1)
        maps = {
            "soft": gaussian_filter(found, rng.uniform(5, 10)),
            "moved": gaussian_filter(shift(found, rng.uniform(-4, 4, 2), order=1), 1.5),
            "noisy": gaussian_filter(np.clip(found + bumps / (9 * bumps.std()), 0, 1), 2),
        }
        pictures = {"masks": mask, **{f"preds/{method}": p for method, p in maps.items()}}
        for place, values in pictures.items():
            file = folder / place / f"{k:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(255 * values.astype(float)).astype(np.uint8)).save(file)


def prepare(folder: Path) -> None:
    """Write both datasets and score them, unless that was done."""
    done = folder / "ready"
    if done.exists() and done.stat().st_mtime > newest_source():
        return
    rmtree(folder / "scores", ignore_errors=True)
    write_demo(folder)
    write_shapes(folder / "shapes")
    (folder / "datasets.toml").write_text(DATASETS, encoding="utf-8")
    run(folder, "sodbench score --dataset demo")
    run(folder, "sodbench score shapes/preds --dataset shapes")
    done.touch()


class Drawn(SphinxDirective):
    """A command, and the figure that it draws; what stands below is the caption."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Draw the figure where it is not up to date."""
        folder = Path(self.env.srcdir, "_build", "drawn")
        command = " ".join(self.arguments[0].split())
        words = shlex.split(command)
        out = next(words[k + 1] for k, word in enumerate(words) if word in ("--out", "--plot"))
        if "alt" not in self.options:
            raise self.error(f"{command}: expected :alt:, what the figure shows in words.")
        prepare(folder)
        figure = folder / out
        if not figure.exists() or figure.stat().st_mtime < newest_source():
            run(folder, command)
        alt = self.options["alt"]
        if figure.suffix == ".html":
            page = escape(figure.read_text(encoding="utf-8"))
            tag = f'<iframe class="drawn" title="{escape(alt)}" srcdoc="{page}"></iframe>'
            shown: nodes.Node = nodes.raw("", tag, format="html")
        else:
            with Image.open(figure) as image:
                width = f"{round(image.width / PIXELS)}px"
            shown = nodes.image(uri=f"/_build/drawn/{out}", alt=alt, width=width, classes=["drawn"])
        words_below, _ = self.parse_inline(" ".join(self.content))
        caption = [nodes.caption("", "", *words_below)] if self.content else []
        line = nodes.literal_block(command, command, language="text", classes=["command"])
        return [line, nodes.figure("", shown, *caption)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Name the directive."""
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": False}
