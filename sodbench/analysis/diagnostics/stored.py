"""What stored level histograms show of a method's maps, without the maps."""

from statistics import median

import numpy as np

from sodbench.analysis.diagnostics.artifacts import FAINT
from sodbench.errors import first_few
from sodbench.scoring.levels import AT_ONCE
from sodbench.scoring.scores import Scores
from sodbench.utils.text import counted


def never_white(scores: Scores) -> str:
    """Say how many maps never reach the highest level, which makes scores depend on normalisation.

    Nothing is said where they are few, and maps of one level are not counted, as in the check of maps.

    Examples
    --------
    >>> from sodbench import Protocol
    >>> from sodbench.scoring.rows import Row
    >>> levels = np.zeros((2, 256), np.uint32)
    >>> levels[0, 90] = levels[1, 10] = 8
    >>> row = Row("cat", (4, 4), *levels)
    >>> never_white(Scores("A", "own@0", 1, Protocol(), ("mae",), {"cat": row})).partition(",")[0]
    '1 of 1 map never reaches level 255 (their highest is 90 in the median and 90 in the lowest: cat)'
    """
    ids = scores.ids
    low: list[str] = []
    tops: list[int] = []
    varied = 0
    for start in range(0, len(ids), AT_ONCE):
        images = ids[start : start + AT_ONCE]
        levels = scores.levels(images)
        used = (levels.fg + levels.bg) > 0
        several = used.sum(axis=1) > 1
        highest = 255 - np.argmax(used[:, ::-1], axis=1)
        varied += int(several.sum())
        for k in np.flatnonzero(several & (highest < 255)):
            low.append(images[k])
            tops.append(int(highest[k]))
    if len(low) < max(1, FAINT * varied):
        return ""
    reach = "reaches" if len(low) == 1 else "reach"
    return (
        f"{len(low)} of {counted(varied, 'map')} never {reach} level 255 (their highest is "
        f"{median(tops):.0f} in the median and {min(tops)} in the lowest: {first_few(low)}), so scores "
        "depend on normalisation"
    )
