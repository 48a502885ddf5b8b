"""Scores folders: edited cells, counts and records, and files that are damaged or of another folder."""

import csv
import json
import pickle
import tempfile
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from stored import made

from hostile import Canary, Case, FaultError, Kind, check_canary, read_or_refused, write_files
from hostile.breaking import PIECES, broken, broken_record, broken_text
from sodbench.reports.scores import images_csv, scores_json
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores
from sodbench.scoring.storage import DIGESTS, META

IMAGES = 3
HOME = "scores/method/SOD/"


@cache
def folder_of(seed: int, sealed: bool) -> dict[str, bytes]:
    """Return the files of a valid scores folder, `sealed` by digests or as before there were any."""
    with tempfile.TemporaryDirectory() as name:
        made("method", IMAGES, seed, empty=(1,)).save(Path(name, "SOD"))
        files = {HOME + path.name: path.read_bytes() for path in sorted(Path(name, "SOD").iterdir())}
    if not sealed:
        meta = json.loads(files[HOME + META])
        del meta[DIGESTS]
        files[HOME + META] = json.dumps(meta, indent=2).encode()
    return files


@st.composite
def cell_edited(draw: st.DrawFn, data: bytes) -> tuple[bytes, str]:
    """Edit images.csv: another digit, another value, a line or column more, less or elsewhere."""
    lines = [line for line in csv.reader(StringIO(data.decode(), newline=""))]
    row, column = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines[0]) - 1))
    how = draw(
        st.sampled_from(("digit", "digit", "value", "value", "swap lines", "swap cells", "drop", "double"))
    )
    cell = lines[row][column]
    digits = [k for k, letter in enumerate(cell) if letter.isdigit()]
    if how == "digit" and digits:
        at = draw(st.sampled_from(digits))
        lines[row][column] = cell[:at] + str((int(cell[at]) + draw(st.integers(1, 9))) % 10) + cell[at + 1 :]
    elif how == "swap lines":
        other = draw(st.integers(0, len(lines) - 1))
        lines[row], lines[other] = lines[other], lines[row]
    elif how == "swap cells":
        other = draw(st.integers(0, len(lines[0]) - 1))
        lines[row][column], lines[row][other] = lines[row][other], cell
    elif how == "drop":
        lines = [[c for k, c in enumerate(line) if k != column] for line in lines]
    elif how == "double":
        lines.insert(row, lines[row])
    else:
        lines[row][column] = draw(st.sampled_from((*PIECES, "-1", "1.5", "0.5", "2", "0")))
    file = StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(lines)
    return file.getvalue().encode("utf-8", "surrogatepass"), f"images.csv {row},{column}: {how}"


@st.composite
def levels_edited(draw: st.DrawFn, data: bytes) -> tuple[bytes, str]:
    """Edit levels.npz: counts moved or swapped, arrays of another kind, size, name or claim."""
    with np.load(BytesIO(data), allow_pickle=False) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    key = draw(st.sampled_from(sorted(arrays)))
    ways = ("move", "move", "swap", "kind", "shape", "drop", "add", "pickle", "claim", "order")
    how = draw(st.sampled_from(ways))
    if how == "move":
        counts = arrays[key if key in ("fg", "bg") else "fg"]
        row = draw(st.integers(0, len(counts) - 1))
        full = np.flatnonzero(counts[row])
        if len(full):
            counts[row, draw(st.sampled_from(full.tolist()))] -= 1
            counts[row, draw(st.integers(0, 255))] += 1
    elif how == "swap":
        arrays["fg"], arrays["bg"] = arrays["bg"], arrays["fg"]
    elif how == "kind":
        if key != "images":
            arrays[key] = arrays[key].astype(
                draw(st.sampled_from(("int64", "float64", ">u4", "bool", "complex64")))
            )
    elif how == "shape":
        arrays[key] = arrays[key][
            draw(st.sampled_from((slice(0, 0), slice(1), slice(None, None, -1), None, 0)))
        ]
    elif how == "drop":
        del arrays[key]
    elif how == "add":
        arrays["more"] = arrays[key]
    elif how == "order":
        arrays[key] = np.asfortranarray(arrays[key])
    out = BytesIO()
    np.savez_compressed(out, **arrays)
    if how in ("pickle", "claim"):
        header = {"descr": "|O" if how == "pickle" else "<u4", "fortran_order": False}
        member = BytesIO()
        np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
            member, {**header, "shape": (1,) if how == "pickle" else (10**12, 256)}
        )
        member.write(pickle.dumps(Canary()) if how == "pickle" else bytes(64))
        out = _with_member(arrays, f"{key}.npy", member.getvalue())
    return out.getvalue(), f"levels.npz {key}: {how}"


