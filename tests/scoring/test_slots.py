"""What may take the place of stored scores: nothing of the user's is replaced without a word."""

import csv
import json
import os
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from stored import made
from workspace import (
    IDS,
    good,
    listing,
    map_of,
    mask_of,
    plant,
    plant_maps,
    plant_masks,
    refused,
    save,
    scored,
    whole,
)

from sodbench.errors import ScoresError, SodbenchWarning
from sodbench.protocol import Protocol
from sodbench.scoring import runs
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.plan import Plan
from sodbench.scoring.runs import collect_jobs, score_jobs
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores
from sodbench.scoring.slots import fewer, folder_name
from sodbench.scoring.storage import read_folder

pytestmark = pytest.mark.usefixtures("here")

HOME = Path("scores/maps/own")
WAY = r"To keep both, pass `sodbench score` --method NAME or another --scores; to replace them, --force\."


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """A good set, and the words that score it by one metric."""
    maps, masks = plant()
    return maps, "--masks", masks, "--metrics", "mae"


def value(folder=HOME):
    return Scores.load(Path(folder)).summary()["mae"]


def state(root="scores"):
    return {path: Path(root, path).read_bytes() for path in listing(root)}


# --------------------------------------------------------------------------------------------- other maps


class TestOtherMaps:
    @pytest.fixture(autouse=True)
    def experiments(self, here):
        plant_maps("exp1/maps")
        plant_maps("exp2/maps", seed=1)
        plant_masks("own/masks")
        good(*self.words("exp1/maps"))

    def words(self, maps, *others):
        return ("score", maps, "--masks", "own/masks", "--metrics", "mae", *others)

    def test_are_refused_before_the_work(self):
        before = state()
        refused(
            *self.words("exp2/maps"),
            match=rf"scores/maps/own: it holds scores of exp1/maps, and these are of exp2/maps\.\n{WAY}",
        )
        assert state() == before

    def test_keep_another_name(self):
        result = good(*self.words("exp2/maps", "--method", "second"))
        assert result.stderr.splitlines()[-2] == "Stored in scores/second/own"
        assert result.stdout.splitlines()[2].startswith("second ")
        assert listing("scores") == whole("maps/own", "second/own")
        assert value() != value("scores/second/own")
        assert [s.method for s in load_scores("scores")] == ["maps", "second"]

    def test_replace_by_force(self):
        good(*self.words("exp2/maps", "--force"))
        assert (
            value()
            == scored("exp2/maps", "--masks", "own/masks", "--metrics", "mae", "--out", "s")[0]["scores"][
                "mae"
            ]
        )
        assert listing("scores") == whole("maps/own")

    def test_of_another_folder_of_masks(self):
        plant_masks("x/own/masks")
        save(mask_of(5), "x/own/masks/im0.png")
        words = ("score", "exp1/maps", "--masks", "x/own/masks", "--metrics", "mae")
        refused(*words, match="it holds scores of own/masks, and these are of x/own/masks")

    def test_changed_maps_of_one_folder_go_on(self):
        for k, name in enumerate(IDS):
            save(map_of(k, seed=7), f"exp1/maps/{name}.png")
        good(*self.words("exp1/maps"))
        assert value() == scored(*self.words("exp1/maps")[1:], "--out", "fresh")[0]["scores"]["mae"]

    @pytest.mark.parametrize("path", ["exp1/../exp1/maps", "./exp1/maps/"])
    def test_one_folder_by_another_path(self, path):
        good(*self.words(path))

    def test_a_moved_folder_is_known_by_its_bytes(self):
        Path("exp1").rename("old")
        assert "reused stored results for 4 of 4" in good(*self.words("old/maps")).stderr
        save(map_of(0, seed=9), "old/maps/im0.png")
        good(*self.words("old/maps", "--force"))

    def test_from_another_folder(self, monkeypatch):
        Path("below").mkdir()
        monkeypatch.chdir("below")
        save(map_of(0, seed=9), "../exp1/maps/im0.png")
        words = ("score", "../exp1/maps", "--masks", "../own/masks", "--metrics", "mae", "--out", "../scores")
        assert "reused stored results for 3 of 4" in good(*words).stderr

    def test_inside_a_folder_of_methods(self):
        """One method's folder is the same whether it is named or found."""
        good("score", "exp1", "--masks", "own/masks", "--metrics", "mae")
        save(map_of(0, seed=9), "exp1/maps/im0.png")
        assert "reused stored results for 3 of 4" in good(*self.words("exp1/maps")).stderr

    def test_scores_of_no_files(self):
        meta = json.loads((HOME / "meta.json").read_text())
        del meta["sha256"], meta["provenance"]["predictions"]
        (HOME / "meta.json").write_text(json.dumps(meta))
        refused(*self.words("exp2/maps"), match="it holds scores of unknown predictions")

    def test_of_the_same_words_in_another_directory(self, here, monkeypatch):
        for name in ("exp1", "own", "scores"):
            shutil.copytree(name, f"moved/{name}")
        monkeypatch.chdir("moved")
        good(*self.words("exp1/maps"))
        save(map_of(0, seed=9), "exp1/maps/im0.png")
        folders = [re.escape(str(folder / "exp1/maps")) for folder in (here, here / "moved")]
        refused(
            *self.words("exp1/maps"), match="it holds scores of {}, and these are of {}\\.".format(*folders)
        )

    def test_one_folder_for_two_names(self):
        """As where names that differ in case share a folder."""
        shutil.copytree("scores/maps", "scores/second")
        refused(
            *self.words("exp2/maps", "--method", "second"), match="of the method maps, and .* called second"
        )

    def test_many_of_them(self):
        for k in range(7):
            plant_maps(f"a/m{k}")
            plant_maps(f"b/m{k}", seed=1)
        good("score", "a", "--masks", "own/masks", "--metrics", "mae")
        result = refused("score", "b", "--masks", "own/masks", "--metrics", "mae", match=r"and 2 more\n")
        assert len(result.stderr.splitlines()) == 7

    def test_that_another_process_stored_meanwhile(self, monkeypatch):
        """Two runs of one name at once: the second is refused at its end, and keeps its images."""
        shutil.rmtree("scores")
        score_methods = runs.score_methods

        def late(*args):
            made = score_methods(*args)
            monkeypatch.setattr(runs, "score_methods", score_methods)
            good(*self.words("exp1/maps"))
            return made

        monkeypatch.setattr(runs, "score_methods", late)
        refused(*self.words("exp2/maps"), match="it holds scores of exp1/maps, and these are of exp2/maps")
        assert listing("scores") == whole("maps/.own.partial", "maps/own")
        result = good(*self.words("exp2/maps", "--force"))
        assert "reused stored results for 4 of 4" in result.stderr
        assert listing("scores") == whole("maps/own")


