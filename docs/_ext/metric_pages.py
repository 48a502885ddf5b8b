"""Write ``metrics/``: a page for each family of metrics, from its module, and an index of all metrics."""

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

from sodbench.metrics import METRIC_SETS, METRICS, part_of
from sodbench.metrics.parts import Metric
from sodbench.protocol import PRESETS
from sodbench.reports.metrics import acting_choices


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def families() -> dict[ModuleType, list[Metric]]:
    """Return the modules that metrics are defined in, each with its metrics."""
    found: dict[ModuleType, list[Metric]] = {}
    for metric in METRICS.values():
        module = inspect.getmodule(metric.function)
        assert module is not None
        found.setdefault(module, []).append(metric)
    return found


def page_name(module: ModuleType) -> str:
    """Return the name of a family's page: that of its module."""
    return module.__name__.rpartition(".")[2]


def title_and_question(module: ModuleType) -> tuple[str, str]:
    """Split the first paragraph of a module's documentation, ``Title: question``."""
    title, _, question = " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split()).partition(": ")
    return title, question[:1].upper() + question[1:]


def markdown(documentation: str) -> str:
    """Turn what follows the first paragraph into Markdown.

    What is indented is a formula, or an example; a paragraph that opens with ``*Word.*`` opens a section.
    """
    text = []
    for paragraph in documentation.split("\n\n")[1:]:
        if paragraph.startswith("    "):
            language = "pycon" if paragraph.lstrip().startswith(">>>") else "text"
            text.append(f"```{language}\n{inspect.cleandoc(paragraph)}\n```")
            continue
        words = re.sub(r"``(.+?)``", r"`\1`", paragraph, flags=re.DOTALL)
        words = re.sub(r"doi:(10\.\S+?)(?=[;,.]?(\s|$|\)))", r"[doi:\1](https://doi.org/\1)", words)
        text.append(re.sub(r"\A\*([\w ]+)\.\*\s+", r"## \1\n\n", words))
    return "\n\n".join(text)


def columns(metrics: Sequence[Metric]) -> str:
    """Return the table of a family's metrics."""
    rows = []
    for metric in metrics:
        least, most = (f"{bound:.15g}".replace("inf", "∞") for bound in metric.bounds)
        sets = ", ".join(name for name, ids in METRIC_SETS.items() if metric.id in ids and name != "all")
        better = "higher" if metric.higher_is_better else "lower"
        rows.append([f"`{metric.id}`", metric.label, better, f"{least} to {most}", metric.undefined, sets])
    head = ["id", "label", "better", "bounds", "undefined", "in the sets"]
    used = [k for k in range(len(head)) if any(row[k] for row in rows)]
    return table([head[k] for k in used], [[row[k] for k in used] for row in rows])


def choices(metrics: Sequence[Metric]) -> str:
    """Return the table of the options that act on a family, and what each preset takes."""
    rows = []
    for field, default, meaning in acting_choices([metric.id for metric in metrics]):
        others: dict[str, list[str]] = {}
        for name, preset in PRESETS.items():
            if (value := str(getattr(preset, field))) != default:
                others.setdefault(value, []).append(name)
        departs = "; ".join(f"`{value}`: {', '.join(names)}" for value, names in others.items())
        rows.append([f"`--{field.replace('_', '-')}`", meaning, f"`{default}`", departs])
    return table(["option", "what it decides", "default", "presets with another value"], rows)


def page(module: ModuleType, metrics: Sequence[Metric]) -> str:
    """Return the page of one family."""
    title, question = title_and_question(module)
    ids = ",".join(metric.id for metric in metrics)
    first = metrics[0]
    asked = f"Computed where it is asked for: `--metrics {ids}`." if part_of(first.id).optional else ""
    parts = [
        f"# {title}",
        question,
        columns(metrics),
        asked,
        f"```{{drawn}} sodbench metrics {first.id} --out {first.id}.png\n"
        f":alt: What {first.words} sees of the built-in map on its mask, and its value.\n```",
        "## Definition",
        markdown(inspect.getdoc(module) or ""),
        "## Options and presets",
        "Options of `sodbench score` that act on it. [A preset](../protocols.md) sets them all at once.",
        choices(metrics),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def index() -> str:
    """Return the page of all metrics."""
    rows, pages = [], []
    for module, metrics in families().items():
        title, question = title_and_question(module)
        link = f"[{title}]({page_name(module)}.md)"
        pages.append(page_name(module))
        rows += [[f"`{m.id}`", m.arrowed, link, m.reference] for m in metrics]
    sets = [[f"`{name}`", ", ".join(METRICS[i].label for i in ids)] for name, ids in METRIC_SETS.items()]
    asked = [
        f"* [{title_and_question(m)[0]}]({page_name(m)}.md): {title_and_question(m)[1]}" for m in families()
    ]
    return (
        "\n\n".join(
            [
                "# Metrics",
                "What each asks of a map and its mask:",
                "\n".join(asked),
                "## All metrics",
                "`--metrics` takes ids and labels, in any case. ↑: higher is better; ↓: lower is better.",
                table(["id", "label", "page", "paper"], rows),
                "## Sets",
                "`--metrics` takes these names, too, and what is common to ids: `e` is every E-measure.",
                table(
                    ["set", "metrics"],
                    [row for row in sets if row[0] != "`all`"] + [["`all`", "every metric"]],
                ),
                "```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```",
            ]
        )
        + "\n"
    )


def _write(app: Sphinx) -> None:
    folder = Path(app.srcdir, "metrics")
    folder.mkdir(exist_ok=True)
    texts = {f"{page_name(module)}.md": page(module, metrics) for module, metrics in families().items()}
    texts["index.md"] = index()
    for file in folder.glob("*.md"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Let the pages be written before Sphinx looks for pages."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}
