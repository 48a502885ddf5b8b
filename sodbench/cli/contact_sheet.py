"""The sheet of ``sodbench worst``."""

from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.cli.output import say

if TYPE_CHECKING:
    from sodbench.analysis.worst import Ranking
    from sodbench.scoring.scores import Scores


def draw(
    ranking: "Ranking", methods: "list[Scores]", maps: Path | None, data: Path | None, out: Path
) -> None:
    """Write the contact sheet of a ranking, and say what it lacks."""
    from sodbench.analysis.pictures import load_pictures, location_of, maps_of, maps_path
    from sodbench.reports.figures.contact_sheet import PAGE, contact_sheet
    from sodbench.reports.figures.style import figure_style, save_figure
    from sodbench.scoring.runs import collect_jobs

    if not ranking.images:
        say(f"{out}: not made, as there is no image to show.")
        return
    location = location_of(methods[0], data)
    paths = [maps_path(one, maps) for one in methods]
    found = [collect_jobs([path], [ranking.dataset], location.masks)[0][0].methods for path in paths]
    entries = [maps_of(*one) for one in zip(methods, found, paths, strict=True)]
    images = [one.image for one in ranking.images[:PAGE]]
    shown = load_pictures(images, list(zip(methods, entries, strict=True)), location)
    with figure_style():
        save_figure(contact_sheet(ranking, shown), out, ranking.signature)
    if absent := [image for image, one in zip(images, shown, strict=True) if one.photo is None]:
        say(f"{location.root}: no photo of {len(absent)} of {len(images)} images; they are shown without.")
    say(f"sheet: {out} ({len(images)} of {len(ranking.images)} images listed)")