def test_a_zip_and_a_folder_of_one_name(score):
    shutil.make_archive("maps", "zip", "maps")
    good("score", *score)
    assert "reused stored results for 4 of 4" in good("score", "maps.zip", *score[1:]).stderr
    save(map_of(0, seed=9), "maps/im0.png")
    shutil.make_archive("maps", "zip", "maps")
    refused("score", "maps.zip", *score[1:], match="holds scores of maps, and these are of maps.zip")


# ----------------------------------------------------------------------------------------- another protocol


class TestAnotherProtocol:
    def test_has_a_tree_of_its_own(self, score):
        good("score", *score)
        before = state()
        first = good("score", *score, "--protocol", "fan")
        assert first.stderr.splitlines()[-2] == (
            "Stored in scores/@fan/maps/own: scores of another protocol are in the usual folder (norm max "
            "there, minmax here; levels 256 there, 256float here; avg mean-pr there, mean-f here; ecmp >= "
            "there, > here), and `sodbench score --force` replaces those"
        )
        assert listing("scores") == whole("@fan/maps/own", "maps/own")
        assert {path: data for path, data in state().items() if not path.startswith("@")} == before
        again = good("score", *score, "--protocol", "fan")
        assert again.stdout == first.stdout
        assert good("score", *score).stderr.splitlines()[-2] == "Stored in scores/maps/own"
        assert {path: data for path, data in state().items() if not path.startswith("@")} == before

    def test_is_read_by_name_only(self, score):
        good("score", *score)
        good("score", *score, "--protocol", "fan")
        with pytest.warns(SodbenchWarning, match="^scores of other protocols, left out: scores/@fan"):
            assert [s.protocol for s in load_scores("scores")] == [Protocol.of("u2net")]
        assert [s.protocol for s in load_scores("scores/@fan")] == [Protocol.of("fan")]
        assert [s.protocol for s in load_scores("scores/@fan/maps/own")] == [Protocol.of("fan")]

    @pytest.mark.parametrize("preset", ["pysodmetrics", "sal_eval", "qin", "f3net"])
    def test_has_the_name_of_its_preset_whatever_the_metrics(self, score, preset):
        """A preset may have conventions of metrics that are not asked for."""
        good("score", *score)
        for metrics in ("mae", "max_f,hce"):
            good("score", *score[:-2], "--metrics", metrics, "--protocol", preset)
            assert [tree.name for tree in Path("scores").glob("@*")] == [f"@{preset}"]
        assert Scores.load(Path("scores", f"@{preset}", "maps/own")).metrics == ("max_f", "mae", "hce")

    def test_without_a_name_has_a_digest(self, score):
        good("score", *score)
        good("score", *score, "--beta2", "1")
        (tree,) = Path("scores").glob("@*")
        assert len(tree.name) == 9
        assert Scores.load(tree / "maps/own").protocol == Protocol(beta2=1)

    def test_by_force(self, score):
        good("score", *score)
        result = good("score", *score, "--protocol", "fan", "--force")
        assert "scores/maps/own: replaced earlier scores (norm max, now minmax;" in result.stderr
        assert listing("scores") == whole("maps/own")

    def test_force_is_not_advised_where_it_would_replace_others(self, score):
        """It acts on the normal place, whose scores are not in the way."""
        good("score", *score)
        good("score", *score, "--protocol", "fan")
        way = (
            "To keep both, pass `sodbench score` --method NAME or another --scores; to replace them, "
            "delete their folder; --force replaces those in the normal place."
        )
        Path("maps/im1.png").unlink()
        result = good("score", *score, "--protocol", "fan", "--missing", "zero")
        assert result.stderr.splitlines()[-1] == (
            "Not stored in scores/@fan/maps/own: it holds scores of 4/4 images, and these are of 3/4. " + way
        )
        plant_maps("exp2/maps", seed=1)
        refused(
            "score", "exp2/maps", *score[1:], "--protocol", "fan", match=re.escape(f"of exp2/maps.\n{way}")
        )

    def test_goes_on_after_ctrl_c(self, score, monkeypatch):
        good("score", *score)

        def interrupted(*_):
            raise KeyboardInterrupt

        save(map_of(0, seed=5), "maps/im0.png")
        with monkeypatch.context() as patch:
            patch.setattr(Scores, "save", interrupted)
            with pytest.raises(KeyboardInterrupt):
                run("maps", protocol="fan")
        assert listing("scores") == whole("maps/own")


