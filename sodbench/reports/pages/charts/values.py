"""Numbers and names as charts hold them: few digits, few points, and no control characters."""

from collections.abc import Iterable, Sequence

import numpy as np

from sodbench.metrics import METRICS
from sodbench.metrics.histogram import Reals
from sodbench.utils.text import finite, printable

DIGITS = 5
"""Of numbers that are drawn."""

NEAR = 9e-5
"""Points are left out where a line through the others is as near as this; with rounding, below 1e-4."""


def shown_names(names: Iterable[str]) -> dict[str, str]:
    r"""Return what each name is shown as: on one line, without marks of direction, no two alike.

    >>> shown_names(["a<b>", "a\nb", "a?b"])
    {'a<b>': 'a<b>', 'a\nb': 'a?b', 'a?b': 'a?b (2)'}
    """
    shown: dict[str, str] = {}
    for name in names:
        plain, k = printable(name), 1
        while (label := plain if k == 1 else f"{plain} ({k})") in shown.values():
            k += 1
        shown[name] = label
    return shown


def drawn_number(value: float, digits: int = DIGITS) -> float | None:
    """Return a number as a chart holds it; None if it is not finite."""
    return finite(round(float(value), digits))


def column(values: Reals, digits: int = DIGITS) -> list[float | None]:
    """Return numbers as a chart holds them."""
    return [drawn_number(value, digits) for value in values.tolist()]


def figure_text(value: float, metric: str, digits: int = 3) -> str:
    """Return a figure of a metric as captions print it.

    >>> figure_text(0.8534, "max_f"), figure_text(1016.4, "hce")
    ('.853', '1016')
    """
    shown = f"{value:.{METRICS[metric].decimals(digits)}f}"
    return shown.replace("0.", ".", 1) if shown.startswith(("0.", "-0.")) else shown


def figure_format(metric: str, digits: int = 3, sign: bool = False) -> str:
    """Return the format of a metric's figures in an axis or a tooltip."""
    return f"{'+' if sign else ''}.{METRICS[metric].decimals(digits)}f"


def needed_points(lines: Sequence[Reals], always: Iterable[int] = ()) -> list[int]:
    """Return which points of lines over the same steps must stay, so that the others lie between them.

    Every value that is left out is within `NEAR` of the straight line through its neighbours that stay.

    Parameters
    ----------
    lines
        ``(K,)`` each.
    always
        Points that stay anyway, beside the first and the last.

    Examples
    --------
    >>> needed_points([np.array([0.0, 0.1, 0.2, 0.3, 0.2, 0.1])])
    [0, 3, 5]
    """
    values = np.stack(lines)
    last = values.shape[1] - 1
    kept = sorted({0, last, *always})
    parts = list(zip(kept, kept[1:], strict=False))
    stays = set(kept)
    while parts:
        start, end = parts.pop()
        if end - start < 2:
            continue
        share = np.arange(1, end - start) / (end - start)
        straight = values[:, [start]] + (values[:, [end]] - values[:, [start]]) * share
        misses = np.abs(straight - values[:, start + 1 : end]).max(axis=0)
        if misses.max() > NEAR:
            middle = start + 1 + int(misses.argmax())
            stays.add(middle)
            parts += [(start, middle), (middle, end)]
    return sorted(stays)
