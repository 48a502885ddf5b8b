"""What a user gets: tables, files, JSON, names found in folders, protocols, datasets of his own."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from workspace import (
    IDS,
    NO_SCORES,
    command,
    good,
    listing,
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

from sodbench import __version__
from sodbench.cli.output import progress_bar, readable_streams, show
from sodbench.data.registry import KINDS, registry
from sodbench.metrics import (
    DEFAULT_METRICS,
    METRICS,
    PAPER_METRICS,
    narrowed,
    protocol_fields,
    revisions_of,
)
from sodbench.protocol import OPTIONAL, PRESETS, Protocol, differing, revisions_text, split_signature
from sodbench.scoring.pipeline import score_folder

pytestmark = pytest.mark.usefixtures("here")

DEFAULT = f"{Protocol().signature()}|rev:{revisions_text(revisions_of())}|sodbench:{__version__}"
DEMO = f"""\
demo
method      n   maxF↑    MAE↓     wF↑     Sm↑  relaxF↑
blurred   8/8  0.8938  0.0498  0.8232  0.8599   0.2899
centre    8/8  0.5612  0.3599  0.3460  0.5409   0.0342
contrast  8/8  0.7765  0.2623  0.4538  0.6277   0.2665

signature: data:demo@1|n:8/8|{DEFAULT}
"""


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """A good set, and the words that score it."""
    maps, masks = plant()
    return maps, "--masks", masks


def signature(*args: object) -> str:
    found: str = scored(*args)[0]["signature"]
    return found


class TestOutput:
    def test_demo_table(self) -> None:
        assert good("score", "--dataset", "demo", "--metrics", "paper").stdout == DEMO
        assert listing("scores") == whole("blurred/demo", "centre/demo", "contrast/demo")
        assert good("rescore", "scores").stdout == DEMO

    def test_json(self, score: tuple[str, ...]) -> None:
        (row,) = scored(*score)
        assert list(row) == ["method", "dataset", "n", "of", "signature", "scores"]
        assert (row["method"], row["dataset"], row["n"], row["of"]) == ("maps", "own", 4, 4)
        assert list(row["scores"]) == list(DEFAULT_METRICS)
        expected = score_folder("maps", masks="own/masks")
        assert row["scores"] == expected.summary()
        assert row["signature"] == expected.signature

    def test_csv(self, score: tuple[str, ...]) -> None:
        (row,) = scored(*score)
        good("score", *score, "--csv", "a.csv", "--per-image", "i.csv")
        (line,) = csv.DictReader(Path("a.csv").read_text("utf-8").splitlines())
        assert list(line) == ["method", "dataset", "n", "of", *DEFAULT_METRICS, "signature"]
        assert {name: float(line[name]) for name in DEFAULT_METRICS} == row["scores"]
        assert line["signature"] == row["signature"]
        lines = list(csv.DictReader(Path("i.csv").read_text("utf-8").splitlines()))
        assert list(lines[0]) == ["method", "dataset", "image", *DEFAULT_METRICS, "notes"]
        assert [line["image"] for line in lines] == list(IDS)
        frame = score_folder("maps", masks="own/masks").per_image()
        assert [float(line["s_measure"]) for line in lines] == frame["s_measure"].tolist()

    def test_csv_to_stdout_and_through_a_link(self, score: tuple[str, ...]) -> None:
        good("score", *score, "--csv", "a.csv")
        text = Path("a.csv").read_text()
        Path("link.csv").symlink_to("a.csv")
        Path("a.csv").write_text("old")
        assert good("score", *score, "--csv", "link.csv").stdout.startswith("own\n")
        assert (Path("a.csv").read_text(), Path("link.csv").is_symlink()) == (text, True)
        for name in ("-", "/dev/stdout"):
            assert good("score", *score, "--csv", name, "--json").stdout.startswith(text + "[\n")
        good("score", *score, "--csv", "/dev/null")
        assert Path("/dev/null").is_char_device()

    def test_scores_folder_is_readable_without_us(self, score: tuple[str, ...]) -> None:
        (row,) = scored(*score)
        meta = json.loads(Path("scores/maps/own/meta.json").read_text())
        assert (meta["signature"], meta["scores"]) == (row["signature"], row["scores"])
        with np.load("scores/maps/own/levels.npz") as levels:
            assert levels["images"].tolist() == list(IDS)
            assert (levels["fg"].sum() + levels["bg"].sum()) == 4 * 600

    @pytest.mark.parametrize(
        ("asked", "ids"),
        [
            ((), DEFAULT_METRICS),
            (("all",), tuple(METRICS)),
            (("paper",), PAPER_METRICS),
            (("mae,max_f",), ("max_f", "mae")),
            (("paper", "adp_e"), (*PAPER_METRICS, "adp_e")),
        ],
    )
    def test_metrics(self, score: tuple[str, ...], asked: tuple[str, ...], ids: tuple[str, ...]) -> None:
        (row,) = scored(*score, *(word for name in asked for word in ("--metrics", name)))
        assert tuple(row["scores"]) == ids
        everything = scored(*score, "--metrics", "all", "--out", "all")[0]["scores"]
        assert row["scores"] == {name: everything[name] for name in ids}

    def test_arrows_and_order(self, score: tuple[str, ...]) -> None:
        parts = good("score", *score, "--metrics", "all").stdout.partition("\n")[2].split("\n\n")[:-1]
        heads = [part.splitlines()[0].split() for part in parts]
        assert all(head[:2] == ["method", "n"] for head in heads)
        shown = [label for head in heads for label in head[2:]]
        assert shown == [m.label + "↓↑"[m.higher_is_better] for m in METRICS.values()]

    def test_what_to_type_next(self, score: tuple[str, ...]) -> None:
        last = good("score", *score).stderr.splitlines()[-2:]
        assert last == [
            "Stored in scores/maps/own",
            "See the worst images: sodbench worst scores/maps/own --out worst.pdf",
        ]
        good(*last[1].partition("sodbench ")[2].split())
        last = good("score", *score, "--metrics", "mae,wF", "--out", "few").stderr.splitlines()[-1:]
        assert last == [
            "See the worst images: sodbench worst few/maps/own --metric mae --out worst.pdf",
        ]
        good(*last[0].partition("sodbench ")[2].split())
        last = good("score", "--dataset", "demo").stderr.splitlines()[-1:]
        assert last == ["See the worst images: sodbench worst scores/blurred/demo --out worst.pdf"]
        good(*last[0].partition("sodbench ")[2].split())

    def test_a_table_fits_a_terminal(self, score: tuple[str, ...]) -> None:
        result = good("score", *score, "--csv", "a.csv")
        head = result.stdout.splitlines()[1]
        assert head.split()[2:] == [METRICS[name].arrowed for name in PAPER_METRICS]
        assert len(head) <= 80
        assert result.stderr.splitlines()[-3].startswith(
            "Also computed: mean_f, adp_f, max_e, mean_e, adp_e."
        )
        assert list(scored(*score)[0]["scores"]) == list(DEFAULT_METRICS)
        assert good("rescore", "scores").stdout == result.stdout
        whole_table = good("score", *score, "--metrics", "all").stdout
        assert good("rescore", "scores", "--metrics", "all").stdout == whole_table
        assert "Also computed" not in good("rescore", "scores", "--metrics", "mae").stderr
        refused("rescore", "scores", "--metrics", "maxG", match="unknown metric 'maxG'")

    def test_other_metrics_are_all_shown(self, score: tuple[str, ...]) -> None:
        good("score", *score, "--metrics", "adp_e,MAE")
        head = good("rescore", "scores").stdout.splitlines()[1]
        assert head.split() == ["method", "n", "MAE↓", "adpE↑"]
        refused("rescore", "scores", "--metrics", "wF", match="weighted_f was not computed, only mae, adp_e")
        assert good("rescore", "scores", "--metrics", "maxE").stdout.splitlines()[1].split()[2:] == ["maxE↑"]

    def test_odd_names(self, score: tuple[str, ...]) -> None:
        for name in ("=cmd", "a,b", 'q"t', "v1.5", "ü", "two\nlines"):
            plant_maps(f"preds/{name}")
        args = ("preds", *score[1:], "--metrics", "mae", "--csv", "a.csv")
        table = good("score", *args).stdout
        methods = [line.split()[0] for line in table.splitlines()[2:8]]
        assert methods == ["=cmd", "a,b", 'q"t', "two?lines", "v1.5", "ü"]
        with Path("a.csv").open(newline="", encoding="utf-8") as file:
            assert [line["method"] for line in csv.DictReader(file)] == [
                "'=cmd",
                "a,b",
                'q"t',
                "two\nlines",
                "v1.5",
                "ü",
            ]
        assert good("rescore", "scores").stdout == table


class TestFound:
    """Methods and datasets by the names of folders."""

    @pytest.fixture
    def data(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for name in ("SOD", "ECSSD"):
            plant_masks(f"data/{name}/masks")
        monkeypatch.setenv("SODBENCH_DATA", str(here / "data"))
        return here

    @pytest.mark.parametrize(
        ("path", "args", "expected"),
        [
            ("preds", (), [("A", "ECSSD"), ("A", "SOD"), ("v1.5", "SOD")]),
            ("preds", ("-d", "SOD"), [("A", "SOD"), ("v1.5", "SOD")]),
            ("preds", ("-d", "sod,Extended_CSSD"), [("A", "ECSSD"), ("A", "SOD"), ("v1.5", "SOD")]),
            ("preds", ("-d", "SOD", "-d", "SOD"), [("A", "SOD"), ("v1.5", "SOD")]),
            ("preds/A", (), [("A", "ECSSD"), ("A", "SOD")]),
            ("preds/v1.5", (), [("v1.5", "SOD")]),
            ("preds/A/SOD", (), [("A", "SOD")]),
            ("preds/A/SOD", ("-d", "ECSSD"), [("SOD", "ECSSD")]),
            ("flat", ("-d", "ECSSD"), [("flat", "ECSSD")]),
            ("methods", ("-d", "ECSSD"), [("B", "ECSSD"), ("C", "ECSSD")]),
        ],
    )
    def test_layouts(
        self, data: Path, path: str, args: tuple[str, ...], expected: list[tuple[str, str]]
    ) -> None:
        for folder in ("preds/A/SOD", "preds/A/ECSSD", "preds/v1.5/SOD", "flat", "methods/B", "methods/C"):
            plant_maps(folder)
        rows = scored(path, *args, "--subset", "--metrics", "mae")
        assert [(row["method"], row["dataset"]) for row in rows] == expected
        assert len({row["scores"]["mae"] for row in rows}) == 1

    def test_a_table_for_each_dataset(self, data: Path) -> None:
        plant_maps("preds/A/SOD")
        plant_maps("preds/A/ECSSD")
        blocks = good("score", "preds", "--subset", "--metrics", "mae").stdout.split("\n\n")
        assert [block.split()[0] for block in blocks] == ["ECSSD", "signature:", "SOD", "signature:"]
        assert "data:ECSSD@1|n:4/1000|ids:" in blocks[1]

    def test_several_paths_and_a_method_named_like_a_dataset(self, data: Path) -> None:
        plant_maps("SOD/ECSSD")
        plant_maps("B")
        rows = scored("SOD", "B", "-d", "ECSSD", "--subset", "--metrics", "mae")
        assert [row["method"] for row in rows] == ["SOD", "B"]

    def test_from_inside_the_folder(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(plant_maps("preds/A/SOD"))
        (row,) = scored(".", "--subset", "--out", data / "scores")
        assert (row["method"], row["dataset"]) == ("A", "SOD")

    def test_nothing_of_a_dataset(self, data: Path) -> None:
        plant_maps("preds/A/SOD")
        refused("score", "preds", "-d", "SOD,ECSSD", match="preds: found no maps of ECSSD")

    def test_datasets_that_were_not_asked_for_are_no_news(self, data: Path) -> None:
        plant_maps("preds/A/SOD")
        plant_maps("preds/A/ECSSD")
        assert "passed over" not in good("score", "preds", "-d", "SOD", "--subset").stderr
        plant_maps("preds/A/images")
        assert "passed over: 1 (A/images)" in good("score", "preds", "-d", "SOD", "--subset").stderr


ALTERNATIVES = {
    "resize": "bilinear",
    "mask_threshold": ">=99",
    "beta2": "1",
    "eps": "1e-8",
    "s_alpha": "0.4",
    "wf_beta2": "0.3",
    "rho": "2",
    "relax_threshold": "0.25",
    "context_beta2": "1.2",
}


class TestProtocol:
    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, score: tuple[str, ...], name: str) -> None:
        acting = narrowed(PRESETS[name], DEFAULT_METRICS)
        assert f"|{acting.signature()}|rev:" in signature(*score, "--protocol", name)

    @pytest.mark.parametrize("spec", fields(Protocol), ids=lambda spec: str(spec.name))
    def test_an_override_changes_its_field_alone(self, score: tuple[str, ...], spec: object) -> None:
        name, facts = spec.name, spec.metadata  # type: ignore[attr-defined]
        value = ALTERNATIVES.get(name) or next(c for c in facts["choices"] if c != spec.default)  # type: ignore[attr-defined]
        option = f"--{name.replace('_', '-')}"
        metrics = [metric for metric in METRICS if name in protocol_fields([metric])][-1:]
        score = (*score, "--metrics", ",".join(["default", *(metrics if name in OPTIONAL else ())]))
        changed = signature(*score, option, value)
        differences = differing(signature(*score), changed)
        revised = ("r1", "r2") if name in ("normalise", "relax_threshold") else None
        assert differences.pop("rev", None) == revised
        assert differences == {
            facts["key"]: (
                split_signature(signature(*score)).get(facts["key"], facts["before"]),
                split_signature(changed)[facts["key"]],
            )
        }
        assert split_signature(changed)[facts["key"]].replace("e-08", "e-8") == value

    @pytest.mark.parametrize(
        "first",
        [
            (),
            ("--protocol", "sal_eval", "--beta2", "1", "--rho", "2", "--mask-threshold", ">100"),
            ("--protocol", "qin", "--normalise", "minmax", "--resize", "nearest"),
            ("--protocol", "pysodmetrics", "--s-alpha", "0.3"),
        ],
    )
    def test_a_printed_signature_rescores_exactly(
        self, score: tuple[str, ...], first: tuple[str, ...]
    ) -> None:
        save(np.where(mask_of(0) > 0, 120, 90).astype(np.uint8), "own/masks/im0.png")
        args = (
            first if "--mask-threshold" in first or "qin" in first else (*first, "--mask-threshold", ">110")
        )
        expected = scored(*score, *args)
        text = expected[0]["signature"]
        assert scored(*score, "--protocol", text, "--out", "s2") == expected
        assert scored(*score, "--protocol", f"signature: {text}", "--out", "s3") == expected
        assert scored(*score, "--protocol", f"signature of a, b: {text}", "--out", "s4") == expected

    def test_override_on_top_of_a_signature(self, score: tuple[str, ...]) -> None:
        text = signature(*score)
        changed = signature(*score, "--protocol", text, "--beta2", "1", "--mask-threshold", ">5")
        assert differing(text, changed) == {"beta2": ("0.3", "1"), "gt": (">128", ">5")}

    def test_signature_of_other_revisions_is_said(self, score: tuple[str, ...]) -> None:
        text = signature(*score).replace(revisions_text(revisions_of()), "f0.m1.w1.s1.r1.e1")
        result = good("score", *score, "--protocol", text)
        assert "made by revisions f0.m1.w1.s1.r1.e1 of the metrics, these are f" in result.stderr


class TestRescore:
    def test_levels_follow_another_protocol(self, score: tuple[str, ...]) -> None:
        good("score", *score)
        result = good("rescore", "scores", "--protocol", "fan", "--beta2", "1", "--json")
        (row,) = json.loads(result.stdout)
        assert "weighted_f, s_measure, relax_f left out, as this protocol needs the images" in result.stderr
        fresh = scored(*score, "--protocol", "fan", "--beta2", "1", "--out", "s2")[0]
        kept = [name for name in DEFAULT_METRICS if name not in ("weighted_f", "s_measure", "relax_f")]
        assert row["scores"] == {name: fresh["scores"][name] for name in kept}
        assert row["signature"] == fresh["signature"]
        assert listing("scores") == whole("maps/own")

    def test_metrics_that_the_protocol_leaves_out(self, score: tuple[str, ...]) -> None:
        """They were computed: what is said is why they are not shown, and only of those asked for."""
        good("score", *score)
        words = ("rescore", "scores", "--protocol", "pysodmetrics", "--metrics")
        why = "as this protocol needs the images again for them: pass the maps to `sodbench score` with the "
        why += "same options"
        refused(
            *words,
            "wF,Sm",
            match=rf"^Error: maps on own: weighted_f, s_measure left out, {why}\.\nNothing is left",
        )
        result = good(*words, "mae,wF")
        assert result.stderr == f"maps on own: weighted_f left out, {why}.\n"
        assert result.stdout.splitlines()[1].split() == ["method", "n", "MAE↓"]
        assert good(*words, "mae").stderr == ""

    def test_overrides_start_from_what_is_stored(self, score: tuple[str, ...]) -> None:
        good("score", *score, "--normalise", "none")
        (row,) = json.loads(good("rescore", "scores/maps/own", "scores", "--beta2", "1", "--json").stdout)
        assert "|norm:none|" in row["signature"]
        assert row["scores"] == scored(*score, "--normalise", "none", "--beta2", "1")[0]["scores"]

    def test_files(self, score: tuple[str, ...]) -> None:
        good("score", *score, "--csv", "a.csv", "--per-image", "ai.csv")
        good("rescore", "scores", "--csv", "b.csv", "--per-image", "bi.csv")
        assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
        assert Path("ai.csv").read_bytes() == Path("bi.csv").read_bytes()

    def test_refusals(self, score: tuple[str, ...]) -> None:
        refused("rescore", "nowhere", match=f"nowhere: {NO_SCORES}")
        save(np.where(mask_of(0) > 0, 200, 30).astype(np.uint8), "own/masks/im0.png")
        good("score", *score)
        refused("rescore", "scores", "--protocol", "sal_eval", match=r"1 image \(im0\) has grey masks")
        Path("scores/maps/own/meta.json").write_text("{}")
        refused("rescore", "scores", match="scores/maps/own: these scores are damaged .*Score again")


class TestDatasets:
    def test_list(self, here: Path) -> None:
        plant_masks("data/SOD/masks")
        lines = good("datasets", "--data", "data").stdout.splitlines()
        assert lines[0].split() == ["name", "role", "images", "where"]
        assert lines[1] == "salient"
        assert lines[-1].startswith("?: no source confirms")
        table = {line.split()[0]: line for line in lines[1:-1] if line.startswith(" ")}
        assert list(table) == sorted(registry(), key=lambda name: KINDS.index(registry()[name].kind))
        assert table["HKU-IS"].split(maxsplit=3)[1:] == ["test", "4447", "not on this disk"]
        assert table["SOD"].endswith(
            "4/300  data/SOD (masks; NOT the whole dataset: `sodbench datasets verify`)"
        )
        assert table["demo"].endswith("(images + masks; complete)")

    def test_verify_demo(self) -> None:
        lines = good("datasets", "verify", "demo").stdout.splitlines()
        assert lines[0].startswith("demo: 8 masks of 8, 8 photos in ")
        assert lines[1:] == [
            "missing (mask without photo, photo without mask): none",
            "extra: none",
            "unreadable: none",
            "mask and photo of different sizes: none",
            "masks with levels other than 0 and 255: none",
            "empty masks: none",
            "masks without background: none",
            "known to be wrong in some copies: none",
            "mean share of foreground: .330226",
            "ok",
        ]

    @pytest.mark.parametrize(
        "args", [("verify", "SOD", "--data", "data"), ("--data", "data", "verify", "SOD")]
    )
    def test_verify_what_is_broken(self, here: Path, args: tuple[str, ...]) -> None:
        plant_masks("data/SOD/masks", [*IDS, "im4", "im5"])
        plant_maps("data/SOD/images", IDS, suffix=".jpg")
        save(mask_of(0)[:9], "data/SOD/images/im0.jpg")
        save(mask_of(0) // 2, "data/SOD/masks/im1.png")
        save(mask_of(0) * 0, "data/SOD/masks/im2.png")
        save(mask_of(0) * 0 + 255, "data/SOD/masks/im3.png")
        Path("data/SOD/masks/im4.png").write_bytes(b"")
        result = sodbench("datasets", *args)
        assert (result.exit_code, result.stderr) == (1, "")
        lines = [re.sub(r"(: data/\S+: ).*", r"\1...", line) for line in result.stdout.splitlines()]
        assert lines == [
            "SOD: 6 masks of 300, 4 photos in data/SOD (images + masks)",
            "missing (mask without photo, photo without mask): 2",
            "  im4.png: this mask has no photo",
            "  im5.png: this mask has no photo",
            "extra: none",
            "unreadable: 2",
            "  im1.png: data/SOD/masks/im1.png: ...",
            "  im4.png: data/SOD/masks/im4.png: ...",
            "mask and photo of different sizes: 1",
            "  im0.jpg: the photo is 30x9, its mask 30x20",
            "masks with levels other than 0 and 255: none",
            "empty masks: 1",
            "  im2.png: no foreground",
            "masks without background: 1",
            "  im3.png: no background",
            "known to be wrong in some copies: none",
            "mean share of foreground: .354167",
            "1 of 6 masks are empty; they decide scores: there even an empty map, which is right, has the "
            "worst maxF, relaxF, meanF, adpF, adpE, and wF is undefined.",
            "NOT ok: 6 of 300 masks",
        ]

    def test_verify_says_what_it_passes_over(self, here: Path) -> None:
        plant_masks("data/SOD/masks", IDS)
        Path("data/SOD/masks/notes.txt").write_text("x")
        result = sodbench("datasets", "verify", "SOD", "--data", "data")
        assert "data/SOD/masks: files that are no masks, passed over: 1 (notes.txt)" in result.stderr
        assert result.stdout.splitlines()[-1] == f"NOT ok: {len(IDS)} of 300 masks"

    def test_a_folder_of_datasets_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        refused(
            "datasets", "--data", "nowhere", match="nowhere: no such folder, expected a folder that holds"
        )
        monkeypatch.setenv("SODBENCH_DATA", "nowhere")
        assert "nowhere: no such folder, though SODBENCH_DATA names it" in good("datasets").stderr

    def test_verify_what_is_not_there(self) -> None:
        refused("datasets", "verify", "SOD", match="SOD: not found on this disk")
        refused("datasets", "verify", "SODA", match="unknown dataset SODA; did you mean SOD")
        refused("datasets", "verify", match="Missing argument 'NAME'", code=2)
        refused("datasets", "verfy", "SOD", match="No such command 'verfy'", code=2)

    def test_verify_own_masks(self, score: tuple[str, ...]) -> None:
        assert "mine: 4 masks of 4" in good("datasets", "verify", "mine", "--masks", "own/masks").stdout

    @pytest.fixture(params=["environment", "config"])
    def register(
        self, request: pytest.FixtureRequest, isolated: Path, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[str], None]:
        """Put a text where a user's own datasets stand."""
        file = isolated / "config" / "sodbench" / "datasets.toml"
        if request.param == "environment":
            file = here / "mine.toml"
            monkeypatch.setenv("SODBENCH_DATASETS", str(file))
        else:
            monkeypatch.setenv("SODBENCH_DATA", "data")

        def write(text: str) -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

        return write

    def test_of_ones_own(self, register: Callable[[str], None]) -> None:
        register("[MY-SET]\nversion = 3\ncount = 4\naliases = ['mine']\n")
        plant_masks("data/mine/GT")
        plant_maps("preds/A/MY-SET")
        (row,) = scored("preds", "--data", "data")
        assert row["dataset"] == "MY-SET"
        assert row["signature"] == f"data:MY-SET@3|n:4/4|{DEFAULT}"
        lines = good("datasets", "--data", "data").stdout.splitlines()
        (line,) = [line for line in lines if "MY-SET" in line]
        assert line.split(maxsplit=3) == ["MY-SET", "test", "4/4", "data/mine (GT; complete)"]

    def test_threshold_of_user_before_entry_before_preset(self, register: Callable[[str], None]) -> None:
        register("[MY-SET]\nversion = 1\ncount = 4\nmask_threshold = '>99'\n")
        plant_masks("data/MY-SET/gt")
        save(np.where(mask_of(0) > 0, 120, 40).astype(np.uint8), "data/MY-SET/gt/im0.png")
        plant_maps("A")
        args = ("A", "-d", "my_set", "--data", "data", "--metrics", "mae")
        entry = scored(*args)[0]
        assert "|gt:>99|" in entry["signature"]
        assert "|gt:>99|" in signature(*args, "--protocol", "sal_eval")
        user = scored(*args, "--mask-threshold", ">30")[0]
        assert "|gt:>30|" in user["signature"]
        assert user["scores"] != entry["scores"]
        # A signature rescores exactly, so its rule counts like the user's.
        assert scored(*args, "--protocol", user["signature"]) == [user]
        assert scored(*args) == [entry]

    def test_broken_file_of_ones_own(self, register: Callable[[str], None]) -> None:
        register("[MINE]\nversion = 1\ncuont = 4\n")
        refused("datasets", match=r"\[MINE\]: unknown key cuont; did you mean count")