def run(*paths, protocol="u2net", metrics=("mae",)):
    jobs, _ = collect_jobs([Path(path) for path in paths], (), Path("own/masks"))
    return score_jobs(jobs, Plan(Protocol.of(protocol), metrics), Path("scores"))


def test_interrupted_while_it_stores(score, monkeypatch):
    """What is computed is kept, of each method that is not stored yet."""
    plant_maps("preds/A")
    plant_maps("preds/B", seed=1)
    save_scores, saved = Scores.save, []

    def interrupted(scores, folder):
        saved.append(folder)
        if len(saved) == 2:
            raise KeyboardInterrupt
        save_scores(scores, folder)

    monkeypatch.setattr(Scores, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("preds")
    assert listing("scores") == whole("A/own", "B/.own.partial")
    results = run("preds")
    assert results.stored == ["Stored in scores/A/own, scores/B/own"]
    assert listing("scores") == whole("A/own", "B/own")


# ----------------------------------------------------------------------------------------- fewer images


class TestFewerImages:
    @pytest.mark.parametrize("missing", ["zero", "skip"])
    def test_replace_nothing(self, score, missing):
        good("score", *score)
        before = state()
        Path("maps/im1.png").unlink()
        result = good("score", *score, "--missing", missing)
        assert result.stderr.splitlines()[-1] == (
            "Not stored in scores/maps/own: it holds scores of 4/4 images, and these are of 3/4. To keep "
            "both, pass `sodbench score` --method NAME or another --scores; to replace them, --force."
        )
        assert " 3/4 " in result.stdout
        assert state() == before

    def test_by_force(self, score):
        good("score", *score)
        Path("maps/im1.png").unlink()
        result = good("score", *score, "--missing", "zero", "--force")
        assert "replaced earlier scores (n 4/4, now 3/4; missing -, now zero)" in result.stderr
        assert Scores.load(HOME).n == 3

    def test_of_new_maps_are_kept_for_the_next_run(self, score):
        good("score", *score)
        Path("maps/im1.png").unlink()
        for k in (0, 2, 3):
            save(map_of(k, seed=6), f"maps/{IDS[k]}.png")
        assert "Not stored in scores/maps/own" in good("score", *score, "--missing", "skip").stderr
        save(map_of(1, seed=6), "maps/im1.png")
        result = good("score", *score)
        assert "reused stored results for 3 of 4 unchanged maps" in result.stderr
        assert listing("scores") == whole("maps/own")

    def test_a_subset(self, score):
        plant_masks("data/SOD/masks")
        words = ("score", "maps", "--dataset", "SOD", "--metrics", "mae", "--subset")
        good(*words, "--masks", "data/SOD/masks")
        shutil.copytree("data/SOD/masks", "part/SOD/masks")
        Path("part/SOD/masks/im3.png").unlink()
        result = good(*words, "--masks", "part/SOD/masks")
        assert "it holds scores of 4/300 images, and these are of 3/300" in result.stderr
        assert Scores.load(Path("scores/maps/SOD")).n == 4

    def test_more_images_take_the_place(self, score):
        whole_map = Path("maps/im1.png").read_bytes()
        Path("maps/im1.png").unlink()
        good("score", *score, "--missing", "zero")
        Path("maps/im1.png").write_bytes(whole_map)
        result = good("score", *score)
        assert (
            "scores/maps/own: replaced earlier scores (n 3/4, now 4/4; missing zero, now -)" in result.stderr
        )
        assert Scores.load(HOME).n == 4


# ----------------------------------------------------------------------------------------------- damage


def test_the_smaller_share_counts_not_the_smaller_number():
    """A dataset of one's own may have grown meanwhile."""
    three, four, five = (made("m", n) for n in (3, 4, 5))
    assert fewer(replace(four, of=6), three) == "holds scores of 3/3 images, and these are of 4/6"
    assert fewer(three, replace(five, of=6)) == ""
    assert fewer(four, three) == fewer(three, four) == ""


def test_damaged_scores_are_told_of_and_made_again(score):
    good("score", *score)
    before = (HOME / "images.csv").read_bytes()
    for text in (b"image\n" + b"x" * 140_000, b"[" * 100_000):
        (HOME / "images.csv").write_bytes(text)
        result = good("score", *score)
        assert damage_said(result) == (
            "scores/maps/own: these scores are damaged (images.csv was changed: its SHA-256 is not the one "
            "in meta.json), and are replaced."
        )
        assert (HOME / "images.csv").read_bytes() == before
    (HOME / "meta.json").write_bytes(b"[" * 100_000)
    assert "(maximum recursion depth exceeded" in damage_said(good("score", *score))
    assert listing("scores") == whole("maps/own")


def damage_said(result):
    (line,) = (line for line in result.stderr.splitlines() if "damaged" in line)
    return line


def test_scores_of_a_newer_version_are_left(score):
    good("score", *score)
    meta = json.loads((HOME / "meta.json").read_text())
    (HOME / "meta.json").write_text(json.dumps({**meta, "format": 2}))
    before = state()
    refused("score", *score, match="written by a newer sodbench .format 2, this one reads 1.")
    assert state() == before


@pytest.mark.parametrize("name", ["images.csv", "levels.npz", "meta.json"])
def test_a_pipe_in_place_of_a_file(score, name):
    good("score", *score)
    (HOME / name).unlink()
    os.mkfifo(HOME / name)
    refused("score", *score, match=rf"{name}: is a named pipe \(FIFO\), expected a file")


def test_folders_without_digests_get_them(score):
    good("score", *score)
    before = state()
    meta = json.loads((HOME / "meta.json").read_text())
    del meta["sha256"]
    (HOME / "meta.json").write_text(json.dumps(meta))
    result = good("score", *score)
    assert "reused stored results for 4 of 4" in result.stderr
    assert read_folder(HOME).meta["sha256"].keys() == {"images.csv", "levels.npz", "meta.json"}
    assert {path: data for path, data in state().items() if "meta" not in path} == {
        path: data for path, data in before.items() if "meta" not in path
    }


# ------------------------------------------------------------------------------------------------- names


def test_a_link_keeps_the_name_it_was_called_by(score):
    Path("links").mkdir()
    Path("links/U2Net").symlink_to(Path("maps").resolve())
    assert scored("links/U2Net", *score[1:])[0]["method"] == "U2Net"
    assert listing("scores") == whole("U2Net/own")
    Path("preds/B").mkdir(parents=True)
    Path("preds/B/SOD").symlink_to(Path("maps").resolve())
    plant_masks("SOD/masks")
    (found,) = scored("preds/B/SOD", "--data", ".", "--subset", "--metrics", "mae")
    assert found["method"] == "B"


def test_a_folder_and_a_link_to_it_are_two_methods(score):
    Path("again").symlink_to(Path("maps").resolve())
    assert [s["method"] for s in scored("maps", "again", *score[1:])] == ["maps", "again"]
    assert [s["method"] for s in scored("maps", "./maps/", *score[1:])] == ["maps"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a-b", "a-b"),
        ("a\\b", "a%5Cb"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        (".hidden", "%2Ehidden"),
        ("..", "%2E."),
        ("@fan", "%40fan"),
        ("U2-Net†", "U2-Net†"),
        ("a\nb", "a%0Ab"),
        ("a\u2028", "a%E2%80%A8"),
    ],
)
def test_folder_of_a_name(name, folder):
    assert folder_name(name) == folder


def test_names_that_shared_a_folder(score):
    for name in ("a-b", "a\\b", "a/b"):
        good("score", *score, "--method", name)
    assert sorted(s.method for s in load_scores("scores")) == ["a-b", "a/b", "a\\b"]


@pytest.mark.parametrize("name", ["", " "])
def test_empty_names(score, name):
    refused("score", *score, "--method", name, match="Invalid value for '--method': it is empty", code=2)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m"])
def test_names_that_are_none(score, name):
    refused("score", *score, "--method", name, match="--method '.*': expected a name of printable characters")


def test_a_name_for_one_method_only(score):
    plant_maps("preds/A")
    plant_maps("preds/B")
    refused(
        *("score", "preds", *score[1:], "--method", "C"),
        match="--method C: names one method, and there are maps of A, B on own. Pass the folder of one",
    )


def test_what_to_type_next(score, monkeypatch):
    monkeypatch.setattr("sodbench.analysis.statistics.resampling.FEWEST_IMAGES", 4)
    plant_maps("a b/A")
    plant_maps("a b/B", seed=1)
    words = ("score", "a b", *score[1:], "--scores", "a b/s")
    first = good(*words).stderr.splitlines()
    assert first[-2:] == [
        "Stored in a b/s/A/own, a b/s/B/own",
        "Compare them, for example: sodbench compare 'a b/s/A/own' 'a b/s/B/own'",
    ]
    other = good(*words, "--protocol", "fan").stderr.splitlines()
    assert other[-1] == "Compare them, for example: sodbench compare 'a b/s/@fan/A/own' 'a b/s/@fan/B/own'"
    assert "Compare" not in good("score", *score).stderr
    monkeypatch.setattr("sodbench.analysis.statistics.resampling.FEWEST_IMAGES", 5)
    few = good(*words, "--metrics", "mae").stderr.splitlines()
    assert few[-1] == "See the worst images: sodbench worst 'a b/s/A/own' --metric mae --out worst.pdf"


def test_a_name_that_is_too_long(score):
    long = r"x{80}\.\.\.: this name has 300 bytes, expected at most 240"
    refused("score", *score, "--method", "x" * 300, match=long)
    refused("score", *score, "--scores", "x" * 5000, match="File name too long")
    refused("score", *score, "--scores", "x/" * 1990, match=r"name has 4\d+ bytes, expected at most 4000")
    assert not Path("scores").exists()


def test_taken_places_are_an_error_of_the_library(score):
    run("maps")
    plant_maps("b/maps", seed=2)
    with pytest.raises(ScoresError, match="it holds scores of maps, and these are of b/maps"):
        run("b/maps")


# ------------------------------------------------------------------------------------------ odd file names


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "=cmd", "a,b", "\x1b[31m"])
def test_any_name_of_an_image_is_rescored(name):
    save(map_of(0), f"maps/{name}.png")
    save(mask_of(0), f"own/masks/{name}.png")
    words = ("maps", "--masks", "own/masks", "--metrics", "mae")
    first = scored(*words)
    assert json.loads(good("rescore", "scores", "--json").stdout) == first
    assert "reused stored results for 1 of 1 unchanged map." in good("score", *words).stderr


