"""Makes ``leaderboards/conventions/DATASET.csv`` of what ``sodbench explain --json`` printed.

    sodbench explain preds/PiCANet/SOD --metrics default --json > PiCANet.json
    python benchmarks/conventions.py SOD PiCANet.json DSS.json > leaderboards/conventions/SOD.csv

A file is named like the method on the board, or given as METHOD=FILE.
"""

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path

from sodbench.leaderboard.boards import read_board
from sodbench.leaderboard.conventions import ConventionRow, conventions_text, signature_under
from sodbench.leaderboard.folder import boards_folder


def main() -> None:
    """Print the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("explained", nargs="+")
    parser.add_argument("--boards", type=Path)
    options = parser.parse_args()
    board = read_board(boards_folder(options.boards) / f"{options.dataset}.csv")
    rows = []
    for word in options.explained:
        method, _, file = word.rpartition("=")
        record = json.loads(Path(file).read_text("utf-8"))
        entry = board.find(method or Path(file).stem, "measured")
        if entry is None:
            parser.error(f"{word}: no measured row of {method or Path(file).stem} on the board")
        found = [
            (preset, metric, value)
            for preset, values in record["presets"].items()
            for metric, value in values.items()
        ]
        found += [(row["convention"], row["metric"], row["value"]) for row in record["conventions"]]
        rows += [
            ConventionRow(
                entry.method,
                convention,
                metric,
                Decimal(repr(value)),
                signature_under(entry, convention, metric),
            )
            for convention, metric, value in found
        ]
    sys.stdout.write(conventions_text(rows))


if __name__ == "__main__":
    main()
