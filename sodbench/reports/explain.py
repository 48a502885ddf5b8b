"""Explanations as text and JSON. Rounding is done only here."""

import math
import textwrap
from decimal import Decimal

from sodbench.analysis.explain.explain import AS_SCORED, PRINTED_ALIKE, Candidate, Explanation, coarse
from sodbench.errors import first_few
from sodbench.metrics import METRICS
from sodbench.utils.text import aligned, json_text, printable

SHOWN = 5
"""Sets of conventions that are listed beside the presets."""

DIGITS = 4
"""Digits of figures; smaller differences are listed as none."""


def explanation_text(explanation: Explanation) -> str:
    """Lay an explanation out for a terminal."""
    metrics = list(explanation.base)
    head = ["", *(METRICS[metric].label for metric in metrics)]
    own = {AS_SCORED: explanation.base} if explanation.base_name == AS_SCORED else {}
    lines = [
        [name, *(_digits(values.get(metric, math.nan), metric) for metric in metrics)]
        for name, values in {**own, **explanation.presets}.items()
    ]
    blocks = [f"{explanation.method}, by preset\n{aligned([head, *lines], left=(0,))}"]
    blocks += [_metric_block(explanation, metric) for metric in metrics]
    if explanation.unknown:
        blocks.append(
            f"Without the maps themselves, not known in full: {', '.join(explanation.unknown)}. "
            "Give the folder of maps in place of the scores."
        )
    if explanation.claims:
        blocks.append(_claims_block(explanation))
    if explanation.findings:
        odd = [textwrap.fill(f"- {line}", 110, subsequent_indent="  ") for line in explanation.findings]
        blocks.append("\n".join(["About these maps", *odd]))
    return printable("\n\n".join([*blocks, f"signature: {explanation.signature}"]), keep="\n")


def explanation_json(explanation: Explanation) -> str:
    """Return an explanation as JSON, in full precision."""
    record = {
        "method": explanation.method,
        "signature": explanation.signature,
        "figures": explanation.base,
        "presets": explanation.presets,
        "conventions": [
            {
                "metric": effect.metric,
                "convention": effect.convention,
                "text": effect.text,
                "tools": effect.tools,
                "value": effect.value,
                "difference": effect.difference,
            }
            for effect in explanation.effects
        ],
        "unknown": list(explanation.unknown),
        "claimed": {claim.metric: str(claim.printed) for claim in explanation.claims},
        "readings": [
            {
                "names": list(candidate.names),
                "figures": dict(zip([c.metric for c in explanation.claims], candidate.values, strict=True)),
                "miss": candidate.miss,
                "yields": candidate.yields,
            }
            for candidate in explanation.candidates
        ],
        "findings": list(explanation.findings),
    }
    return json_text(record)


def _metric_block(explanation: Explanation, metric: str) -> str:
    moved = [effect for effect in explanation.effects if effect.metric == metric]
    digits = METRICS[metric].decimals(DIGITS)
    visible = 0.5 * 10**-digits
    far = [effect for effect in moved if abs(effect.difference) >= visible]
    near = [effect.convention for effect in moved if effect not in far]
    value = _digits(explanation.base[metric], metric)
    title = f"{METRICS[metric].label} {value}, and with one convention changed"
    lines = [
        [
            effect.convention,
            _digits(effect.value, metric),
            f"{effect.difference:+.{digits}f}",
            effect.text,
            effect.tools,
        ]
        for effect in far
    ]
    block = aligned(lines, left=(0, 3, 4)) if lines else "no convention moves it"
    rest = f"\nNo visible effect (< {visible:.{digits + 1}f}): {', '.join(near)}" if near else ""
    return f"{title}\n{block}{rest}"


def _claims_block(explanation: Explanation) -> str:
    ranked = [candidate for candidate in explanation.candidates if candidate.is_preset]
    sets = [candidate for candidate in explanation.candidates if not candidate.is_preset]
    head = [
        "",
        *(METRICS[claim.metric].label for claim in explanation.claims),
        "largest miss, in last digits",
    ]
    lines = [["claimed", *(str(claim.printed) for claim in explanation.claims), ""]]
    for candidate in [*ranked, *sets[:SHOWN]]:
        shown = [
            "-" if math.isnan(v) else f"{v:.{c.digits}f}"
            for c, v in zip(explanation.claims, candidate.values, strict=True)
        ]
        lines.append(
            [
                " + ".join(candidate.names),
                *shown,
                f"{candidate.miss:.1f}" if math.isfinite(candidate.miss) else "-",
            ]
        )
    table = aligned([head, *lines], left=(0,))
    return f"Claimed figures\n{table}\n{verdict(explanation)}"


def verdict(explanation: Explanation) -> str:
    """Say which conventions yield the claims, or that none does and how near the best comes."""
    yielding = [candidate for candidate in explanation.candidates if candidate.yields]
    if yielding:
        best = min(yielding, key=lambda candidate: (not candidate.is_preset, len(candidate.names)))
        others = [" + ".join(candidate.names) for candidate in yielding if candidate is not best]
        do = "do" if len(others) > 1 else "does"
        more = f" So {do} {first_few(others, 3)}: claim more figures, or more digits." if others else ""
        return f"{_called(explanation, best)} the claimed figures as printed.{more}"
    what = "No preset, and no set of up to two conventions, yields all claimed figures."
    if explanation.unknown:
        unknown = len(explanation.unknown)
        what = f"{unknown} readings need the maps; of the others none yields all claimed figures."
    best = min(explanation.candidates, key=lambda candidate: (coarse(candidate), len(candidate.names)))
    if not math.isfinite(best.miss):
        return what
    away = []
    for claim, value in zip(explanation.claims, best.values, strict=True):
        if claim.miss(value) > PRINTED_ALIKE:
            left = abs(Decimal(f"{value:.{claim.digits}f}") - claim.printed)
            away.append(f"{METRICS[claim.metric].label} by {left}")
    return f"{what} Nearest: {' and '.join(best.names)}; unexplained there: {', '.join(away)}."


def _called(explanation: Explanation, best: Candidate) -> str:
    if best.names == (AS_SCORED,):
        return "The protocol as scored yields"
    if best.is_preset:
        return f"The preset {best.names[0]} yields"
    base = (
        "The protocol as scored"
        if explanation.base_name == AS_SCORED
        else f"The preset {explanation.base_name}"
    )
    return f"{base} with {' and '.join(best.names)} yields"


def _digits(value: float, metric: str) -> str:
    return "-" if math.isnan(value) else f"{value:.{METRICS[metric].decimals(DIGITS)}f}"
