"""sodbench: evaluation of salient object detection, with a signature on every score.

The public names are imported when they are first used, so that ``import sodbench`` is quick.
"""

from importlib import import_module
from typing import Any

from sodbench.version import __version__

_HOMES = {
    "score_image": "scoring.pairs",
    "score_folder": "scoring.pipeline",
    "Scorer": "scoring.scorer",
    "Scores": "scoring.scores",
    "load_scores": "scoring.selection",
    "compare": "analysis.compare",
    "explain": "analysis.explain.explain",
    "report": "reports.pages.report.report",
    "Protocol": "protocol",
    "PRESETS": "protocol",
    "METRICS": "metrics",
    "SodbenchError": "errors",
}

__all__ = [
    "METRICS",
    "PRESETS",
    "Protocol",
    "Scorer",
    "Scores",
    "SodbenchError",
    "__version__",
    "compare",
    "explain",
    "load_scores",
    "report",
    "score_folder",
    "score_image",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"sodbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sodbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
