"""The presets as text: whose conventions they are, and in what they differ."""

from dataclasses import fields

from sodbench.protocol import ORIGINS, PRESETS, Protocol
from sodbench.utils.text import aligned


def protocols_text() -> str:
    """List the presets, and the value of every field; nothing where it is that of the default."""
    origins = [["preset", "whose conventions"], *([name, ORIGINS[name]] for name in PRESETS)]
    rows = [["field", *PRESETS]]
    for spec in fields(Protocol):
        values = [str(getattr(preset, spec.name)) for preset in PRESETS.values()]
        others = ["" if value == values[0] else value for value in values[1:]]
        rows.append([spec.name.replace("_", "-"), values[0], *others])
    return "\n\n".join([aligned(origins, left=range(2)), aligned(rows, left=range(len(PRESETS) + 1))])
