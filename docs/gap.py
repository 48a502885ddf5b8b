"""The picture of ``why-numbers-differ.md``, drawn from the output shown there: ``python docs/gap.py``."""

import re
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent
PAGE, PICTURE = DOCS / "why-numbers-differ.md", DOCS / "why-numbers-differ.svg"

WIDTH, LEFT, RIGHT, ROW = 480, 168, 66, 23
LOW, HIGH = 0.78, 0.88
INK, FAINT, PRESET, CONVENTION = "#1d2733", "#5b6673", "#0b5fa5", "#b4470a"
SMALLEST = 0.0005
"""Conventions that move the value by less are not drawn."""


def rows(page: str) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the presets and the conventions of the output of ``explain``, each with its max F."""
    shown = page[page.index("$ sodbench explain") :]
    presets = re.findall(
        r"^(\w+) +(0\.\d{4})$", shown.partition("with one convention changed")[0], re.MULTILINE
    )
    changed = shown.partition("with one convention changed\n")[2].partition("No visible effect")[0]
    lines = re.findall(r"^(\S+) +(0\.\d{4})  ([+-]0\.\d{4})", changed, re.MULTILINE)
    conventions = [(name, float(value)) for name, value, effect in lines if abs(float(effect)) >= SMALLEST]
    return [(name, float(value)) for name, value in presets], conventions


def across(value: float) -> float:
    """Return how far to the right a value stands."""
    return LEFT + (value - LOW) / (HIGH - LOW) * (WIDTH - LEFT - RIGHT)


def picture(page: str) -> str:
    """Return the picture as SVG: a dot a line, the default's value as a vertical line, and the gap."""
    presets, conventions = rows(page)
    default = presets[0][1]
    lowest = min(value for _, value in presets)
    top = 62
    below = top + ROW * len(presets) + 34
    bottom = below + ROW * len(conventions) + 4
    parts = [
        text(16, 24, "Max F of the same 300 maps (PiCANet on SOD)", INK, weight="bold", size=15),
        text(16, 46, "scored under each preset", FAINT),
    ]
    for value in (0.78, 0.80, 0.82, 0.84, 0.86, 0.88):
        parts.append(line(across(value), top - 8, across(value), bottom, "#e3e7eb"))
        parts.append(text(across(value), bottom + 17, f"{value:.2f}"[1:], FAINT, anchor="middle", size=12))
    parts.append(line(across(default), top - 8, across(default), bottom, INK, dash="4 3"))
    parts.append(f'<rect x="10" y="{below - 30}" width="{WIDTH - 20}" height="22" fill="#ffffff"/>')
    parts.append(text(16, below - 14, "and under u2net with one convention changed", FAINT))
    for k, (name, value) in enumerate(presets):
        parts += dot(name, value, top + ROW * k + 8, PRESET, square=False)
    for k, (name, value) in enumerate(conventions):
        parts += dot(name, value, below + ROW * k + 8, CONVENTION, square=True)
    gap = top + ROW * [value for _, value in presets].index(lowest) + ROW // 2 + 8
    parts.append(line(across(lowest) + 6, gap - ROW // 2, across(default), gap - ROW // 2, PRESET, width=2))
    middle = (across(lowest) + across(default)) / 2
    parts.append(
        text(
            middle, gap - ROW // 2 - 5, f"{default - lowest:.3f}"[1:], PRESET, anchor="middle", weight="bold"
        )
    )
    height = bottom + 30
    values = [value for _, value in presets + conventions]
    label = f"Max F of the same maps under {len(presets)} presets and {len(conventions)} conventions"
    label += f", from {min(values):.4f} to {max(values):.4f}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
    head += f'height="{height}" font-family="system-ui, sans-serif" role="img" aria-label="{label}">'
    ground = f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])


def dot(name: str, value: float, down: float, colour: str, *, square: bool) -> list[str]:
    """Return a line: a name, a mark and a number."""
    x = across(value)
    mark = (
        f'<rect x="{x - 5:.1f}" y="{down - 5:.1f}" width="10" height="10" fill="{colour}"/>'
        if square
        else f'<circle cx="{x:.1f}" cy="{down:.1f}" r="5.5" fill="{colour}"/>'
    )
    return [
        text(LEFT - 14, down + 5, name, INK, anchor="end"),
        mark,
        text(WIDTH - 14, down + 5, f"{value:.4f}"[1:], INK, anchor="end"),
    ]


def text(
    x: float,
    y: float,
    words: str,
    colour: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    size: int = 13,
) -> str:
    """Return some words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}">{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = "") -> str:
    """Return a straight line."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashes}/>'
    )


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture(PAGE.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
