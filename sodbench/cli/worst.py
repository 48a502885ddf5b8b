"""``sodbench worst``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    CSV_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    MASKS_OPTION,
    METHODS_OPTION,
    count_option,
    dataset_option,
    figure_option,
    maps_option,
    metric_option,
)
from sodbench.cli.output import check_targets, deliver, progress_bar, say, show
from sodbench.cli.parameters import FOLDER, argument, option
from sodbench.utils.urls import PathOrUrl

if TYPE_CHECKING:
    from sodbench.analysis.worst import Ranking
    from sodbench.scoring.scores import Scores


@dataclass(frozen=True)
class WorstOptions:
    """What ``sodbench worst`` is asked for."""

    stored: Path
    than: Path | None
    metric: str
    count: int
    dataset: str | None
    methods: tuple[str, ...]
    out: Path | None
    maps: PathOrUrl | None
    data: Path | None
    masks: PathOrUrl | None
    csv_file: Path | None
    as_json: bool


@click.command()
@argument("stored", type=FOLDER, metavar="SCORES")
@option("--than", type=FOLDER, help="Scores of another method: list where SCORES is furthest behind it.")
@metric_option()
@count_option(24)
@dataset_option()
@METHODS_OPTION
@figure_option(None)
@maps_option(show_default="those that were scored")
@DATA_OPTION
@MASKS_OPTION
@CSV_OPTION
@JSON_OPTION
@gathered(WorstOptions)
def worst(options: WorstOptions) -> None:
    """List the images on which a method is worst, and show them on a contact sheet.

    SCORES is a folder that `sodbench score` wrote. The sheet, --out, has the photo, the mask, the map, and
    its errors at level 128: true positives white, false positives orange, misses blue.

    \b
    sodbench worst scores/PiCANet/SOD --metric relax_f -k 24 --out worst.pdf
    sodbench worst scores/PiCANet/SOD --than scores/DSS/SOD --metric mae
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.worst import one_of, rank
    from sodbench.metrics import find_metric
    from sodbench.reports.figures.style import check_figure_target
    from sodbench.reports.worst import ranking_csv, ranking_json, ranking_text
    from sodbench.scoring.selection import load_scores

    stored, than, out = options.stored, options.than, options.out
    if out:
        check_figure_target(out)
    check_targets(options.csv_file, out, as_json=options.as_json)
    wanted = [options.dataset] if options.dataset else []
    metric = find_metric(options.metric).id
    scores = one_of(load_scores(stored, wanted, options.methods, [metric]), stored)
    name = scores.dataset_name
    other = one_of(load_scores(than, [name], metrics=[metric]), than) if than else None
    ranking = rank(scores, metric, options.count, other)
    if out:
        _draw_sheet(ranking, [scores, other] if other else [scores], options, out)
    if options.csv_file:
        deliver(ranking_csv(ranking), options.csv_file)
    show(ranking_json(ranking) if options.as_json else ranking_text(ranking))


def _draw_sheet(ranking: "Ranking", methods: "list[Scores]", options: WorstOptions, out: Path) -> None:
    """Write the contact sheet of a ranking, and report missing photos."""
    from sodbench.analysis.pictures import (
        load_pictures,
        location_of,
        maps_of,
        maps_path,
        maps_without_a_mask,
    )
    from sodbench.data.discovery import discover
    from sodbench.reports.figures.contact_sheet import PAGE, contact_sheet
    from sodbench.reports.figures.style import figure_style, save_figure

    if not ranking.images:
        say(f"{out}: not made, as there is no image to show.")
        return
    location = location_of(methods[0], options.data, options.masks)
    paths = [maps_path(scores, options.maps) for scores in methods]
    found = [discover(path, [location.dataset]) for path in paths]
    passed = dict.fromkeys(line for _, notices in found for line in notices)
    discovered = [{maps.method: maps.entries for maps in sets} for sets, _ in found]
    entries = [maps_of(*of_method) for of_method in zip(methods, discovered, paths, strict=True)]
    by_method = {scores.method: maps for scores, maps in zip(methods, entries, strict=True)}
    unpaired = maps_without_a_mask(by_method, location)
    for line in (*passed, *unpaired, *location.passed_over, *location.photos_passed_over):
        say(line)
    images = [ranked.image for ranked in ranking.images[:PAGE]]
    with progress_bar("sheet", "picture") as progress:
        shown = list(zip(methods, entries, strict=True))
        pictures = load_pictures(images, shown, location, progress)
    with figure_style():
        save_figure(contact_sheet(ranking, pictures), out, ranking.signature)
    if absent := [image for image, shown in zip(images, pictures, strict=True) if shown.photo is None]:
        say(
            f"{location.root}: no photo of {len(absent)} of {len(images)} images; they are shown without one."
        )
    say(f"sheet: {out} ({len(images)} of {len(ranking.images)} images listed)")