def test_no_cell_for_people_is_a_formula():
    """Stored scores have the names as they are."""
    for name in ("=1+1", "-x", "b"):
        save(map_of(0), f"@maps/{name}.png")
        save(mask_of(0), f"own/masks/{name}.png")
    words = ("@maps", "--masks", "own/masks", "--metrics", "mae")
    good("score", *words, "--csv", "a.csv", "--per-image", "b.csv")
    good("worst", "scores", "--metric", "mae", "--csv", "c.csv")
    texts = [Path(name).read_text() for name in ("a.csv", "b.csv", "c.csv")]
    cells = [[line[:3] for line in csv.reader(text.splitlines())][1:] for text in texts]
    assert cells[0] == [["'@maps", "own", "3"]]
    assert cells[1] == [["'@maps", "own", name] for name in ("'-x", "'=1+1", "b")]
    assert {line[1] for line in cells[2]} == {"'-x", "'=1+1", "b"}
    assert Scores.load(Path("scores/%40maps/own")).ids == ["-x", "=1+1", "b"]


# ----------------------------------------------------------------------------------- what the library says


class TestWarnings:
    def test_files_that_are_not_used(self, score):
        for path in ("maps/notes.txt", "own/masks/list.txt"):
            Path(path).write_text("x")
        save(map_of(0), "maps/extra.png")
        Path("maps/im3.png").unlink()
        with pytest.warns(SodbenchWarning) as said:
            scores = score_folder("maps", masks="own/masks", missing="skip", metrics=["mae"])
        assert scores.n == 3
        lines = [str(warning.message) for warning in said]
        assert all(warning.filename == __file__ for warning in said)
        printed = good("score", *score, "--missing", "skip").stderr.splitlines()
        assert [line for line in printed if line in lines] == lines
        assert len(lines) == 4

    def test_folders_without_digests_once(self):
        shutil.copytree(Path(__file__).parent / "written_by_0_1_0", "old")
        with pytest.warns(
            SodbenchWarning, match="^old/blurred/demo, old/maps/golden: stored without digests"
        ) as said:
            load_scores("old")
        assert len(said) == 1
        result = good("rescore", "old")
        assert result.stderr.count("stored without digests") == 1

    def test_other_warnings_are_left_alone(self, monkeypatch):
        def warn_of_another(*_):
            warnings.warn("another", UserWarning, stacklevel=1)

        monkeypatch.setattr("click.Command.invoke", warn_of_another)
        with pytest.warns(UserWarning, match="another"):
            good("models")


