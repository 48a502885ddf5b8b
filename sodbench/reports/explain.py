"""Explanations as text and JSON. Rounding is done only here."""

import json
import math
import textwrap
from collections.abc import Mapping
from decimal import Decimal

from sodbench.analysis.explain.explain import AS_SCORED, PRINTED_ALIKE, Candidate, Explanation, coarse
from sodbench.errors import first_few
from sodbench.metrics import METRICS
from sodbench.utils.text import aligned, finite, printable

SHOWN = 5
"""Sets of conventions that are listed beside the presets."""

DIGITS = 4
"""Digits of figures; smaller differences are listed as none."""


def explanation_text(found: Explanation) -> str:
    """Lay an explanation out for a terminal."""
    metrics = list(found.base)
    head = ["", *(METRICS[metric].label for metric in metrics)]
    own = {AS_SCORED: found.base} if found.base_name == AS_SCORED else {}
    lines = [
        [name, *(_digits(values.get(metric, math.nan)) for metric in metrics)]
        for name, values in {**own, **found.presets}.items()
    ]
    blocks = [f"{found.method}, by preset\n{aligned([head, *lines], left=(0,))}"]
    blocks += [_metric_block(found, metric) for metric in metrics]
    if found.unknown:
        blocks.append(
            f"Without the maps themselves, not known in full: {', '.join(found.unknown)}. "
            "Give the folder of maps in place of the scores."
        )
    if found.claims:
        blocks.append(_claims_block(found))
    if found.findings:
        odd = [textwrap.fill(f"- {line}", 110, subsequent_indent="  ") for line in found.findings]
        blocks.append("\n".join(["About these maps", *odd]))
    return printable("\n\n".join([*blocks, f"signature: {found.signature}"]), keep="\n")


def explanation_json(found: Explanation) -> str:
    """Return an explanation as JSON, in full precision."""
    record = {
        "method": found.method,
        "signature": found.signature,
        "figures": _finite(found.base),
        "presets": {name: _finite(values) for name, values in found.presets.items()},
        "conventions": [
            {
                "metric": one.metric,
                "convention": one.convention,
                "text": one.text,
                "tools": one.tools,
                "value": finite(one.value),
                "difference": finite(one.difference),
            }
            for one in found.effects
        ],
        "unknown": list(found.unknown),
        "claimed": {claim.metric: str(claim.printed) for claim in found.claims},
        "readings": [
            {
                "names": list(one.names),
                "figures": _finite(dict(zip([c.metric for c in found.claims], one.values, strict=True))),
                "miss": one.miss if math.isfinite(one.miss) else None,
                "yields": one.yields,
            }
            for one in found.candidates
        ],
        "findings": list(found.findings),
    }
    return json.dumps(record, indent=2, allow_nan=False)


def _metric_block(found: Explanation, metric: str) -> str:
    moved = [one for one in found.effects if one.metric == metric]
    far = [one for one in moved if abs(one.difference) >= 0.5 * 10**-DIGITS]
    near = [one.convention for one in moved if one not in far]
    title = f"{METRICS[metric].label} {_digits(found.base[metric])}, and with one convention changed"
    lines = [
        [one.convention, _digits(one.value), f"{one.difference:+.{DIGITS}f}", one.text, one.tools]
        for one in far
    ]
    block = aligned(lines, left=(0, 3, 4)) if lines else "no convention moves it"
    rest = f"\nby less than .00005: {', '.join(near)}" if near else ""
    return f"{title}\n{block}{rest}"


def _claims_block(found: Explanation) -> str:
    ranked = [one for one in found.candidates if one.is_preset]
    sets = [one for one in found.candidates if not one.is_preset]
    head = ["", *(METRICS[claim.metric].label for claim in found.claims), "largest miss, in last digits"]
    lines = [["claimed", *(str(claim.printed) for claim in found.claims), ""]]
    for one in [*ranked, *sets[:SHOWN]]:
        shown = [_digits(v, c.digits) for c, v in zip(found.claims, one.values, strict=True)]
        lines.append([" + ".join(one.names), *shown, f"{one.miss:.1f}" if math.isfinite(one.miss) else "-"])
    table = aligned([head, *lines], left=(0,))
    return f"Claimed figures\n{table}\n{verdict(found)}"


def verdict(found: Explanation) -> str:
    """Say which conventions yield the claims, or that none does and how near the best comes."""
    yielding = [one for one in found.candidates if one.yields]
    if yielding:
        best = min(yielding, key=lambda one: (not one.is_preset, len(one.names)))
        others = [" + ".join(one.names) for one in yielding if one is not best]
        more = f" So do {first_few(others, 3)}: claim more figures, or more digits." if others else ""
        return f"{_called(found, best)} the claimed figures as printed.{more}"
    what = "No preset, and no set of up to two conventions, yields all claimed figures."
    if found.unknown:
        what = f"{len(found.unknown)} readings need the maps; of the others none yields all claimed figures."
    best = min(found.candidates, key=lambda one: (coarse(one), len(one.names)))
    if not math.isfinite(best.miss):
        return what
    away = []
    for claim, value in zip(found.claims, best.values, strict=True):
        if claim.miss(value) > PRINTED_ALIKE:
            left = abs(Decimal(f"{value:.{claim.digits}f}") - claim.printed)
            away.append(f"{METRICS[claim.metric].label} by {left}")
    return f"{what} Nearest: {' and '.join(best.names)}; unexplained there: {', '.join(away)}."


def _called(found: Explanation, best: Candidate) -> str:
    if best.names == (AS_SCORED,):
        return "The protocol as scored yields"
    if best.is_preset:
        return f"The preset {best.names[0]} yields"
    base = "The protocol as scored" if found.base_name == AS_SCORED else f"The preset {found.base_name}"
    return f"{base} with {' and '.join(best.names)} yields"


def _digits(value: float, digits: int = DIGITS) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: finite(value) for name, value in values.items()}
