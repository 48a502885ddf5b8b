"""Runs that continue from their own results: what is used again, what is kept, what is never left behind."""

import os
import random
import re
import select
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from workspace import (
    IDS,
    command,
    good,
    listing,
    map_of,
    mask_of,
    plant,
    plant_maps,
    plant_masks,
    process,
    refused,
    save,
    scored,
    sodbench,
    whole,
)

from sodbench.data.locations import from_masks
from sodbench.data.sources import open_source
from sodbench.errors import PredictionError
from sodbench.protocol import Protocol
from sodbench.scoring.collected import Collected
from sodbench.scoring.pairs import score_pair
from sodbench.scoring.pipeline import score_folder, score_methods
from sodbench.scoring.plan import Plan
from sodbench.scoring.scorer import Scorer
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """A good set, and the words that score it."""
    maps, masks = plant()
    return maps, "--masks", masks


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each folder has been listed, by its path from here."""
    counted: Counter[str] = Counter()
    scandir = os.scandir

    def recorded(folder: Any = ".") -> Any:
        if not isinstance(folder, int):
            counted[os.path.relpath(folder)] += 1  # noqa: PTH109
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", recorded)
    return counted


def test_one_run_lists_every_folder_once(score, listings):
    good("score", *score)
    assert (listings["maps"], listings["own/masks"]) == (1, 1)


def test_one_run_lists_the_folders_of_a_dataset_on_disk_once(here, listings):
    plant_maps("maps/mine/own")
    plant_masks("data/own/masks")
    Path("own.toml").write_text("[own]\nversion = 1\ncount = 4\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SODBENCH_DATASETS", "own.toml")
        good("score", "maps", "--dataset", "own", "--data", "data")
    assert (listings["maps/mine/own"], listings["data/own/masks"]) == (1, 1)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Images whose pixels are scored, in order."""
    images: list[str] = []

    monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)

    def recorded(image: str, *args: Any, **kwargs: Any) -> Any:
        images.append(image)
        return score_pair(image, *args, **kwargs)

    monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", recorded)
    return images


def again(computed: list[str], *args: object) -> list[str]:
    """Run, and return which images were computed."""
    computed.clear()
    good("score", *args)
    return sorted(computed)


