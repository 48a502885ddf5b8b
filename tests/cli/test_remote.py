"""Commands on addresses: the same scores as on this disk, no secret anywhere, nothing written elsewhere."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from webserver import Behaviour, serving
from workspace import good, listing, plant, plant_maps, plant_masks, refused, sodbench

from sodbench.data.demo import demo_folder
from sodbench.data.remote import web
from sodbench.errors import FileError
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scores import Scores


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Behaviour]]:
    """One server for all tests of this file, of an empty folder."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def host(server: tuple[str, Behaviour], here: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server of the current folder, which is that of small maps and masks."""
    monkeypatch.setattr(web, "WAITS", (0.01,))
    monkeypatch.setenv("NO_PROXY", "*")
    address, behaviour = server
    (here / "served").mkdir()
    behaviour.__init__(here / "served")  # type: ignore[misc]
    plant_maps("served/preds/A/own")
    plant_masks("served/own/masks")
    shutil.make_archive("served/zips/A", "zip", "served/preds/A/own")
    return address


@pytest.fixture
def behaviour(server: tuple[str, Behaviour], host: str) -> Behaviour:
    """What the server does."""
    return server[1]


def stored(home: str) -> tuple[bytes, bytes, str]:
    """The rows, the histograms and the signature."""
    signature = json.loads(Path(home, "meta.json").read_text())["signature"]
    return Path(home, "images.csv").read_bytes(), Path(home, "levels.npz").read_bytes(), signature


def test_the_same_scores(host: str, behaviour: Behaviour) -> None:
    """Of the demo, to the last bit: from a folder, from a zip, and from this disk."""
    behaviour.root = demo_folder()
    maps = demo_folder() / "preds" / "blurred" / "demo"
    with_masks = ("-d", "demo", "--metrics", "paper", "--masks")
    good("score", maps, *with_masks, demo_folder() / "masks", "--scores", "here")
    good("score", f"{host}/preds/blurred", *with_masks, f"{host}/masks", "--scores", "there")
    assert stored("there/blurred/demo") == stored("here/blurred/demo")
    behaviour.root = Path("served").absolute()
    shutil.make_archive("served/blurred", "zip", maps)
    good("score", f"{host}/blurred.zip", "-d", "demo", "--metrics", "paper", "--scores", "zipped")
    assert stored("zipped/blurred/demo") == stored("here/blurred/demo")


def test_a_tree_of_methods(host: str) -> None:
    plant_maps("served/preds/B/own", seed=1)
    table = good("score", f"{host}/preds", "--masks", f"{host}/own/masks").stdout
    assert [line.split()[0] for line in table.splitlines()[1:4]] == ["method", "A", "B"]
    assert listing("scores")[0] == "A/own/images.csv"


class TestAfterwards:
    """What is stored says where the files are, and every command finds them there."""

    @pytest.fixture(autouse=True)
    def scores(self, host: str) -> None:
        good("score", f"{host}/zips/A.zip", "--masks", f"{host}/own/masks", "--metrics", "paper")

    def test_where_from(self, host: str) -> None:
        made = Scores.load("scores/A/own").provenance
        assert made["predictions"] == f"{host}/zips/A.zip"
        assert made["masks"] == f"{host}/own/masks"

    def test_continued(self, host: str) -> None:
        said = good("score", f"{host}/zips/A.zip", "--masks", f"{host}/own/masks", "--metrics", "mae").stderr
        assert "reused stored results for 4 of 4 unchanged maps" in said

    def test_other_maps_of_the_same_name(self, host: str) -> None:
        plant_maps("served/other/A/own", seed=1)
        refused(
            *("score", f"{host}/other/A", "--masks", f"{host}/own/masks"),
            match=rf"holds scores of {host}/zips/A.zip, and these are of {host}/other/A/own",
        )
        good("score", "served/zips/A.zip", "--masks", "served/own/masks")

    def test_changed_maps_are_scored_again(self, host: str) -> None:
        plant_maps("served/zips/new", seed=1)
        shutil.make_archive("served/zips/A", "zip", "served/zips/new")
        before = stored("scores/A/own")
        good("score", f"{host}/zips/A.zip", "--masks", f"{host}/own/masks", "--metrics", "paper")
        assert stored("scores/A/own") != before

    def test_worst(self, host: str) -> None:
        good("worst", "scores/A", "--out", "sheet.png")
        assert Path("sheet.png").stat().st_size > 1000
        shutil.rmtree("served/zips")
        refused("worst", "scores/A", "--out", "again.png", match="zips/A.zip: the server answered 404")
        good("worst", "scores/A", "--out", "again.png", "--maps", f"{host}/preds/A/own")

    def test_report(self, host: str) -> None:
        good("report", "scores", "--out", "report.html")
        page = Path("report.html").read_text()
        assert page.count("data:image/") >= 8
        shutil.rmtree("served/zips")
        assert "the server answered 404" in good("report", "scores", "--out", "report.html").stderr

    def test_explain(self, host: str) -> None:
        text = good(
            "explain", f"{host}/zips/A.zip", "--masks", f"{host}/own/masks", "--metrics", "mae"
        ).stdout
        assert text.startswith("A on own, by preset")

    def test_compare_by_an_attribute(self, host: str) -> None:
        good("score", f"{host}/preds", "--masks", f"{host}/own/masks", "--method", "B", "--metrics", "paper")
        text = good("compare", "scores", "--by", "size", "--resamples", "100").stdout
        assert text.startswith("maxF↑ on own, by share of image that is object")


