"""``sodbench merge``."""

from pathlib import Path

import click

from sodbench.cli.options import FORCE_OPTION, output_options, scores_option
from sodbench.cli.output import check_targets, report, say, say_where
from sodbench.cli.parameters import FOLDER, argument


@click.command
@argument("parts", nargs=-1, type=FOLDER, required=True)
@scores_option(default="scores", show_default=True, aliases=("--out",))
@FORCE_OPTION
@output_options
def merge(
    parts: tuple[Path, ...],
    scores: Path,
    force: bool,
    csv_file: Path | None,
    images_file: Path | None,
    as_json: bool,
) -> None:
    """Merge the scores of all parts of a dataset into those of the whole.

    PARTS are folders that `sodbench score --shard K/N` wrote, in any order. The result is, bit by bit, what
    one run over all images stores. Nothing is written if a part is missing, is there twice or was scored in
    another way.

    \b
    sodbench merge scores-*-of-16
    """  # noqa: D301 (click needs the character \b)
    from sodbench.scoring.merging import merge_folders
    from sodbench.scoring.notices import remarks

    check_targets(csv_file, images_file)
    results = merge_folders(parts, scores, force=force)
    for line in (line for merged in results.scores for line in remarks(merged)):
        say(line)
    report(results.scores, csv_file, images_file, as_json)
    say_where(results)
