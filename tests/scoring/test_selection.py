"""Scores are chosen by their names, and only those chosen are read."""

import json
import shutil
from pathlib import Path

import pytest
from stored import made
from workspace import good, refused

from sodbench.errors import ScoresError, SodbenchWarning
from sodbench.scoring.selection import load_scores, read_scores, stored_under, those_of

NOTE = (
    r"^scores/C/SOD: these scores are damaged \(.*\)\. Score .* Left out, as its folders are called C/SOD\."
)


@pytest.fixture
def tree(here: Path) -> Path:
    """Scores of A and B on two datasets, and of C on one."""
    for dataset in ("SOD@1", "TWO@1"):
        for seed, method in enumerate("AB"):
            made(method, 6, seed, dataset=dataset).save(Path("scores", method, dataset[:3]))
    made("C", 6, 3).save(Path("scores/C/SOD"))
    return Path("scores")


def names(paths, *chosen):
    return [(s.method, s.dataset_name) for s in load_scores(paths, *chosen)]


def test_the_choice_is_in_the_order_of_datasets_then_of_the_methods_given(tree):
    assert names(tree, ["sod"], ["B", "A"]) == [("B", "SOD"), ("A", "SOD")]
    assert names([tree], (), ["B", "A"]) == [("B", "SOD"), ("A", "SOD"), ("B", "TWO"), ("A", "TWO")]
    assert names(tree, ["TWO"]) == [("A", "TWO"), ("B", "TWO")]
    assert names(["scores/B", "scores"], ["SOD"]) == [("B", "SOD"), ("A", "SOD"), ("C", "SOD")]
    assert names(["scores/B", "scores/A"]) == [("B", "SOD"), ("A", "SOD"), ("B", "TWO"), ("A", "TWO")]


def test_a_folder_under_two_paths_is_listed_once(tree):
    Path("link").symlink_to(tree)
    assert names(["scores/A", "link/A", tree.absolute()], ["SOD"]) == [
        ("A", "SOD"),
        ("B", "SOD"),
        ("C", "SOD"),
    ]


def test_what_a_run_left_that_was_cut_short_is_not_listed(tree):
    made("A", 2).save(tree / "A/.SOD.partial")
    assert names("scores/A") == [("A", "SOD"), ("A", "TWO")]


def test_names_that_are_not_there(tree):
    with pytest.raises(ScoresError, match="^scores: no scores on TOW here; did you mean TWO"):
        load_scores(tree, ["TOW"])
    with pytest.raises(
        ScoresError, match=r"^none: no such folder\. `sodbench score` stores in scores/METHOD"
    ):
        load_scores(["scores", "none"])
    Path("empty").mkdir()
    with pytest.raises(ScoresError, match=r"^empty: found no scores here; `sodbench score` makes them\.$"):
        load_scores(["scores", "empty"])
    with pytest.raises(ScoresError, match=r"^scores/A, scores/B: no scores of C here; valid: A, B$"):
        load_scores(["scores/A", "scores/B"], ["SOD"], ["C"])
    with pytest.raises(ScoresError, match=r"^scores: no scores of C here; valid: A, B$"):
        load_scores(tree, ["TWO"], ["C"])


@pytest.mark.parametrize("name", ["images.csv", "levels.npz"])
def test_files_of_others_are_not_read(tree, name):
    """A damaged file of scores that are not asked for concerns nobody."""
    (tree / "C/SOD" / name).write_bytes(b"damaged")
    assert names(tree, ["SOD"], ["A", "B"]) == [("A", "SOD"), ("B", "SOD")]
    assert names(tree, ["TWO"]) == [("A", "TWO"), ("B", "TWO")]
    with pytest.raises(ScoresError, match="scores/C/SOD: these scores are damaged"):
        load_scores(tree, ["SOD"])


def damage_meta(tree):
    meta = tree / "C/SOD/meta.json"
    meta.write_text(meta.read_text().replace('"of": 6', '"of": 7'))


