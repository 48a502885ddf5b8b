"""Shards, and parts that are merged: the bits of one run, or an error that names what is wrong."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from workspace import good, listing, plant_maps, plant_masks, refused, whole

from sodbench.scoring.merging import ScoredPart, merge_folders, merged_parts
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")

IMAGES = tuple(f"im{k}" for k in range(7))
SCORE = ("score", "preds", "--masks", "own/masks", "--dataset", "own")
SHARDS = tuple(f"scores-{k}-of-3" for k in (1, 2, 3))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Maps of two methods, their scores by one run, and those of three shards; copied for each test."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        plant_masks("own/masks", IMAGES)
        plant_maps("preds/A/own", IMAGES)
        plant_maps("preds/B/own", (*IMAGES, "extra"), seed=1)
        good(*SCORE, "--scores", "once")
        for k in (1, 2, 3):
            good(*SCORE, "--shard", f"{k}/3")
    return root


@pytest.fixture
def parts(made, here):
    """Work on a copy of all that, and return what one run stored."""
    shutil.copytree(made, here, dirs_exist_ok=True)
    return stored("once")


def stored(out):
    """Return what a tree holds, but for dates and digests of meta.json."""
    found = {}
    for meta in sorted(Path(out).rglob("meta.json")):
        record = json.loads(meta.read_text("utf-8"))
        del record["sha256"]["meta.json"], record["provenance"]["date"]
        files = [(meta.parent / name).read_bytes() for name in ("images.csv", "levels.npz")]
        found[str(meta.parent.relative_to(out))] = [*files, record]
    return found


def test_merged_shards_are_the_bits_of_one_run(parts):
    sizes = [len(Scores.load(f"{shard}/A/own").rows) for shard in SHARDS]
    assert sizes == [3, 2, 2]
    assert sorted(Scores.load("scores-2-of-3/A/own").rows) == ["im1", "im4"]
    result = good("merge", "scores-3-of-3", "scores-1-of-3", "scores-2-of-3")
    assert stored("scores") == parts
    assert set(parts) == {"A/own", "B/own"}
    assert result.stdout == good("rescore", "once").stdout
    assert "Stored in scores/A/own, scores/B/own" in result.stderr


def test_parts_may_be_nested_and_lack_methods(parts):
    Path("all/deep").mkdir(parents=True)
    for shard in SHARDS:
        shutil.move(shard, f"all/deep/{shard}")
    shutil.move("once/B", "apart/B")
    for shard in SHARDS:
        shutil.rmtree(f"all/deep/{shard}/B")
    results = merge_folders(["all", "apart"], "merged")
    assert [scores.method for scores in results.scores] == ["A", "B"]
    assert stored("merged") == parts


def test_a_shard_says_that_it_is_a_part_and_continues(parts):
    result = good(*SCORE, "--shard", "2/3")
    assert "own: reused stored results for 4 of 4 unchanged maps." in result.stderr
    assert "B on own: maps without a mask, passed over: 1 (B/own/extra.png)" in result.stderr
    assert "These numbers are of shard 2/3 of the images alone." in result.stderr
    assert "sodbench merge scores-*-of-3" in result.stderr
    assert (
        json.loads(Path("scores-2-of-3/A/own/meta.json").read_text("utf-8"))["provenance"]["shard"] == "2/3"
    )
    assert "n:2/7" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "1/3"], "holds scores of shard 2/3, and these are of shard 1/3"),
        ([], "holds scores of shard 2/3, and these are of the whole dataset"),
    ],
)
def test_the_folder_of_another_shard_is_refused(parts, words, message):
    before = stored("scores-2-of-3")
    found = refused(*SCORE, *words, "--scores", "scores-2-of-3", match=message)
    assert "or another --scores; to replace them, --force." in found.stderr
    assert stored("scores-2-of-3") == before
    refused(
        *SCORE, "--shard", "1/3", "--scores", "once", match="holds scores of the whole dataset, and these are"
    )


def test_missing_maps_are_judged_within_the_shard(parts):
    Path("preds/A/own/im1.png").unlink()
    good(*SCORE, "--shard", "1/3", "--scores", "s/1")
    refused(
        *SCORE,
        "--shard",
        "2/3",
        "--scores",
        "s/2",
        match=r"A on own, shard 2/3: 1 of 2 predictions is missing",
    )
    for how in ("zero", "skip"):
        good(*SCORE, "--missing", how, "--scores", f"{how}/once")
        for k in (1, 2, 3):
            good(*SCORE, "--missing", how, "--shard", f"{k}/3", "--scores", f"{how}/part/{k}")
        said = good("merge", f"{how}/part", "--scores", f"{how}/merged").stderr
        assert ("prediction missing, scored as an all-zero map (im1)" in said) == (how == "zero")
        assert stored(f"{how}/merged") == stored(f"{how}/once")


def test_a_shard_of_missing_maps_only(parts):
    for name in ("im1", "im4"):
        Path(f"preds/A/own/{name}.png").unlink()
    good(*SCORE, "--missing", "zero", "--shard", "2/3", "--scores", "zero")
    assert Scores.load("zero/A/own").n == 0
    refused(
        *SCORE,
        "--missing",
        "skip",
        "--shard",
        "2/3",
        "--scores",
        "skip",
        match="2 of 2 predictions are missing.*This shard has no map at all: take fewer shards, or pass "
        "--missing zero",
    )


def test_misnamed_maps_are_no_missing_ones_of_a_shard(parts):
    """All-zero maps would be scored in their place."""
    plant_maps("wrong/A/own", [f"{image}_sal" for image in IMAGES])
    words = ("score", "wrong", "--masks", "own/masks", "--dataset", "own", "--missing", "zero")
    words += ("--shard", "1/3", "--scores", "wrong-1-of-3")
    refused(*words, match="3 of 3 predictions are missing.*pass --strip _sal")
    assert not list(Path("wrong-1-of-3").rglob("meta.json"))


def test_shards_are_of_all_images(parts):
    refused(*SCORE, "--shard", "1/2", "--subset", match="--shard 1/2 goes without --subset")


def test_a_shard_elsewhere_is_merged_from_there(parts):
    assert "sodbench merge s/1 ..." in good(*SCORE, "--shard", "1/3", "--scores", "s/1").stderr
    said = good(*SCORE, "--shard", "1/3", "--protocol", "fan").stderr
    assert "are scored: sodbench merge scores-*-of-3/@fan --scores scores/@fan\n" in said


def test_more_shards_than_images(parts):
    refused(*SCORE, "--shard", "8/8", match="shard 8/8: there are 7 masks, so this shard has no image")


@pytest.mark.usefixtures("parts")
def test_parts_made_in_several_directories_name_their_files_in_full(monkeypatch):
    """Commands that look for the maps find them."""
    Path("below").mkdir()
    words = ("-d", "own", "--shard")
    for k in (1, 3):
        good("score", "preds", "--masks", "own/masks", *words, f"{k}/3", "--scores", f"again/{k}")
    with monkeypatch.context() as patch:
        patch.chdir("below")
        good("score", "../preds", "--masks", "../own/masks", *words, "2/3", "--scores", "../again/2")
    good("merge", "again/1", "again/2", "again/3")
    told = Scores.load("scores/A/own").provenance
    assert "directory" not in told
    assert (told["predictions"], told["masks"]) == (
        str(Path("preds/A/own").resolve()),
        str(Path("own/masks").resolve()),
    )
    good("worst", "scores/A/own", "--out", "worst.pdf")


def test_the_date_is_that_of_the_last_part(parts):
    dates = ("2026-02-01", "2026-03-01", "2026-01-01")
    dated = [
        ScoredPart(Path(shard), replace(scores, provenance={**scores.provenance, "date": date}))
        for shard, date in zip(SHARDS, dates, strict=True)
        for scores in [Scores.load(f"{shard}/A/own")]
    ]
    assert merged_parts(dated).provenance["date"] == "2026-03-01"


def spoilt(part, change):
    """Change the maps or masks and score a shard again; or change its folder."""
    if change == "damaged":
        with Path(part, "A/own/images.csv").open("a") as file:
            file.write("im9\n")
    elif change == "no meta":
        Path(part, "A/own/meta.json").write_text("{")
    elif change == "masks":
        plant_masks("own/masks", [*IMAGES[1:], IMAGES[0]])
        shutil.rmtree(part)
        good(*SCORE, "--shard", "3/3", "--scores", part)
    elif change == "half":
        record = json.dumps({"configuration": {"precision": "bf16"}})
        Path("preds/A/own/run.json").write_text(record, "utf-8")
        shutil.rmtree(part)
        good(*SCORE, "--shard", "3/3", "--scores", part)
    elif change == "twice":
        shutil.rmtree(part)
        good(*SCORE, "--shard", "2/3", "--scores", part)
    else:
        shutil.rmtree(part)
        good(*SCORE, "--scores", part, *change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("damaged", "scores-3-of-3/A/own: these scores are damaged"),
        ("no meta", "scores-3-of-3/A/own: these scores are damaged"),
        ("masks", r"scores-1-of-3/A/own and scores-3-of-3/A/own differ in dataset \(their masks differ\)"),
        ("twice", "scores-2-of-3/A/own and scores-3-of-3/A/own are both shard 2/3. Pass one of them"),
        (
            ("--shard", "3/4"),
            r"is shard 1/3, and scores-3-of-3/A/own shard 3/4\. Expected shards of one number",
        ),
        ((), "is shard 1/3, and scores-3-of-3/A/own none"),
        (
            ("--shard", "3/3", "--metrics", "mae"),
            r"differ in metrics: max_f, weighted_f, s_measure, .* in one alone\. Score both",
        ),
        (
            ("--shard", "3/3", "--protocol", "fan"),
            "differ in protocol: norm max and minmax; levels 256 and 256float; ",
        ),
        (("--shard", "3/3", "--missing", "skip"), "differ in missing: error and skip"),
        ("half", "differ in precision: fp32 and bf16"),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_nothing_is_written(parts, change, message):
    spoilt("scores-3-of-3", change)
    refused("merge", *SHARDS, match=message)
    assert not Path("scores").exists()


def test_missing_shards_are_named(parts):
    refused("merge", "scores-2-of-3", match=r"A on own: 1/3, 3/3 are missing\. Score with --shard 1/3")
    shutil.rmtree("scores-1-of-3/B")
    refused("merge", *SHARDS, match=r"B on own: 1/3 is missing")
    assert not Path("scores").exists()


def test_parts_made_by_hand_are_merged_if_they_are_the_whole(parts):
    """Of a registered dataset: masks of one's own make another dataset of each part."""
    Path("own.toml").write_text("[mine]\nversion = 1\ncount = 7\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SODBENCH_DATASETS", "own.toml")
        words = ("score", "preds/A/own", "--dataset", "mine", "--method", "A")
        good(*words, "--masks", "own/masks", "--scores", "one/run")
        for name, images in {"p": IMAGES[:4], "q": IMAGES[4:], "r": IMAGES[3:]}.items():
            for image in images:
                Path(name).mkdir(exist_ok=True)
                shutil.copy(f"own/masks/{image}.png", f"{name}/{image}.png")
            good(*words, "--masks", name, "--subset", "--scores", f"by-hand/{name}")
        refused("merge", "by-hand/p", match=r"3 images of 7 are in none of the 1 part")
        refused(
            "merge",
            "by-hand/p",
            "by-hand/r",
            match=r"by-hand/p/A/mine and by-hand/r/A/mine share 1 image \(im3\)",
        )
        plant_masks("s", [f"renamed{k}" for k in range(4)])
        plant_maps("renamed/A", [f"renamed{k}" for k in range(4)])
        words = ("score", "renamed/A", "--dataset", "mine", "--method", "A", "--masks", "s", "--subset")
        good(*words, "--scores", "by-hand/s")
        refused("merge", "by-hand/p", "by-hand/s", match="the 2 parts have 8 images, expected 7")
        good("merge", "by-hand/p", "by-hand/q")
        assert [v[:2] for v in stored("scores").values()] == [v[:2] for v in stored("one/run").values()]
        assert Scores.load("scores/A/mine").signature == Scores.load("one/run/A/mine").signature


