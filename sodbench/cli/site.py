"""``sodbench site``."""

from pathlib import Path

import click

from sodbench.cli.options import BOARDS_OPTION
from sodbench.cli.output import say
from sodbench.cli.parameters import FOLDER, option


@click.command()
@option(
    "--site",
    "out",
    type=FOLDER,
    aliases=("--out",),
    default="public",
    show_default=True,
    help="Folder of the site: new, empty, or one that this command wrote (also --out).",
)
@BOARDS_OPTION
def site(out: Path, boards: Path | None) -> None:
    """Write the leaderboards as a static web site: a page a dataset, a page a method, JSON and CSV.

    The boards are checked first, as `sodbench leaderboard check` does. The site works from a disk and below
    any address. In its folder only files of an earlier site are replaced or removed.

    \b
    sodbench site --out public
    """  # noqa: D301 (click needs the character \b)
    from sodbench.errors import LeaderboardError
    from sodbench.leaderboard.folder import board_files, boards_folder
    from sodbench.reports.pages.site.build import site_files
    from sodbench.reports.pages.site.content import read_content
    from sodbench.reports.pages.site.writing import check_site, write_site

    check_site(out)
    if boards is not None and boards.is_dir() and not board_files(boards, "*.csv"):
        raise LeaderboardError(f"{boards}: found no boards, expected DATASET.csv files.")
    content = read_content(boards_folder(boards, say))
    files = site_files(content)
    said = write_site(out, files)
    size = sum(map(len, files.values())) / 1e6
    say(f"{out / 'index.html'}: {len(files)} files, {size:.1f} MB; {said}.")