def test_a_damaged_record_outside_the_choice_is_noted(tree):
    damage_meta(tree)
    with pytest.warns(SodbenchWarning, match=NOTE):
        assert names(tree, (), ["B", "A"]) == [("B", "SOD"), ("A", "SOD"), ("B", "TWO"), ("A", "TWO")]
    with pytest.warns(SodbenchWarning, match=NOTE):
        assert names(tree, ["TWO"]) == [("A", "TWO"), ("B", "TWO")]
    for chosen in ((), (["SOD"],), ((), ["C"])):
        with pytest.raises(ScoresError, match="scores/C/SOD: these scores are damaged"):
            load_scores(tree, *chosen)


def test_a_newer_format_outside_the_choice_is_noted(tree):
    meta = tree / "C/SOD/meta.json"
    meta.write_text(json.dumps({"format": 99}))
    with pytest.warns(
        SodbenchWarning, match=r"C/SOD: written by a newer sodbench .* Left out, as its folders"
    ):
        assert names(tree, ["TWO"]) == [("A", "TWO"), ("B", "TWO")]


def test_folders_name_damaged_scores_as_they_are_written(here):
    folder = Path("scores/a%2Fb/c%25")
    made("a/b", 3, dataset="c%@1").save(folder)
    (folder / "meta.json").write_text("[")
    (stored,) = stored_under(["scores"])
    assert stored[:3] == (folder, "c%", "a/b")
    assert read_scores(those_of([stored._replace(error="")], lambda s: s.method == "b")) == []


@pytest.mark.parametrize("damaged", ["meta.json", "images.csv"])
def test_every_command_that_chooses(tree, damaged):
    """Scores of another method or dataset never stop a command, whatever is wrong with them."""
    if damaged == "meta.json":
        damage_meta(tree)
    else:
        (tree / "C/SOD/images.csv").write_text("damaged")
    chosen = [
        ("compare", "scores", "-d", "SOD", "--methods", "A,B", "--resamples", "100"),
        ("compare", "scores", "-d", "TWO", "--resamples", "100"),
        ("rescore", "scores", "-d", "SOD", "--methods", "A,B"),
        ("worst", "scores", "-d", "SOD", "--methods", "A"),
        ("worst", "scores/A/TWO", "--than", "scores/B"),
        ("plot-pr", "scores", "-d", "SOD", "--methods", "A,B", "--out", "pr.png"),
        ("plot-pr", "scores", "--with-boards", "-d", "SOD", "--methods", "A,B", "--out", "pr.png"),
    ]
    for arguments in chosen:
        good(*arguments)
    for arguments in (("compare", "scores", "-d", "SOD"), ("rescore", "scores"), ("plot-pr", "scores")):
        refused(*arguments, match="scores/C/SOD: these scores are damaged")


def test_many_that_are_left_out_are_counted(tree):
    for k in range(7):
        path = Path(f"scores/other/{k}/meta.json")
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with pytest.warns(SodbenchWarning) as said:
        load_scores(tree, ["TWO"])
    (line,) = [str(warning.message) for warning in said]
    assert line.splitlines()[0] == (
        "scores/other/0: these scores are damaged ('format'). Score again. "
        "Left out, as its folders are called other/0."
    )
    assert len(line.splitlines()) == 6
    assert line.endswith("\nand 2 more")


def test_a_folder_with_scores_of_other_protocols_only(tree):
    tree.rename("@fan")
    Path("scores").mkdir()
    Path("@fan").rename("scores/@fan")
    with pytest.raises(
        ScoresError, match="^scores: found no scores here; for those of another protocol, pass scores/@fan.$"
    ):
        load_scores(tree)
    assert len(load_scores("scores/@fan")) == 5


def test_trees_of_other_protocols_are_said_to_be_left_out_once(tree):
    shutil.copytree(tree / "A", tree / "@fan/A")
    shutil.copytree(tree / "B", tree / "@fan/B")
    shutil.copytree(tree / "A", tree / "@0123abcd/A")
    line = (
        "scores of other protocols, left out: scores/@0123abcd, scores/@fan; to read them, pass that folder"
    )
    assert good("rescore", "scores", "--metrics", "mae").stderr.splitlines() == [line]
    words = ("compare", "scores", "-d", "SOD", "--methods", "A,B", "--by", "size", "--resamples", "100")
    twice_listed = refused(*words, match="SOD: not found on this disk")
    assert twice_listed.stderr.splitlines()[:-1] == [line]
    assert good("rescore", "scores/A", "scores/@fan", "--metrics", "mae").stderr == ""