def test_how_maps_were_made_is_read_beside_them(host: str) -> None:
    Path("served/preds/A/own/run.json").write_text('{"configuration": {"precision": "bf16"}}')
    shutil.make_archive("served/zips/A", "zip", "served/preds/A/own")
    for maps in (f"{host}/preds/A", f"{host}/zips/A.zip"):
        good("score", maps, "--masks", f"{host}/own/masks", "--metrics", "mae", "--force")
        assert Scores.load("scores/A/own").provenance["precision"] == "bf16"


def test_processes(host: str, behaviour: Behaviour) -> None:
    masks = ("--masks", f"{host}/own/masks", "--metrics", "mae")
    good("score", f"{host}/zips/A.zip", *masks, "--scores", "one", "--jobs", "1")
    good("score", f"{host}/zips/A.zip", *masks, "--scores", "two", "--jobs", "2", "--executor", "processes")
    assert stored("one/A/own") == stored("two/A/own")


def test_masks_are_verified(host: str) -> None:
    result = sodbench("datasets", "verify", "SOD", "--masks", f"{host}/own/masks")
    found = f"SOD: 4 masks of 300, 0 photos in {host}/own/masks (masks only)"
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, found)


def test_secrets_are_nowhere(host: str, behaviour: Behaviour) -> None:
    behaviour.user = "me:hunter2"
    there = host.replace("://", "://me:hunter2@")
    shutil.copytree("served/preds", "served/zips/preds")
    for way in (f"{there}/zips/A.zip?sig=hunter3", f"{there}/zips/preds/A?sig=hunter3"):
        said = good("score", way, "--masks", f"{there}/own/masks?sig=hunter4", "--force")
        assert "hunter" not in said.output
        assert "hunter4" in str(behaviour.asked)
        for name in listing("scores"):
            assert b"hunter" not in Path("scores", name).read_bytes()
    for wrong in ("hunter5", ""):
        way = host.replace("://", f"://me:{wrong}@") + "/zips/A.zip?sig=hunter6"
        said = refused("score", way, "--masks", way, match="answered 401: it wants credentials")
        assert "hunter" not in said.output
    said = refused("worst", "scores/A", "--out", "x.png", match="answered 401")
    assert "hunter" not in said.output


@pytest.mark.parametrize(
    "words",
    [
        ("score", "maps", "--masks", "own/masks", "--scores", "s3://bucket/scores"),
        ("score", "maps", "--masks", "own/masks", "--csv", "https://host/a.csv"),
        ("score", "maps", "--masks", "own/masks", "--per-image", "s3://bucket/a.csv"),
        ("score", "maps", "--data", "s3://bucket/data"),
        ("run", "--images", "maps", "--maps", "s3://bucket/maps"),
        ("run", "--images", "maps", "--weights", "https://host/u2net.pth"),
        ("worst", "s3://bucket/scores"),
        ("report", "scores", "--out", "https://host/report.html"),
        ("train", "--images", "https://host/images", "--masks", "own/masks"),
    ],
)
def test_results_are_kept_on_this_disk(words: tuple[str, ...], here: Path) -> None:
    plant()
    before = listing(here)
    (url,) = (word for word in words if "://" in word)
    refused(*words, match=f"^Error: {url}: is an address, expected a path on this disk")
    assert listing(here) == before


def test_addresses_that_cannot_be_read(here: Path) -> None:
    plant()
    refused(
        "score", "ftp://host/maps", "--masks", "own/masks", match="ftp:// cannot be read, expected https://"
    )
    refused("score", "https:///maps", "--masks", "own/masks", match="no name of a host")
    assert not Path("ftp:").exists()


def test_packages_that_are_missing(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("requests", "requests.exceptions", "fsspec"):
        monkeypatch.setitem(sys.modules, package, None)
    from sodbench.data.remote.stores import _filesystem

    _filesystem.cache_clear()
    masks = ("--masks", "served/own/masks")
    refused("score", f"{host}/zips/A.zip", *masks, match=r"Run: pip install 'sodbench\[remote\]'$")
    refused("score", "s3://bucket/maps", *masks, match=r"Run: pip install 'sodbench\[remote\]' s3fs$")


def test_a_library_call(host: str, here: Path) -> None:
    scores = score_folder(f"{host}/preds/A/own", masks=f"{host}/own/masks")
    assert scores.summary() == score_folder("served/preds/A/own", masks="served/own/masks").summary()
    with pytest.raises(FileError, match="ftp:// cannot be read"):
        score_folder("ftp://host/maps", masks="served/own/masks")
    with pytest.raises(Exception, match="An address is passed as text: a Path has lost one of its slashes"):
        score_folder(Path(f"{host}/preds"), masks="served/own/masks")


def test_files_on_this_disk_need_none_of_it(here: Path) -> None:
    """Neither a command's help nor folders and zips load what reads from elsewhere."""
    shutil.make_archive("zipped", "zip", plant_maps("maps"))
    code = (
        "import sys; from pathlib import Path; from sodbench.data.sources import open_source\n"
        "import sodbench.cli.score\n"
        "for path in ('maps', 'zipped.zip'): open_source(Path(path)).groups[''][0].read()\n"
        "unwanted = 'sodbench.data.remote', 'requests', 'fsspec'\n"
        "print(*(name for name in sys.modules if name.startswith(unwanted)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
