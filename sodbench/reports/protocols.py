"""The presets as text: whose conventions they are, and in what they differ."""

from dataclasses import fields

from sodbench.protocol import ORIGINS, PRESETS, Protocol
from sodbench.utils.text import aligned


def protocols_text() -> str:
    """List the presets, the default's value of every field, and the others' where it is another one."""
    origins = [["preset", "whose conventions"], *([name, ORIGINS[name]] for name in PRESETS)]
    default, *_ = PRESETS
    defaults, others = [["field", default]], [["field", *(name for name in PRESETS if name != default)]]
    for spec in fields(Protocol):
        field, (value, *values) = (
            spec.name.replace("_", "-"),
            [str(getattr(preset, spec.name)) for preset in PRESETS.values()],
        )
        defaults.append([field, value])
        if any(other != value for other in values):
            others.append([field, *("" if other == value else other for other in values)])
    return "\n\n".join(aligned(table, left=range(len(table[0]))) for table in (origins, defaults, others))