def _with_member(arrays: dict[str, Any], name: str, content: bytes) -> BytesIO:
    import zipfile

    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, values in arrays.items():
            plain = BytesIO()
            np.save(plain, values)
            archive.writestr(f"{key}.npy", content if f"{key}.npy" == name else plain.getvalue())
    return out


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a scores folder with one or two things changed."""
    sealed = draw(st.booleans())
    origin, other = folder_of(0, sealed), folder_of(1, sealed)
    files, done = dict(origin), ["sealed" if sealed else "without digests"]
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 1, 2)))):
        name = draw(st.sampled_from(sorted(files)))
        short = name.removeprefix(HOME)
        how = draw(st.sampled_from(("edit", "edit", "edit", "edit", "bytes", "drop", "other", "empty")))
        if how == "drop" and len(files) > 1:
            del files[name]
        elif how == "other":
            files[name] = other[name]
        elif how == "empty":
            files[name] = b""
        elif how == "bytes":
            files[name], how = draw(broken(files[name]))
        elif short == META and draw(st.booleans()) and files[name] == origin[name]:
            record, how = draw(broken_record(json.loads(files[name])))
            files[name] = (json.dumps(record, indent=2) + "\n").encode("utf-8", "surrogatepass")
        elif short == META:
            files[name], how = draw(broken_text(files[name].decode(errors="replace")))
        elif files[name] != origin[name]:
            continue
        elif short == "images.csv":
            files[name], how = draw(cell_edited(files[name]))
        else:
            files[name], how = draw(levels_edited(files[name]))
        done.append(f"{short}: {how}")
    return Case(files, "; ".join(done), origin)


def values_of(scores: Scores) -> dict[str, Any]:
    """Return all of scores that a number or its meaning depends on, as it compares."""
    rows = {
        name: (
            row.shape,
            row.fg.tolist(),
            row.bg.tolist(),
            {k: repr(v) for k, v in sorted(row.numbers.items())},
        )
        for name, row in scores.rows.items()
    }
    notes = {name: row.notes for name, row in scores.rows.items()}
    head = (scores.method, scores.dataset, scores.of, scores.protocol, scores.metrics, scores.missing)
    return {"head": head, "notes": notes, "rows": rows}


def probe(case: Case, folder: Path) -> bool:
    """Load scores: refused, or the very scores that were stored; without digests, some that can be shown."""
    home = folder / HOME
    scores = read_or_refused(lambda: Scores.load(home), str(home))
    several = read_or_refused(lambda: load_scores(folder), str(folder))
    check_canary()
    if scores is None:
        if several is not None:
            raise FaultError("load_scores accepts what Scores.load refuses")
        return False
    scores_json([scores])
    [*images_csv([scores])]
    write_files({f"origin/{name}": content for name, content in case.origin.items()}, folder)
    before, now = values_of(Scores.load(folder / "origin" / HOME)), values_of(scores)
    changed = [key for key in before if before[key] != now[key]]
    if changed and DIGESTS in json.loads(case.files[HOME + META]):
        raise FaultError(f"accepted with other {', '.join(changed)}")
    return True


SCORES = Kind(cases(), probe)