def test_what_is_stored_already_is_kept_unless_forced(parts):
    good("merge", *SHARDS, "--scores", "once")
    assert stored("once") == parts
    plant_maps("preds/A/own", IMAGES, seed=9)
    good(*SCORE, "--scores", "other")
    before = stored("other")
    found = refused("merge", *SHARDS, "--scores", "other", match="other/A/own: it holds scores of other maps")
    assert "To keep both, pass another --scores; to replace them, --force." in found.stderr
    assert stored("other") == before
    plant_masks("others/masks", ["strange"])
    plant_maps("others/maps", ["strange"])
    good(
        *("score", "others/maps", "--masks", "others/masks", "--dataset", "own", "--method", "A"),
        *("--scores", "strange"),
    )
    refused("merge", *SHARDS, "--scores", "strange", match="strange/A/own: it holds scores of other masks")
    good("merge", *SHARDS, "--scores", "other", "--force")
    assert stored("other") == parts
    assert listing("other") == whole("A/own", "B/own")


def test_parts_of_fewer_images_replace_no_scores_of_more(parts):
    Path("preds/A/own/im3.png").unlink()
    fewer = [f"fewer-{k}" for k in (1, 2, 3)]
    for k, part in enumerate(fewer, 1):
        good(*SCORE, "--missing", "skip", "--shard", f"{k}/3", "--scores", part)
    refused(
        *("merge", *fewer, "--scores", "once"),
        match="once/A/own: it holds scores of 7/7 images, and these are of 6/7",
    )
    assert stored("once") == parts


def test_damaged_scores_in_the_way(parts):
    spoilt("once", "damaged")
    found = refused(
        "merge", *SHARDS, "--scores", "once", match="it holds damaged scores .images.csv was changed"
    )
    assert "to replace them, --force." in found.stderr
    good("merge", *SHARDS, "--scores", "once", "--force")
    assert stored("once") == parts


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metrics", "all"], r"holds metrics that the parts lack"),
        (["--protocol", "fan"], "holds scores of another protocol"),
        (["--shard", "1/3"], "holds shard 1/3, and these are of the whole dataset"),
    ],
)
def test_other_scores_in_the_way(parts, words, message):
    good(*SCORE, *words, "--scores", "there")
    before = stored("there")
    refused("merge", *SHARDS, "--scores", "there", match=message)
    assert stored("there") == before
