"""Scores folders: whole at any moment, read back exactly, and never believed where they were changed."""

import csv
import fcntl
import io
import json
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from stored import made, reseal
from workspace import good, plant_maps, plant_masks

from sodbench.errors import FileError, ScoresError
from sodbench.metrics import REVISIONS
from sodbench.scoring import storage
from sodbench.scoring.scores import Scores
from sodbench.scoring.storage import DamageError

FILES = ["images.csv", "levels.npz", "meta.json"]
OLD, NEW = made("m", 3), made("m", 4, seed=1)
KILLED = 77


def state(folder):
    """What a reader gets: 3 images of the old scores, or 4 of the new."""
    loaded = Scores.load(folder)
    whole = {3: OLD, 4: NEW}[len(loaded.rows)]
    assert loaded.summary() == whole.summary()
    assert loaded.signature == whole.signature
    return "old" if whole is OLD else "new"


@pytest.fixture
def folder(tmp_path):
    """Old scores, and a file of the user's beside them."""
    OLD.save(tmp_path / "s")
    (tmp_path / "s" / "notes.txt").write_text("mine")
    return tmp_path / "s"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------------------------------------- saving


def killed_at(folder, step):
    """Save the new scores in a process that dies at its step-th change of the disk; tell whether it did."""
    steps = []

    def dying(change, torn):
        def made_or_dead(path, *args, **options):
            steps.append(path)
            if len(steps) == step:
                torn(path, *args)
                os._exit(KILLED)
            return change(path, *args, **options)

        return made_or_dead

    pid = os.fork()
    if pid == 0:
        write = Path.write_bytes
        Path.write_bytes = dying(write, lambda path, data: write(path, data[: len(data) // 2]))
        for name in ("replace", "unlink", "mkdir", "rmdir"):
            setattr(Path, name, dying(getattr(Path, name), lambda *_: None))
        try:
            NEW.save(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == KILLED


@pytest.mark.filterwarnings("ignore:This process .*fork:DeprecationWarning")
@pytest.mark.parametrize("sealed", [True, False])
def test_killed_at_any_step(tmp_path, sealed):
    seen = []
    for step in range(1, 30):
        folder = tmp_path / f"s{step}"
        OLD.save(folder)
        if not sealed:
            unseal(folder)
        (folder / "notes.txt").write_text("mine")
        if not killed_at(folder, step):
            break
        seen.append(state(folder))
        NEW.save(folder)
        assert state(folder) == "new"
        assert names(folder) == [*FILES, "notes.txt"]
        assert (folder / "images.csv").read_bytes() == storage.read_folder(folder).images
        assert (folder / "notes.txt").read_text() == "mine"
    assert seen == ["old"] * 6 + ["new"] * 2


@pytest.mark.filterwarnings("ignore:This process .*fork:DeprecationWarning")
def test_killed_in_a_new_folder(tmp_path):
    seen = []
    for step in range(1, 30):
        folder = tmp_path / f"s{step}"
        if not killed_at(folder, step):
            break
        try:
            seen.append(state(folder))
        except ScoresError as error:
            seen.append(str(error).partition(": ")[2])
        NEW.save(folder)
        assert names(folder) == FILES
    assert seen == ["no scores here (meta.json is missing)."] * 6 + ["new"] * 2


def test_settled_by_hand_of_a_reader_that_wrote_nothing(tmp_path):
    """A folder that only a killed process has written to is finished by whoever looks before a run."""
    NEW.save(tmp_path / "s")
    for name in ("images.csv", "levels.npz"):
        content = (tmp_path / "s" / name).read_bytes()
        (tmp_path / "s" / name).rename(storage._pending(tmp_path / "s", name, content))
    assert state(tmp_path / "s") == "new"
    storage.settle(tmp_path / "s")
    assert names(tmp_path / "s") == FILES


def half_of(folder, name, content):
    """What a process leaves that is killed while it writes a file which does not count yet."""
    path = storage._pending(folder, name, content)
    path.write_bytes(content[: len(content) // 2])


def test_half_a_file_that_is_there_already_is_removed(folder):
    """The name of the half is that of the whole, which ``meta.json`` names."""
    for name in FILES:
        half_of(folder, name, (folder / name).read_bytes())
    storage.settle(folder)
    assert names(folder) == [*FILES, "notes.txt"]
    assert state(folder) == "old"


def test_a_file_that_counts_is_named_before_a_save_of_the_same_scores(folder, monkeypatch):
    """A process was killed before it named the file, the next one fails while it writes the same bytes."""
    content = (folder / "images.csv").read_bytes()
    (folder / "images.csv").rename(storage._pending(folder, "images.csv", content))

    def torn(path, data, write=Path.write_bytes):
        write(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", torn)
        with pytest.raises(FileError, match="No space left"):
            OLD.save(folder)
    assert state(folder) == "old"


@pytest.mark.parametrize("change", [OLD.save, storage.settle])
def test_others_wait_while_a_folder_changes(folder, monkeypatch, change):
    settle, seen = storage._settle, []

    def looked_at(path):
        number = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            seen.append("locked")
        finally:
            os.close(number)
        settle(path)

    monkeypatch.setattr(storage, "_settle", looked_at)
    change(folder)
    assert {*seen} == {"locked"}


@pytest.mark.parametrize("broken", ["write_bytes", "replace"])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails(folder, monkeypatch, broken, step, error):
    calls, change = [], getattr(Path, broken)

    def fail(path, *args):
        calls.append(path)
        if len(calls) == step:
            raise error
        return change(path, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Path, broken, fail)
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else FileError) as info:
            NEW.save(folder)
    if isinstance(error, OSError):
        assert str(info.value) == (
            f"{folder}: cannot write scores (No space left on device). Pass another --scores."
        )
    committed = broken == "replace" and step > 1
    assert state(folder) == ("new" if committed else "old")
    if not committed:
        assert names(folder) == [*FILES, "notes.txt"]
    NEW.save(folder)
    assert names(folder) == [*FILES, "notes.txt"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_save_that_fails_leaves_no_new_folder(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    (tmp_path / "mine").mkdir()
    for name in ("s", "mine"):
        with pytest.raises(FileError, match="cannot write scores .No space left"):
            NEW.save(tmp_path / name)
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("read", range(1, 7))
def test_a_reader_sees_one_moment(folder, monkeypatch, sealed, read):
    """Before any of its reads the folder is replaced by another process."""
    if not sealed:
        unseal(folder)
    reads, read_file = [], storage.read_file

    def replaced_before(path, *args):
        reads.append(path)
        if len(reads) == read:
            with monkeypatch.context() as patch:
                patch.setattr(storage, "read_file", read_file)
                NEW.save(folder)
        return read_file(path, *args)

    monkeypatch.setattr(storage, "read_file", replaced_before)
    assert state(folder) == ("new" if read <= 4 else "old")


def test_a_reader_whose_scores_are_replaced_and_come_back(folder, monkeypatch):
    """By the time it looks at ``meta.json`` again, that is as it was."""
    saves, read_file = [NEW, OLD], storage.read_file

    def replaced_before(path, *args):
        if saves and (path.name == "meta.json") == (saves == [OLD]):
            with monkeypatch.context() as patch:
                patch.setattr(storage, "read_file", read_file)
                saves.pop(0).save(folder)
        return read_file(path, *args)

    monkeypatch.setattr(storage, "read_file", replaced_before)
    assert (state(folder), saves) == ("old", [])


def test_a_file_that_gets_its_name_while_it_is_looked_for(tmp_path, monkeypatch):
    NEW.save(tmp_path / "s")
    content = (tmp_path / "s" / "images.csv").read_bytes()
    (tmp_path / "s" / "images.csv").rename(pending := storage._pending(tmp_path / "s", "images.csv", content))
    read_file = storage.read_file

    def settled_before(path, *args):
        if path == pending:
            storage.settle(tmp_path / "s")
        return read_file(path, *args)

    monkeypatch.setattr(storage, "read_file", settled_before)
    assert state(tmp_path / "s") == "new"
    assert names(tmp_path / "s") == FILES


def test_many_readers_and_savers(folder):
    """Every save succeeds, every read is of one moment, and nothing is left."""
    with ThreadPoolExecutor(4) as pool:
        saves = [pool.submit((NEW, OLD)[k % 2].save, folder) for k in range(24)]
        seen = {state(folder) for _ in range(40)}
        for save in saves:
            save.result()
    assert seen <= {"old", "new"}
    assert names(folder) == [*FILES, "notes.txt"]


def test_nothing_of_the_users_is_moved(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "notes.txt").write_text("mine")
    (tmp_path / "s").symlink_to(tmp_path / "elsewhere")
    inode = (tmp_path / "elsewhere").stat().st_ino
    OLD.save(tmp_path / "s")
    NEW.save(tmp_path / "s")
    assert (tmp_path / "s").is_symlink()
    assert (tmp_path / "elsewhere").stat().st_ino == inode
    assert names(tmp_path / "elsewhere") == [*FILES, "notes.txt"]


def test_equal_scores_give_equal_bytes(tmp_path):
    OLD.save(tmp_path / "a")
    Scores.load(tmp_path / "a").save(tmp_path / "b")
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_save_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot write scores"):
        OLD.save(tmp_path / "file" / "s")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (lambda path: path.mkdir(), "is a directory"),
        (os.mkfifo, r"is a named pipe \(FIFO\)"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    ],
)
def test_what_is_no_file_is_refused_by_name(folder, name, plant, kind):
    (folder / name).unlink()
    plant(folder / name)
    with pytest.raises(ScoresError, match=f"{name}: {kind}, expected a file"):
        Scores.load(folder)
    with pytest.raises(FileError, match=f"{name}: {kind}, expected a file"):
        NEW.save(folder)
    assert names(folder) == [*FILES, "notes.txt"]


# ----------------------------------------------------------------------------------------------- damage


def unseal(folder):
    """Take the digests away, as in a folder of an earlier version."""
    edit_meta(sha256=None)(folder)
    lines = list(csv.reader((folder / "images.csv").read_text().splitlines()))
    (folder / "images.csv").write_text("".join(",".join(line[:-1]) + "\n" for line in lines))


def edit_meta(**changes):
    def edit(folder):
        meta = json.loads((folder / "meta.json").read_text())
        for key, value in changes.items():
            meta.pop(key) if value is None else meta.update({key: value})
        (folder / "meta.json").write_text(json.dumps(meta))

    return edit


def edit_csv(old, new):
    def edit(folder):
        text = (folder / "images.csv").read_text()
        assert old in text
        (folder / "images.csv").write_text(text.replace(old, new, 1))

    return edit


def set_cell(column, value):
    def edit(folder):
        lines = list(csv.reader((folder / "images.csv").read_text().splitlines()))
        lines[1][lines[0].index(column)] = value
        (folder / "images.csv").write_text("".join(",".join(line) + "\n" for line in lines))

    return edit


def edit_levels(change):
    def edit(folder):
        with np.load(folder / "levels.npz") as archive:
            levels = change({name: archive[name] for name in archive})
        np.savez_compressed(folder / "levels.npz", **levels)

    return edit


def edit_fg(change):
    """Change the bytes of an array, header and all."""

    def edit(folder):
        with zipfile.ZipFile(folder / "levels.npz") as archive:
            members = {Path(name).stem: archive.read(name) for name in archive.namelist()}
        (folder / "levels.npz").write_bytes(npz(**{**members, "fg": change(members["fg"])}))

    return edit


def cut(name, keep):
    def edit(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * keep)])

    return edit


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def drop_last_line(folder):
    lines = (folder / "images.csv").read_text().splitlines(keepends=True)
    (folder / "images.csv").write_text("".join(lines[:-1]))


def npz(**members):
    """An archive of members, as bytes or as the shape that a header claims."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if isinstance(content, tuple):
                file = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<u4", "fortran_order": False, "shape": content}
                )
                content = file.getvalue() + bytes(64)
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def moved_count(levels):
    levels["fg"][0, 3] += 1
    levels["fg"][0, np.argmax(levels["fg"][0])] -= 1
    return levels


MISSING = {
    "no folder": (shutil.rmtree, r"no scores here \(meta.json is missing\)"),
    "no meta": (lambda f: (f / "meta.json").unlink(), r"no scores here \(meta.json is missing\)"),
    "no csv": (lambda f: (f / "images.csv").unlink(), r"no scores here \(images.csv is missing\)"),
    "no levels": (lambda f: (f / "levels.npz").unlink(), r"no scores here \(levels.npz is missing\)"),
}

DAMAGES = {
    "half the levels": (cut("levels.npz", 0.5), "File is not a zip file"),
    "empty levels": (cut("levels.npz", 0), "File is not a zip file"),
    "levels of other images": (
        edit_levels(lambda z: {**z, "images": z["images"][::-1]}),
        "images.csv and levels.npz list different images",
    ),
    "fewer levels": (
        edit_levels(lambda z: {**z, "fg": z["fg"][1:]}),
        r"fg in levels.npz is not of shape \(3, 25",
    ),
    "levels of another type": (
        edit_levels(lambda z: {**z, "bg": z["bg"].astype(float)}),
        "bg in levels.npz is not of shape",
    ),
    "levels without fg": (edit_levels(lambda z: {"images": z["images"], "bg": z["bg"]}), "fg.npy"),
    "levels in columns": (
        edit_levels(lambda z: {**z, "fg": np.asfortranarray(z["fg"])}),
        r"fg in levels.npz is not of shape \(3, 256\)",
    ),
    "levels of another format": (
        edit_fg(lambda data: data[:6] + b"\2\0" + data[8:10] + b"\0\0" + data[10:]),
        "fg in levels.npz is of another version of NumPy's format",
    ),
    "levels too long": (edit_fg(lambda data: data + b"\0"), "fg in levels.npz is too short or too long"),
    "levels too short": (edit_fg(lambda data: data[:-1]), "fg in levels.npz is too short or too long"),
    "another histogram": (
        edit_levels(lambda z: {**z, "fg": z["fg"] + 1}),
        "histograms of im0000 do not add up",
    ),
    "text for levels": (write("levels.npz", b"version https://git-lfs"), "File is not a zip file"),
    "931 TiB": (
        write("levels.npz", npz(images=(1 << 48,), fg=(1 << 40, 256), bg=(3, 256))),
        "images in levels.npz is not of shape",
    ),
    "a bomb": (
        write("levels.npz", npz(images=bytes(1 << 24), fg=(3, 256), bg=(3, 256))),
        "magic string is not correct",
    ),
    "line removed": (drop_last_line, "images in levels.npz is not of shape"),
    "image renamed": (edit_csv("im0001", "im000x"), "list different images"),
    "size edited": (edit_csv("im0000,20", "im0000,21"), "histograms of im0000 do not add up to its size"),
    "negative size": (edit_csv("im0000,20,20", "im0000,-20,-20"), "histograms of im0000 do not add up"),
    "size no number": (edit_csv("im0000,", "im0000,x"), "invalid literal"),
    "huge size": (edit_csv("im0000,20", f"im0000,{'9' * 5000}"), "Exceeds the limit"),
    "column renamed": (edit_csv("s_region", "s_regio"), "'s_region'"),
    "column twice": (edit_csv("s_region", "s_object"), "two columns of a name"),
    "half the csv": (cut("images.csv", 0.5), "lines of another number of cells than columns"),
    "empty csv": (cut("images.csv", 0), "'image'"),
    "csv not utf-8": (write("images.csv", b"image\n\xff\n"), "can't decode byte 0xff"),
    "a cell of 140,000 bytes": (set_cell("w_recall", "1" * 140_000), "field larger than field limit"),
    "a cell of 100,000 bytes": (
        set_cell("w_recall", "x" * 100_000),
        r"could not convert string to float: 'x{150,170} \.\.\.",
    ),
    "w_precision -1": (set_cell("w_precision", "-1"), "w_precision is -1.0, expected -1e-09 to 1"),
    "s_object 1e308": (set_cell("s_object", "1e308"), r"s_object is 1e\+308, expected -1 to 1"),
    "r_recall inf": (set_cell("r_recall", "inf"), "r_recall is inf, expected"),
    "s_region -inf": (set_cell("s_region", "-inf"), "s_region is -inf, expected"),
    "garbage meta": (write("meta.json", b"{]"), "Expecting property name"),
    "half the meta": (cut("meta.json", 0.5), ""),
    "meta not utf-8": (write("meta.json", b'{"method": "\xff"}'), "can't decode byte 0xff"),
    "meta a list": (write("meta.json", b"[]"), "meta.json is no record"),
    "meta nested": (write("meta.json", b"[" * 100_000), "recursion"),
    "meta with NaN": (edit_meta(of=float("nan")), "meta.json holds NaN"),
    "meta without method": (edit_meta(method=None), "'method'"),
    "meta without format": (edit_meta(format=None), "'format'"),
    "of no number": (edit_meta(of=True), "of in meta.json is True"),
    "fewer than there are": (edit_meta(of=2), r"the signature says n 3/3, not 3/2 as the rest does"),
    "no rule for missing maps": (edit_meta(missing="x"), "missing in meta.json is 'x'"),
    "method no text": (edit_meta(method="\ud800"), "surrogates not allowed"),
    "signature of odd revisions": (
        lambda f: reword(f, "rev:f1", "rev:?"),
        r"signature part rev:'\?.*' is not of the form f1\.m1\.",
    ),
    "signature no signature": (edit_meta(signature="x"), "signature part 'x'"),
    "signature of fields unknown": (edit_meta(signature="zz:1"), "unknown parts 'zz'"),
    "metrics no names": (edit_meta(metrics=["mae", 1]), "metrics in meta.json"),
    "no metrics": (edit_meta(metrics=[]), "metrics in meta.json"),
    "revisions no numbers": (edit_meta(revisions={"f": "1"}), "revisions in meta.json"),
}

EDITS = {
    "counts moved between bins": (edit_levels(moved_count), "levels.npz", " in im0000"),
    "fg and bg swapped": (
        edit_levels(lambda z: {**z, "fg": z["bg"], "bg": z["fg"]}),
        "levels.npz",
        " in im0000, im0001, im0002",
    ),
    "a number": (set_cell("s_object", "0.5"), "images.csv", " in im0000"),
    "a digest": (set_cell("digest", "ff"), "images.csv", " in im0000"),
    "a row's digest": (set_cell("row_sha256", "ff"), "images.csv", " in im0000"),
    "a note": (set_cell("notes", "missing"), "images.csv", " in im0000"),
    "a line end": (
        lambda f: write("images.csv", (f / "images.csv").read_bytes() + b"\n")(f),
        "images.csv",
        "",
    ),
    "a method's name": (edit_meta(method="other"), "meta.json", ""),
    "a signature": (lambda f: reword(f, "norm:max", "norm:minmax"), "meta.json", ""),
    "a printed score": (lambda f: reword(f, '"scores": {', '"scores": {"x": 1,'), "meta.json", ""),
    "a digest in meta.json": (edit_meta(sha256={}), "meta.json", ""),
}


def reword(folder, old, new):
    text = (folder / "meta.json").read_text()
    assert old in text
    (folder / "meta.json").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing(folder, case):
    do, message = MISSING[case]
    do(folder)
    with pytest.raises(ScoresError, match=message):
        Scores.load(folder)


@pytest.mark.parametrize("case", DAMAGES)
@pytest.mark.parametrize("sealed", [True, False])
def test_damage(folder, case, sealed):
    """Whether its digests are wrong, or there are none."""
    do, message = DAMAGES[case]
    if not sealed:
        unseal(folder)
    do(folder)
    with pytest.raises(DamageError, match=r"these scores are damaged \(.+\)\. Score again\.") as info:
        Scores.load(folder)
    assert len(str(info.value)) < 400
    assert "\n" not in str(info.value)
    if not sealed:
        assert info.match(message)


@pytest.mark.parametrize("case", EDITS)
def test_edits_of_valid_files_are_damage(folder, case):
    do, name, where = EDITS[case]
    do(folder)
    with pytest.raises(DamageError, match=rf"damaged \({name} was changed{where}: .*SHA-256"):
        Scores.load(folder)


@pytest.mark.parametrize("case", [case for case, (_, _, where) in EDITS.items() if where])
def test_edits_are_damage_even_where_the_digests_of_files_are_taken_away(folder, case):
    do, _, where = EDITS[case]
    do(folder)
    edit_meta(sha256=None)(folder)
    with pytest.raises(DamageError, match=rf"damaged \(images.csv or levels.npz was changed{where}\)"):
        Scores.load(folder)


def test_files_with_right_digests_are_believed(folder):
    set_cell("s_object", "0.5")(folder)
    reseal(folder)
    assert Scores.load(folder).rows["im0000"].numbers["s_object"] == 0.5


def test_newer_and_revised_are_no_damage(folder):
    reseal(folder, revisions={**REVISIONS, "s": 0, "w": 9})
    with pytest.raises(ScoresError, match=r"another revision of metrics: w9 .now 1., s0") as info:
        Scores.load(folder)
    assert not isinstance(info.value, DamageError)
    edit_meta(format=2)(folder)
    with pytest.raises(
        ScoresError, match="newer sodbench .format 2, this one reads 1.. Update sodbench"
    ) as info:
        Scores.load(folder)
    assert not isinstance(info.value, DamageError)


def test_levels_damaged_anywhere_are_refused(folder):
    file = folder / "levels.npz"
    data = file.read_bytes()
    for place in range(0, len(data), 11):
        file.write_bytes(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
        with pytest.raises(DamageError, match="levels.npz was changed"):
            Scores.load(folder)


def test_a_file_larger_than_any(folder):
    with (folder / "images.csv").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ScoresError, match=r"images.csv: has 1099511627776 bytes, expected at most"):
        Scores.load(folder)


# ---------------------------------------------------------------------------------------------- round trip


def test_files_are_readable_with_other_tools(folder):
    meta = json.loads((folder / "meta.json").read_text())
    assert list(meta)[-1] == "sha256"
    with np.load(folder / "levels.npz") as levels:
        assert levels["images"].tolist() == OLD.ids
        np.testing.assert_array_equal(levels["fg"][0], OLD.rows["im0000"].fg)
    with (folder / "images.csv").open(newline="") as file:
        assert [line["image"] for line in csv.DictReader(file)] == OLD.ids


@pytest.mark.parametrize(
    "name",
    [
        "line\nbreak",
        "\r",
        "a\rb",
        "\r\n",
        "\n\r",
        'a,"b"',
        "'",
        " x ",
        "\x1b[31m",
        "\x07",
        "\x85",
        "\u2028",
        "=1+1",
        "+x",
        "-x",
        "@x",
        "\tx",
        "é",
    ],
)
def test_any_name_of_an_image_reads_back(tmp_path, name):
    rows = {image: row._replace(id=image) for image, row in zip((name, "z"), OLD.rows.values(), strict=False)}
    scores = Scores("m", "SOD@1", 2, OLD.protocol, OLD.metrics, rows)
    scores.save(tmp_path / "s")
    loaded = Scores.load(tmp_path / "s")
    assert loaded.ids == scores.ids
    assert loaded.summary() == scores.summary()


def test_numbers_of_optional_metrics_have_columns_where_they_were_computed(here):
    plant_maps("maps", seed=0)
    plant_masks("own/masks")
    good("score", "maps", "--masks", "own/masks")
    first = Path("scores/maps/own/images.csv").read_text().splitlines()[0].split(",")
    assert "hce_fp_points" not in first
    assert "s_object" in first
    good("score", "maps", "--masks", "own/masks", "--metrics", "hce")
    (head, *lines) = csv.reader(Path("scores/maps/own/images.csv").read_text().splitlines())
    assert {"hce", "hce_fp_points", "max_f", "s_object"} <= {*head}
    assert all(line[head.index("hce_fp_points")] for line in lines)
