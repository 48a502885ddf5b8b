"""What a row must have before it may be contributed, beyond what makes a board readable.

`check_boards` asks this of a whole folder. Boards that fail can still be read: one's own may lack a
reference. What a program cannot see (whether a figure is really printed so) is for reviewers.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from unicodedata import category, normalize
from unicodedata import name as letter_name

from sodbench.data.registry import fold, lookup, registry
from sodbench.errors import LeaderboardError, first_lines, nearest
from sodbench.leaderboard.boards import METHOD_FACTS, Board, BoardRow
from sodbench.metrics import METRICS
from sodbench.utils.text import counted, shortened

COPIED = 3
"""So many values that all equal another row's need an explanation."""

LONGEST = 500
"""Letters of a text."""

BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters that do not show although Unicode counts them as printable."""

NO_FILE = re.compile(
    r'[<>:"|?*]|[. ]$|^(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$)(\.|$)', re.IGNORECASE
)
"""Names of which Windows makes no file, so that nobody could check out a row's curves there."""


def check_gate(where: str, boards: Mapping[str, Board]) -> None:
    """Check that rows are complete, that nothing contradicts, and that names mean one thing each.

    Parameters
    ----------
    where
        The folder, for the message.
    boards
        All boards of the folder, by dataset.

    Raises
    ------
    LeaderboardError
        A check fails; the message lists the first five faults.
    """
    faults = [fault for board in boards.values() for fault in _board_faults(board)]
    if faults := [*faults, *_name_faults(boards), *_fact_faults(boards)]:
        raise LeaderboardError(f"{where}: {counted(len(faults), 'fault')}.\n{first_lines(faults)}")


def _board_faults(board: Board) -> Iterator[str]:
    known = lookup(board.dataset)
    if known is None or known.name != board.dataset:
        name = nearest(board.dataset, tuple(registry()))
        yield f"{board.dataset}.csv: not the name of a registered dataset; {name}"
    for entry in board.entries:
        faults = _published_faults(entry) if entry.source == "published" else _measured_faults(board, entry)
        for fault in (*_text_faults(entry), *faults):
            yield f"{board.dataset}.csv: {entry.method} ({entry.source}): {fault}"
    for one, other in _copies(board):
        way_out = (
            "if they are printed so, say it in the note."
            if other.source == "published"
            else "these are the same maps; if that is meant, name it in the note."
        )
        yield (
            f"{board.dataset}.csv: {other.method} ({other.source}): every value equals {one.method}'s; "
            f"{way_out}"
        )


def _text_faults(entry: BoardRow) -> Iterator[str]:
    texts = {"method": entry.method, "backbone": entry.backbone, "venue": entry.venue}
    texts |= {name: getattr(entry, name) for name in ("reference", "printed_in", "note")}
    for name, text in texts.items():
        if not text.isprintable() or text != text.strip() or BLANK.search(text):
            yield f"{name} {shortened(text)} holds letters that do not show, or spaces around it."
        if len(text) > LONGEST:
            yield f"{name} has {len(text)} letters, expected at most {LONGEST}."
    scripts = {letter_name(letter, "").split()[0] for letter in entry.method if letter.isalpha()}
    if {"LATIN", "CYRILLIC"} <= scripts:
        yield f"method {ascii(entry.method)} mixes Latin and Cyrillic letters, which look alike."
    latest = datetime.now(UTC).year + 1
    if entry.year is not None and entry.year > latest:
        yield f"year is {entry.year}, expected at most {latest}."


def _published_faults(entry: BoardRow) -> Iterator[str]:
    if not entry.reference:
        yield "no reference; give the method's paper."
    for name in ("signature", "n", "date"):
        if getattr(entry, name):
            yield f"{name} is given, which measured rows have; a paper prints none."
    if not entry.values and not entry.note:
        yield "no value; give those that are printed, or say in the note why there is none."
    digits = {
        metric: -int(value.as_tuple().exponent)
        for metric, value in entry.values.items()
        if METRICS[metric].bounds[1] <= 1
    }
    most = max(digits.values(), default=0)
    for metric, few in digits.items():
        if few < most and f"{metric}: " not in entry.note:
            yield (
                f"{metric} is {entry.values[metric]}, {counted(few, 'digit')} where others have {most}; "
                f"write the digits that are printed (0.730, not 0.73), or `{metric}: ...` into the note."
            )


def _measured_faults(board: Board, entry: BoardRow) -> Iterator[str]:
    known = lookup(board.dataset)
    if known is not None and not known.confirmed:
        yield "no source confirms how many images this dataset has, so measured rows are not taken."
    if entry.printed_in:
        yield "printed_in is given, which only published rows have."
    if NO_FILE.search(entry.method):
        yield (
            'its curves could not be stored on Windows. Choose a name without < > : " | ? *, or a dot at its '
            "end, which is no device there."
        )
    try:
        made = date.fromisoformat(entry.date) if re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}", entry.date) else None
    except ValueError:
        made = None
    if made is None or made > datetime.now(UTC).date() + timedelta(days=1):
        yield f"date is {shortened(entry.date)}, expected a day until today, as 2026-01-31."


def _copies(board: Board) -> Iterator[tuple[BoardRow, BoardRow]]:
    """Yield rows that have the values of one of their source before them, where no note explains it.

    Any note will do of a published row; that of a measured one, which says whose maps it has, names the
    other.
    """
    first: dict[tuple[object, ...], BoardRow] = {}
    for entry in board.entries:
        values = tuple(entry.values.items())
        one = first.setdefault((entry.source, *values), entry)
        explained = bool(one.note or entry.note)
        if entry.source == "measured":
            explained = one.method in entry.note or entry.method in one.note
        if one is not entry and len(values) >= COPIED and not explained:
            yield one, entry


def _name_faults(boards: Mapping[str, Board]) -> Iterator[str]:
    """Find names that differ only by case, spaces, hyphens of any kind, or in how a letter is encoded."""
    names = {entry.method: board.dataset for board in boards.values() for entry in board.entries}
    alike: dict[str, list[str]] = {}
    for name in names:
        bare = "".join(letter for letter in normalize("NFKC", name) if category(letter) not in ("Pd", "Zs"))
        alike.setdefault(fold(bare), []).append(name)
    for same in alike.values():
        for one, other in pairwise(same):
            yield (
                f"{names[other]}.csv: {other!r}, but {one!r} on {names[one]}: one method has one name. "
                "Write it alike."
            )


def _fact_faults(boards: Mapping[str, Board]) -> Iterator[str]:
    said: dict[tuple[str, str], tuple[object, str]] = {}
    for board in boards.values():
        for entry in board.entries:
            for name in METHOD_FACTS:
                fact = getattr(entry, name)
                if fact in (None, ""):
                    continue
                row = f"{board.dataset} ({entry.source})"
                other, where = said.setdefault((entry.method, name), (fact, row))
                if other != fact:
                    yield (
                        f"{board.dataset}.csv: {entry.method} ({entry.source}): {name} "
                        f"{shortened(str(fact))}, but {shortened(str(other))} on {where}. All rows of a "
                        "method say the same; another version has a name of its own."
                    )