class TestProgram:
    def test_version_and_help(self) -> None:
        assert good("--version").stdout == f"sodbench, version {__version__}\n"
        for words in ((), ("score",), ("rescore",), ("datasets",), ("datasets", "verify")):
            text = good(*words, "--help").stdout
            assert text.startswith("Usage: ")
            assert "\b" not in text
            assert good(*words, "-h").stdout == text
        assert "--rho FLOAT" in good("score", "--help-conventions").stdout
        assert "--rho" not in good("score", "-h").stdout
        assert "[default: u2net]" in " ".join(good("score", "-h").stdout.split())

    def test_as_a_module(self) -> None:
        found = subprocess.run(
            [sys.executable, "-m", "sodbench", "--version"], capture_output=True, text=True, check=True
        )
        assert found.stdout.endswith(f", version {__version__}\n")

    @pytest.mark.parametrize(
        ("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete")]
    )
    def test_shell_completion(self, shell: str, word: str) -> None:
        if not shutil.which("bash"):
            pytest.skip("needs bash")
        found = process(_SODBENCH_COMPLETE=f"{shell}_source")
        assert found.returncode == 0
        assert word in found.stdout.decode()
        assert "_SODBENCH_COMPLETE" in found.stdout.decode()

    def test_completions(self) -> None:
        found = process(
            _SODBENCH_COMPLETE="bash_complete", COMP_WORDS="sodbench score --protocol p", COMP_CWORD="3"
        )
        assert found.stdout.split() == [b"plain,pysodmetrics"]

    @pytest.mark.parametrize(
        "environment",
        [
            {"PYTHONIOENCODING": "cp1252"},
            {"PYTHONIOENCODING": "ascii"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
        ],
    )
    def test_stdout_that_cannot_encode_arrows(
        self, score: tuple[str, ...], environment: dict[str, str]
    ) -> None:
        good("score", *score)
        found = process("score", *score, "--metrics", "paper", **environment)
        assert found.returncode == 0, found.stderr
        assert b" MAEv " in found.stdout
        assert b"Traceback" not in found.stderr

    def test_reader_that_stops_reading(self, score: tuple[str, ...]) -> None:
        run = subprocess.Popen(
            command("score", *score), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
        )
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        err = run.stderr.read()
        run.stderr.close()
        run.wait()
        assert b"Traceback" not in err
        assert b"Exception" not in err

    def test_a_bug_keeps_its_traceback(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", broken)
        with pytest.raises(ZeroDivisionError):
            sodbench("score", *score)


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, and keeps what is written."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined,no-any-return]


def test_progress_bar_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("SOD") as update:
        assert update is not None
        for done in range(1, 4):
            update(done, 3)
    assert "3/3" in terminal.text()


def test_show_in_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("cp1252")
    monkeypatch.setattr(sys, "stdout", terminal)
    with readable_streams():
        show("ü MAE↓ maxF↑ 雪")
    assert terminal.text().rstrip() == "ü MAEv maxF^ \\u96ea"


def test_compiling_is_said(score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        process("score", *score, "--out", out, NUMBA_CACHE_DIR=str(Path("numba").absolute())).stderr.decode()
        for out in ("s1", "s2")
    )
    lines = first.splitlines()
    assert lines[0] == "Compiling kernels, once after installing ..."
    assert re.fullmatch(r"Compiled in \d+\.\d s\.", lines[1])
    assert "ompil" not in second


def test_warming_up_compiles_all_that_an_image_needs(score: tuple[str, ...]) -> None:
    code = (
        "from numba.core import event\n"
        "from sodbench.scoring.pipeline import score_folder\n"
        "from sodbench.scoring.warm_up import compile_kernels\n"
        "compile_kernels(); recorder = event.RecordingListener()\n"
        "event.register('numba:compile', recorder)\n"
        "score_folder('maps', masks='own/masks', jobs=1).summary()\n"
        "assert not recorder.buffer, recorder.buffer\n"
    )
    done = process("--version", before=code, NUMBA_CACHE_DIR=str(Path("numba").absolute()))
    assert done.returncode == 0, done.stderr.decode()


def test_masks_of_one_dataset_only(score: tuple[str, ...]) -> None:
    refused(
        "score", *score, "-d", "SOD,ECSSD", match="own/masks: one folder of masks cannot serve 2 datasets"
    )
    refused(
        *("score", *score, "--data", "sets"),
        match=r"both masks \(own/masks\) and a folder of datasets \(sets\) were given; pass one",
    )