def test_rows_of_16_bit_maps_that_are_an_error_now_are_not_used_again(score):
    """An earlier version scored them as nearly black."""
    good("score", *score)
    scores = Scores.load(HOME)
    rows = {image: row._replace(notes=("faint-map",)) for image, row in scores.rows.items()}
    replace(scores, rows=rows).save(HOME)
    assert "reused stored results for 4 of 4" in good("score", *score).stderr
    meta = json.loads((HOME / "meta.json").read_text())
    del meta["sha256"]
    (HOME / "meta.json").write_text(json.dumps(meta))
    assert "reused" not in good("score", *score).stderr
    assert not any(row.notes for row in Scores.load(HOME).rows.values())


class TestMetricsOfTheirOwnConventions:
    """Metrics scored at different times lie in one folder, as long as they agree in what acts on them."""

    @pytest.fixture
    def pysod(self, score):
        """Score under a preset that has conventions of metrics that are not asked for."""
        options = ("score", *score[:-2], "--protocol", "pysodmetrics")
        good(*options, "--metrics", "paper")
        return options

    def test_a_family_is_added(self, pysod):
        before = Scores.load(Path("scores/maps/own"))
        assert "hbin" not in before.signature
        good(*pysod, "--metrics", "hce")
        whole = Scores.load(Path("scores/maps/own"))
        assert not [*Path("scores").glob("@*")]
        assert set(whole.metrics) == {*before.metrics, "hce"}
        assert "|hbin:minmax>.5|hdist:line|" in whole.signature
        assert {k: v for k, v in whole.summary().items() if k != "hce"} == before.summary()
        stored = state()
        good(*pysod, "--metrics", "mae")
        assert state() == stored

    def test_another_convention_of_it_has_another_tree(self, pysod):
        good(*pysod, "--metrics", "hce")
        stored = state("scores/maps")
        good(*pysod, "--metrics", "hce,mae", "--hce-binarise", ">128")
        (tree,) = Path("scores").glob("@*")
        other = Scores.load(tree / "maps/own")
        assert other.metrics == ("mae", "hce")
        assert other.protocol.hce_binarise == ">128"
        direct = score_folder("maps", masks="own/masks", protocol=other.protocol, metrics=["hce", "mae"])
        assert other.summary() == direct.summary()
        good(*pysod, "--metrics", "mae", "--hce-binarise", ">128")
        assert state("scores/maps") == stored

    def test_numbers_leave_with_their_metric(self, pysod):
        good(*pysod, "--metrics", "hce")
        whole = Scores.load(Path("scores/maps/own"))
        less = replace(whole, metrics=("mae",))
        assert less.protocol.hce_binarise == ">128"
        assert not any("hce_fp_points" in row.numbers for row in less.rows.values())
        assert all("s_object" in row.numbers for row in less.rows.values())

    def test_what_is_shown_is_what_the_signature_names(self, score):
        good("score", *score[:-2], "--metrics", "paper,hce,iou")
        shown = {
            name: good("rescore", "scores", "--metrics", name).stdout.split("signature: ")[1]
            for name in ("paper", "hce", "iou")
        }
        assert "hdist" not in shown["paper"]
        assert "oavg" not in shown["paper"]
        assert "|hdist:line|rev:" in shown["hce"]
        assert "|oavg:mean|ozero:zero|rev:" in shown["iou"]
        worst = good("worst", "scores/maps/own", "--metric", "mae").stdout
        assert worst.split("signature: ")[1] == shown["paper"]
