"""The sheet of ``sodbench worst``."""

from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.cli.output import say

if TYPE_CHECKING:
    from sodbench.scores import Scores
    from sodbench.worst import Ranking


def draw(
    ranking: "Ranking", methods: "list[Scores]", maps: Path | None, data: Path | None, out: Path
) -> None:
    """Write the contact sheet of a ranking, and say what it lacks."""
    from sodbench.plots import figure_style, save_figure
    from sodbench.plots.sheets import PAGE, contact_sheet
    from sodbench.session import collect_jobs
    from sodbench.worst.pictures import load_pictures, location_of, maps_of, maps_path

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