class TestReuse:
    def test_second_run(self, score: tuple[str, ...], computed: list[str]) -> None:
        first = good("score", *score)
        assert sorted(computed) == list(IDS)
        before = {path: path.stat().st_mtime_ns for path in Path("scores").rglob("*.*")}
        computed.clear()
        second = good("score", *score)
        assert computed == []
        assert second.stdout == first.stdout
        assert second.stderr == (
            "own: reused stored results for 4 of 4 unchanged maps.\n"
            "Also computed: mean_f, adp_f, max_e, mean_e, adp_e. "
            "Pass --metrics default to score or rescore to see them.\n"
            "Stored in scores/maps/own\n"
            "See the worst images: sodbench worst scores/maps/own --out worst.pdf\n"
        )
        assert {path: path.stat().st_mtime_ns for path in Path("scores").rglob("*.*")} == before

    def test_by_content_and_not_by_date(self, score: tuple[str, ...], computed: list[str]) -> None:
        good("score", *score)
        for name in IDS:
            os.utime(f"maps/{name}.png", (1, 1))
        assert again(computed, *score) == []
        dates = Path("maps/im1.png").stat()
        save(map_of(1, seed=9), "maps/im1.png")
        os.utime("maps/im1.png", ns=(dates.st_atime_ns, dates.st_mtime_ns))
        assert again(computed, *score) == ["im1"]
        save(mask_of(0), "own/masks/im2.png")
        assert again(computed, *score) == ["im2"]
        assert scored(*score) == scored(*score, "--out", "fresh")

    @pytest.mark.parametrize(
        ("change", "metrics", "expected"),
        [
            (("--beta2", "1"), "default", []),
            (("--average", "mean-f"), "default", []),
            (("--thresholds", "256float"), "max_f,mae", []),
            (("--s-alpha", ".3"), "s_measure", []),
            (("--wf-empty", "zero"), "weighted_f", []),
            (("--rho", "1"), "max_f,mae,s_measure", []),
            (("--rho", "1"), "relax_f", list(IDS)),
            (("--normalise", "none"), "paper", list(IDS)),
            (("--normalise", "none"), "max_f,mae,max_e", []),
            (("--protocol", "pysodmetrics"), "paper", list(IDS)),
            (("--protocol", "qin"), "adp_f,mean_f", []),
        ],
    )
    def test_another_protocol(
        self,
        score: tuple[str, ...],
        computed: list[str],
        change: tuple[str, ...],
        metrics: str,
        expected: list[str],
    ) -> None:
        good("score", *score)
        assert again(computed, *score, *change, "--metrics", metrics) == expected
        fresh = scored(*score, *change, "--metrics", metrics, "--out", "fresh")
        assert scored(*score, *change, "--metrics", metrics) == fresh

    @pytest.mark.parametrize(("width", "height"), [(320, 320), (45, 31)])
    def test_one_size_for_all_images(
        self, score: tuple[str, ...], computed: list[str], width: int, height: int
    ) -> None:
        again(computed, *score)
        Path("small").mkdir()
        for k, image in enumerate(IDS):
            pred, mask = (Image.fromarray(pixels) for pixels in (map_of(k), mask_of(k)))
            save(np.array(pred.resize((width, height), 2)), f"small/maps/{image}.png")
            save(np.array(mask.resize((width, height), 0)), f"small/own/masks/{image}.png")
        found = scored(*score, "--resize", f"{width}x{height}")
        assert f"size:{width}x{height}" in found[0]["signature"]
        assert len(computed) == 2 * len(IDS)
        expected = scored("small/maps", "--masks", "small/own/masks", "--out", "other")
        assert found[0]["scores"] == expected[0]["scores"]
        refused("rescore", "scores", "--resize", "256x256", match="Score the images again")

    def test_grey_masks_and_resized_maps_depend_on_more(
        self, score: tuple[str, ...], computed: list[str]
    ) -> None:
        save(mask_of(0) // 255 * 170 + 30, "own/masks/im0.png")
        save(map_of(1)[::2, ::2], "maps/im1.png")
        args = (*score, "--metrics", "mae", "--force", "--resize", "bilinear")
        good("score", *args)
        assert again(computed, *args, "--mask-threshold", ">20") == ["im0"]
        assert again(computed, *args, "--mask-threshold", ">20") == []
        assert again(computed, *args[:-1], "nearest", "--mask-threshold", ">20") == ["im1"]
        assert again(computed, *args[:-1], "nearest", "--protocol", "qin") == ["im0"]

    def test_more_metrics(self, score: tuple[str, ...], computed: list[str]) -> None:
        assert again(computed, *score, "--metrics", "mae") == list(IDS)
        assert again(computed, *score, "--metrics", "mae,max_f") == []
        assert Scores.load(Path("scores/maps/own")).metrics == ("max_f", "mae")
        assert again(computed, *score, "--metrics", "mae,relax_f") == list(IDS)
        assert again(computed, *score, "--metrics", "mae") == []
        assert Scores.load(Path("scores/maps/own")).metrics == ("max_f", "mae", "relax_f")

    def test_new_and_removed_images(self, score: tuple[str, ...], computed: list[str]) -> None:
        good("score", *score)
        save(map_of(5), "maps/new.png")
        save(mask_of(5), "own/masks/new.png")
        assert again(computed, *score) == ["new"]
        for name in ("maps/im0.png", "own/masks/im0.png"):
            Path(name).unlink()
        assert again(computed, *score) == []
        assert sorted(Scores.load(Path("scores/maps/own")).rows) == ["im1", "im2", "im3", "new"]
        one, other = scored(*score)[0], scored(*score, "--out", "fresh")[0]
        assert one["scores"] == other["scores"]

    def test_damaged_scores_are_made_again(self, score: tuple[str, ...], computed: list[str]) -> None:
        good("score", *score)
        for name, text in (("meta.json", "{"), ("images.csv", "image\nx\n"), ("levels.npz", "")):
            Path(f"scores/maps/own/{name}").write_text(text)
            assert again(computed, *score) == list(IDS)
        assert again(computed, *score) == []

    def test_the_python_api_always_computes(self, score: tuple[str, ...], computed: list[str]) -> None:
        for _ in range(2):
            computed.clear()
            scores = score_folder("maps", masks="own/masks")
            assert sorted(computed) == list(IDS)
        assert not Path("scores").exists()
        assert scored(*score)[0]["scores"] == scores.summary()


class TestBitEqual:
    def test_workers(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A")
        plant_maps("preds/B", seed=1)
        one = good("score", "preds", *score[1:], "--jobs", "1", "--out", "s1", "--json").stdout
        two = good("score", "preds", *score[1:], "--jobs", "2", "--out", "s2", "--json").stdout
        assert one == two
        for name in ("images.csv", "levels.npz"):
            files = [Path(out, "A/own", name) for out in ("s1", "s2")]
            assert len({path.read_bytes() for path in files}) == 1 or name == "levels.npz"

    def test_methods_alone_and_together(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A")
        plant_maps("preds/B", seed=1)
        together = scored("preds", *score[1:], "--out", "s1")
        alone = [scored(f"preds/{name}", *score[1:], "--out", "s2")[0] for name in "AB"]
        assert together == alone
        for name in "AB":
            files = [Path(out, name, "own", "images.csv") for out in ("s1", "s2")]
            assert files[0].read_bytes() == files[1].read_bytes()

    def test_order_of_files(self, score: tuple[str, ...]) -> None:
        expected = scored(*score)
        shutil.rmtree("maps")
        for k in random.Random(0).sample(range(4), 4):
            save(map_of(k), f"maps/{IDS[k]}.png")
        assert scored(*score, "--out", "s2") == expected

    @pytest.mark.parametrize("split", [1, 2, 3])
    def test_merged_from_parts(self, score: tuple[str, ...], split: int) -> None:
        plant_masks("SOD/masks")
        args = ("maps", "--dataset", "SOD", "--data", ".", "--subset", "--missing", "skip")
        expected = scored(*args)[0]
        parts = []
        for out, ids in (("s1", IDS[split:]), ("s2", IDS[:split])):
            shutil.rmtree("maps")
            for name in ids:
                save(map_of(IDS.index(name)), f"maps/{name}.png")
            good("score", *args, "--out", out)
            parts.append(Scores.load(Path(out, "maps/SOD")))
        for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
            assert merged.summary() == expected["scores"]
            assert merged.signature == expected["signature"]


class TestOtherMetrics:
    """Metrics asked for later, with failures in between."""

    def test_what_was_not_computed_is_not_undefined(self, score: tuple[str, ...]) -> None:
        good("score", *score, "--metrics", "max_f")
        whole_map = Path("maps/im2.png").read_bytes()
        Path("maps/im2.png").write_bytes(b"broken")
        refused("score", *score, "--metrics", "s_measure", match="im2.png: not an image")
        Path("maps/im2.png").write_bytes(whole_map)
        kept = scored(*score, "--metrics", "s_measure")
        assert kept == scored(*score, "--metrics", "s_measure", "--out", "fresh")
        stored = Scores.load(Path("scores/maps/own"))
        assert stored.metrics == ("max_f", "s_measure")
        assert not np.isnan(stored.values("s_measure")).any()

    def test_what_a_failed_run_had_finished_is_stored_by_the_next(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        save(map_of(7), "maps/im0.png")
        whole_map = Path("maps/im3.png").read_bytes()
        Path("maps/im3.png").write_bytes(b"broken")
        refused("score", *score, match="im3.png: not an image")
        Path("maps/im3.png").write_bytes(whole_map)
        (printed,) = scored(*score)
        assert Scores.load(Path("scores/maps/own")).summary() == printed["scores"]

    def test_another_protocol_takes_no_metrics_over(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        good("score", *score, "--metrics", "mae", "--protocol", "fan")
        assert Scores.load(Path("scores/@fan/maps/own")).metrics == ("mae",)
        good("score", *score, "--metrics", "mae", "--protocol", "fan", "--force")
        assert Scores.load(Path("scores/maps/own")).metrics == ("mae",)


class TestInterrupted:
    @pytest.mark.parametrize("after", [1, 3])
    def test_ctrl_c(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        expected = scored(*score, "--out", "fresh")
        images: list[str] = []

        def interrupted(image: str, *args: Any, **kwargs: Any) -> Any:
            if len(images) == after:
                raise KeyboardInterrupt
            images.append(image)
            return score_pair(image, *args, **kwargs)

        monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)
        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", interrupted)
        result = sodbench("score", *score, "--jobs", "1")
        assert result.exit_code == 130
        assert result.stdout == ""
        assert "Interrupted. Finished images are kept; run the same command to continue." in result.stderr
        assert listing("scores") == whole("maps/.own.partial")
        kept = sorted(Scores.load(Path("scores/maps/.own.partial")).rows)
        assert kept == images
        refused("rescore", "scores", match="found no scores here")
        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", score_pair)
        result = good("score", *score, "--json")
        assert f"own: reused stored results for {after} of 4 unchanged maps" in result.stderr
        assert listing("scores") == whole("maps/own")
        assert scored(*score) == expected

    def test_before_the_first_image(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", interrupted)
        assert sodbench("score", *score).exit_code == 130
        assert not Path("scores").exists()

    def test_error_keeps_older_scores(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        before = Path("scores/maps/own/images.csv").read_bytes()
        save(map_of(0, seed=3), "maps/im0.png")
        Path("maps/im1.png").write_bytes(b"")
        refused("score", *score, match="maps/im1.png")
        assert Path("scores/maps/own/images.csv").read_bytes() == before
        assert listing("scores") == whole("maps/.own.partial", "maps/own")
        save(map_of(1), "maps/im1.png")
        good("score", *score)
        assert listing("scores") == whole("maps/own")
        assert scored(*score) == scored(*score, "--out", "fresh")

    def test_error_without_new_rows_leaves_nothing(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        Path("maps/im1.png").unlink()
        refused("score", *score, match="1 of 4 predictions is missing")
        assert listing("scores") == whole("maps/own")

    def test_of_several_datasets_the_finished_ones_are_kept(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A/SOD")
        plant_maps("preds/A/ECSSD", [*IDS[:3], "other"])
        for name in ("SOD", "ECSSD"):
            plant_masks(f"{name}/masks")
        refused("score", "preds", "--data", ".", "--subset", match="A.*: 1 of 4 predictions is missing")
        save(map_of(3), "preds/A/ECSSD/im3.png")
        assert len(scored("preds", "--data", ".", "--subset")) == 2
        assert listing("scores") == whole("A/ECSSD", "A/SOD")


SLOW = """
import os, pathlib, time
from sodbench.scoring import pipeline, warm_up
warm_up.compile_kernels = lambda: None
score_pair = pipeline.score_pair
def slow(*args, **kwargs):
    time.sleep(.02)
    row = score_pair(*args, **kwargs)
    with open("finished", "a") as file:
        file.write("x")
    return row
pipeline.score_pair = slow
"""


class TestProcess:
    """What only a process of its own shows: signals and terminals."""

    def wait_for(self, images: int) -> None:
        for _ in range(6000):
            if Path("finished").exists() and Path("finished").stat().st_size >= images:
                return
            time.sleep(0.01)
        raise AssertionError("the run did not start")

    @pytest.mark.parametrize(
        ("sent", "said"),
        [("SIGINT", "Interrupted."), ("SIGTERM", "Ended by SIGTERM."), ("SIGHUP", "Ended by SIGHUP.")],
    )
    def test_a_signal_keeps_finished_images(self, here: Path, sent: str, said: str) -> None:
        number = getattr(signal, sent)
        ids = [f"p{k % 12}-{k}" for k in range(60)]
        plant_maps("maps", ids, suffix=".bmp")
        for k, name in enumerate(ids):
            save(mask_of(k % 12), f"own/masks/{name}.png")
        args = ("score", "maps", "--masks", "own/masks", "--jobs", "2", "--json")
        run = subprocess.Popen(
            command(*args, before=SLOW.replace(".02", ".2")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.wait_for(6)
        run.send_signal(number)
        out, err = run.communicate(timeout=60)
        assert (run.returncode, out) == (128 + number, "")
        assert err.endswith(f"{said} Finished images are kept; run the same command to continue.\n")
        assert "Traceback" not in err
        assert listing("scores") == whole("maps/.own.partial")
        kept = len(Scores.load(Path("scores/maps/.own.partial")).rows)
        assert 4 <= kept < 60
        result = good(*args)
        assert f"own: reused stored results for {kept} of 60 unchanged maps" in result.stderr
        assert listing("scores") == whole("maps/own")
        assert good(*args, "--out", "fresh").stdout == result.stdout

    @pytest.mark.parametrize("moment", ["write_bytes", "replace"])
    def test_kill_leaves_nothing_half_written(self, score: tuple[str, ...], moment: str) -> None:
        die = f"import os, pathlib\npathlib.Path.{moment} = lambda *a: os.kill(os.getpid(), 9)"
        found = process("score", *score, before=die)
        assert found.returncode == -signal.SIGKILL
        refused("rescore", "scores", match="found no scores here")
        good("score", *score)
        assert listing("scores") == whole("maps/own")
        assert scored(*score) == scored(*score, "--out", "fresh")

    def test_progress_on_a_terminal(self, here: Path) -> None:
        ids = [f"p{k}" for k in range(12)]
        plant_maps("maps", ids)
        for k, name in enumerate(ids):
            save(mask_of(k), f"own/masks/{name}.png")
        master, slave = os.openpty()
        args = command(
            "score", "maps", "--masks", "own/masks", "--jobs", "1", before=SLOW.replace(".02", ".1")
        )
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        run = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=slave, env=environment)
        os.close(slave)
        shown = b""
        while run.poll() is None or select.select([master], [], [], 0)[0]:
            if select.select([master], [], [], 0.05)[0]:
                try:
                    shown += os.read(master, 1 << 16)
                except OSError:
                    break
        os.close(master)
        assert run.stdout is not None
        table = run.stdout.read().decode()
        run.stdout.close()
        run.wait()
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
        assert re.search(r"own .*\d+/12 +[\d.]+ images/s 0:00:0\d", text), text
        assert table.startswith("own\nmethod ")
        assert "\x1b" not in table

    def test_silent_where_stderr_is_no_terminal(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        found = process("score", *score, "--metrics", "all", "--out", "s2")
        after = b"See the worst images: sodbench worst s2/maps/own --out worst.pdf\n"
        assert (found.returncode, found.stderr) == (0, b"Stored in s2/maps/own\n" + after)


def test_unregistered_dataset_is_named_by_all_its_masks(score: tuple[str, ...]) -> None:
    whole_set = scored(*score)[0]["signature"]
    Path("maps/im1.png").unlink()
    part = scored(*score, "--missing", "skip", "--out", "s2")[0]["signature"]
    assert part.split("|")[0] == whole_set.split("|")[0]


def test_after_a_mask_has_changed_the_dataset_is_named_by_the_new_one(score: tuple[str, ...]) -> None:
    before = scored(*score)[0]["signature"]
    save(mask_of(0), "own/masks/im2.png")
    continued = scored(*score)
    assert continued[0]["signature"].split("|")[0] != before.split("|")[0]
    assert continued == scored(*score, "--out", "fresh")


def test_an_image_is_one_task_whatever_the_order_of_file_names(here: Path) -> None:
    """``a-1.png`` comes before ``a.png``, and ``a`` before ``a-1``."""
    names = ["a", "a-1", "b"]
    location = from_masks(plant_masks("own/masks", names))
    maps = {"A": plant_maps("maps/A", names), "B": plant_maps("maps/B", ["b"])}
    methods = {method: open_source(folder).groups[""] for method, folder in maps.items()}
    told: list[tuple[int, int]] = []
    made = score_methods(
        methods,
        location,
        Plan(Protocol(), ("mae",), "zero"),
        {method: Collected() for method in methods},
        lambda done, total: told.append((done, total)),
    )
    assert [scores.ids for scores in made] == [names] * 2
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_strict_policy_of_the_api(score: tuple[str, ...]) -> None:
    Path("maps/im1.png").unlink()
    with pytest.raises(PredictionError, match="1 of 4 predictions is missing"):
        score_folder("maps", masks="own/masks")


# --- empty masks, and maps of a known number


def test_metrics_that_empty_masks_decide_are_named(here: Path) -> None:
    for k in range(20):
        save(mask_of(k % 4) * (k >= 1), f"own/masks/{k}.png")
        save(map_of(k % 4), f"maps/{k}.png")
    lines = good("score", "maps", "--masks", "own/masks", "--metrics", "max_f,mae").stderr.splitlines()
    (line,) = [line for line in lines if "they decide" in line]
    assert line.startswith(
        "maps on own: 1 of 20 masks are empty; they decide maxF (0.9500, without them 1.0000)"
    )
    assert "MAE" not in line
    Path("own/masks/19.png").unlink()
    save(mask_of(0), "own/masks/20.png")
    save(map_of(0), "maps/20.png")
    save(mask_of(0), "own/masks/21.png")
    save(map_of(0), "maps/21.png")
    assert "they decide" not in good("score", "maps", "--masks", "own/masks", "--force").stderr


def test_a_registered_dataset_says_what_its_empty_masks_mean(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("own.toml").write_text(
        '[Mine]\nversion = 1\ncount = 3\nempty_masks = "half of Mine is empty"\n'
        'other_counts = {2 = "the old release"}\n'
    )
    monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")
    for k in range(3):
        save(mask_of(k) * (k > 0), f"Mine/masks/{k}.png")
        save(map_of(k), f"maps/{k}.png")
    words = ("score", "maps", "--data", ".", "--dataset", "Mine", "--metrics", "max_f")
    (line,) = [line for line in good(*words).stderr.splitlines() if "they decide" in line]
    assert line.endswith("). half of Mine is empty")
    Path("maps/2.png").unlink()
    refused(*words, match=r"missing \(2\)\. A version of Mine with 2 is known: the old release\. Scores over")


def test_a_dataset_without_a_confirmed_number_is_named_by_its_masks(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("own.toml").write_text("[Mine]\nversion = 1\ncount = 9\nconfirmed = false\n")
    monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")
    maps, masks = plant(".")
    Path("own").rename("Mine")
    good("score", maps, "--data", ".", "--dataset", "Mine", "--metrics", "paper")
    stored = Scores.load(Path("scores/maps/Mine"))
    assert re.fullmatch("Mine@[0-9a-f]{16}", stored.dataset)
    assert (stored.n, stored.of) == (4, 4)
    refused(
        "leaderboard",
        "add",
        "scores/maps",
        "--boards",
        "b",
        match="no board takes rows of Mine, since no source",
    )
    scorer = Scorer(dataset="Mine")
    scorer.update(map_of(0), mask_of(0) > 0)
    assert (scorer.compute().of, scorer.compute().dataset == "Mine@1") == (1, False)
