"""What is stored and printed stays readable: folders of 0.1.0, later fields, metrics that come and go."""

import csv
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from workspace import good, refused

from sodbench.errors import MetricError, ProtocolError, ScoresError
from sodbench.metrics import DEFAULT_METRICS, REVISIONS
from sodbench.protocol import Protocol, Signature, acting_parts, differing
from sodbench.protocol.protocol import choice, number
from sodbench.scoring.scores import Scores, check_alike

OLD = Path(__file__).parent / "written_by_0_1_0"
"""Scores folders as commit 01a85d6 wrote them: a whole dataset, and one with grey, empty, missing."""


@pytest.fixture
def old(here: Path) -> Path:
    """A copy of them."""
    shutil.copytree(OLD, "scores")
    return Path("scores")


def edit(folder: Path, **meta: object) -> None:
    file = folder / "meta.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **meta}))


def add_column(folder: Path, name: str, value: str) -> None:
    file = folder / "images.csv"
    lines = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    text = [[*line[:-2], value if k else name, *line[-2:]] for k, line in enumerate(lines)]
    file.write_text("".join(",".join(line) + "\n" for line in text), encoding="utf-8")


class TestOldFolders:
    @pytest.mark.parametrize("name", ["blurred/demo", "maps/golden"])
    def test_values_are_as_stored(self, name):
        scores = Scores.load(OLD / name)
        meta = json.loads((OLD / name / "meta.json").read_text(encoding="utf-8"))
        assert scores.summary() == {k: np.nan if v is None else v for k, v in meta["scores"].items()}
        assert scores.signature == meta["signature"]
        assert list(scores.metrics) == list(DEFAULT_METRICS) == meta["metrics"]
        with (OLD / name / "images.csv").open(encoding="utf-8") as file:
            for k, line in enumerate(csv.DictReader(file)):
                assert line["image"] == scores.ids[k]
                for metric in DEFAULT_METRICS:
                    np.testing.assert_equal(scores.values(metric)[k], float(line[metric] or "nan"))

    @pytest.mark.parametrize("name", ["blurred/demo", "maps/golden"])
    def test_saved_again(self, name, tmp_path):
        scores = Scores.load(OLD / name)
        scores.save(tmp_path / "again")
        again = Scores.load(tmp_path / "again")
        assert again.summary() == pytest.approx(scores.summary(), nan_ok=True, abs=0)
        assert again.signature == scores.signature
        np.testing.assert_equal(
            {image: dict(row.numbers) for image, row in again.rows.items()},
            {image: dict(row.numbers) for image, row in scores.rows.items()},
        )

    def test_score_goes_on_from_one(self, old):
        stderr = good("score", "--dataset", "demo").stderr
        assert "demo: reused stored results for 8 of 24 unchanged maps" in stderr

    def test_rescored_and_compared_with_new_ones(self, old):
        good("score", "--dataset", "demo", "--out", "new")
        both = [
            json.loads(good("rescore", root, "--protocol", "fan", "--json").stdout)
            for root in ("scores/blurred", "new/blurred")
        ]
        assert both[0] == both[1]
        record = json.loads(good("compare", "scores/blurred", "new/centre", "--json").stdout)
        assert len(record["differences"]) == 5
        check_alike([Scores.load(old / "blurred/demo"), Scores.load(Path("new/centre/demo"))])


class TestUnknown:
    def test_columns_metrics_and_families_are_kept(self, old):
        folder = old / "blurred/demo"
        add_column(folder, "future_stat", "0.25")
        edit(folder, metrics=[*DEFAULT_METRICS, "future"], revisions={**REVISIONS, "x": 7})
        scores = Scores.load(folder)
        assert scores.metrics == DEFAULT_METRICS
        assert scores.summary() == Scores.load(OLD / "blurred/demo").summary()
        scores.save(Path("again"))
        meta = json.loads(Path("again/meta.json").read_text(encoding="utf-8"))
        assert meta["metrics"] == [*DEFAULT_METRICS, "future"]
        assert meta["revisions"] == {**REVISIONS, "x": 7}
        with Path("again/images.csv").open(encoding="utf-8") as file:
            assert [line["future_stat"] for line in csv.DictReader(file)] == ["0.25"] * 8

    def test_they_stay_under_the_same_protocol(self, old):
        edit(old / "blurred/demo", metrics=[*DEFAULT_METRICS, "future"])
        scores = Scores.load(old / "blurred/demo")
        assert scores.under(scores.protocol).unknown.metrics == ("future",)

    def test_they_go_with_another_protocol(self, old):
        folder = old / "blurred/demo"
        add_column(folder, "future_stat", "0.25")
        edit(folder, metrics=[*DEFAULT_METRICS, "future"])
        moved = Scores.load(folder).under(Protocol(beta2=1))
        moved.save(Path("again"))
        assert "future" not in Path("again/meta.json").read_text(encoding="utf-8")
        assert "future_stat" not in Path("again/images.csv").read_text(encoding="utf-8")

    def test_a_folder_of_unknown_metrics_alone(self, old):
        edit(old / "blurred/demo", metrics=["future"])
        with pytest.raises(MetricError, match="blurred on demo: mae was not computed, only no metric"):
            Scores.load(old / "blurred/demo").values("mae")

    def test_a_column_that_lacks(self, old):
        """Of metrics that the folder does not claim to have, the columns need not be there."""
        folder = old / "blurred/demo"
        file = folder / "images.csv"
        lines = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        kept = ["image", "height", "width", "mae", "s_object", "s_region", "notes", "digest"]
        text = [",".join(kept), *(",".join(line[name] for name in kept) for line in lines)]
        file.write_text("\n".join(text) + "\n", encoding="utf-8")
        edit(folder, metrics=["mae", "s_measure"])
        scores = Scores.load(folder)
        whole = Scores.load(OLD / "blurred/demo").summary()
        assert scores.summary() == {name: whole[name] for name in ("mae", "s_measure")}

    def test_what_lacks_is_computed_and_the_rest_kept(self, old, monkeypatch):
        good("score", "--dataset", "demo", "--metrics", "mae,s_measure,weighted_f", "--out", "fresh")

        def unexpected(*_):
            raise AssertionError("computed again")

        for module, name in (("weighted_f", "weighted_pr_on"), ("smeasure", "s_halves")):
            monkeypatch.setattr(sys.modules[f"sodbench.metrics.{module}"], name, unexpected)
        monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)
        found = json.loads(
            good("score", "--dataset", "demo", "--metrics", "relax_f", "--out", "fresh", "--json").stdout
        )
        assert [list(row["scores"]) for row in found] == [["relax_f"]] * 3
        stored = Scores.load(Path("fresh/blurred/demo"))
        assert stored.metrics == ("mae", "weighted_f", "s_measure", "relax_f")
        whole = Scores.load(OLD / "blurred/demo").summary()
        assert stored.summary() == {name: whole[name] for name in stored.metrics}


class TestRevisions:
    def test_a_family_that_the_scores_do_not_use(self, old):
        edit(old / "blurred/demo", metrics=["mae", "s_measure"], revisions={**REVISIONS, "r": 0})
        assert Scores.load(old / "blurred/demo").metrics == ("mae", "s_measure")

    def test_a_family_that_they_use(self, old):
        edit(old / "blurred/demo", revisions={**REVISIONS, "r": 0})
        with pytest.raises(ScoresError, match=r"another revision of metrics: r0 \(now 1\)\. Score again"):
            Scores.load(old / "blurred/demo")

    def test_only_what_was_revised_is_computed_again(self, old, monkeypatch):
        edit(old / "blurred/demo", revisions={**REVISIONS, "r": 0})
        seen = []
        from sodbench.scoring import pipeline

        score_pair = pipeline.score_pair

        def recorded(image, pred, prepared, protocol, metrics, digest):
            seen.append(metrics)
            return score_pair(image, pred, prepared, protocol, metrics, digest)

        monkeypatch.setattr(pipeline, "score_pair", recorded)
        preds = good("score", "--dataset", "demo")
        assert seen.count(("relax_f",)) == 8
        assert seen.count(DEFAULT_METRICS) == 16
        assert preds.exit_code == 0
        assert Scores.load(old / "blurred/demo").summary() == Scores.load(OLD / "blurred/demo").summary()

    def test_numbers_that_no_metric_claims_are_not_taken_over(self, old):
        """A folder may still hold numbers of a metric that it does not list."""
        edit(old / "blurred/demo", metrics=["mae"], revisions={**REVISIONS, "s": 0})
        for moved in (False, True):
            rows = Scores.load(old / "blurred/demo", moved=moved).rows.values()
            assert not any({"s_object", "s_region"} & row.numbers.keys() for row in rows)
            assert all({"w_recall", "r_recall"} <= row.numbers.keys() for row in rows)

    def test_compared_family_by_family(self):
        assert differing("rev:f1.s1.x1", "rev:f1.s1") == {}
        assert differing("rev:f1.s1", "rev:f2.s1") == {"rev": ("f1", "f2")}
        assert differing("rev:f1.s1", "rev:f2.s1", families=["s"]) == {}
        assert acting_parts("rev:f1.s1.x1", [], ["s"]) == acting_parts("rev:f2.s1", [], ["s"])

    @pytest.mark.parametrize("part", ["data:A@1", "n:3/4", "missing:zero", "ids:12345678"])
    def test_the_images_always_matter(self, part):
        assert acting_parts(f"{part}|norm:max", [], []) == (part,)

    @pytest.mark.parametrize("text", ["rev:f", "rev:1", "rev:", "rev:f1.", "rev:F1"])
    def test_no_revisions(self, text):
        with pytest.raises(ProtocolError, match="is not of the form f1.m1"):
            differing(text, "rev:f2")


@dataclass(frozen=True, kw_only=True)
class Later(Protocol):
    """A protocol of a later release, with two more fields."""

    ties: str = choice("ties", "up", ("up", "down"), "what a later release adds", before="down")
    slack: float = number("slack", 2.0, 0.0, 9.0, "another one", before=0.0)


class TestLaterFields:
    def test_an_old_signature_has_what_stood_before(self):
        parsed = Later.parse(Protocol().signature())
        assert (parsed.ties, parsed.slack) == ("down", 0.0)
        assert parsed.signature() == Protocol().signature()

    def test_a_new_value_is_stated_and_parses_back(self):
        later = Later()
        assert later.signature() == f"{Protocol().signature()}|ties:up|slack:2"
        assert Later.parse(later.signature()) == later
        assert Later.parse(Later(ties="down").signature()) == Later(ties="down")

    def test_a_field_of_the_first_release_must_be_there(self):
        cut = Later().signature().replace("rdist:euclidean", "").replace("||", "|")
        with pytest.raises(ProtocolError, match="signature lacks rdist; copy the whole line"):
            Later.parse(cut)

    def test_an_older_program_says_what_it_does_not_know(self):
        with pytest.raises(ProtocolError, match="unknown parts 'slack', 'ties'"):
            Protocol.parse(Later().signature())


class TestSignature:
    @pytest.mark.parametrize("name", ["blurred/demo", "maps/golden"])
    def test_round_trip(self, name):
        text = json.loads((OLD / name / "meta.json").read_text(encoding="utf-8"))["signature"]
        signature = Signature.parse(text)
        assert str(signature) == text
        assert Signature.parse(str(signature)) == signature
        scores = Scores.load(OLD / name)
        assert scores.sign() == signature
        assert (signature.dataset, signature.of) == (scores.dataset_name, scores.of)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (("n:8/8", "n:8"), "n:'8' is not of the form N/N"),
            (("data:demo@1|", ""), "the signature lacks data"),
            (("|rev:f1.m1.w1.s1.r1.e1", ""), "the signature lacks rev"),
            (("rev:f1.", "rev:f."), "not of the form f1.m1"),
        ],
    )
    def test_damaged(self, change, message):
        text = Scores.load(OLD / "blurred/demo").signature.replace(*change)
        with pytest.raises(ProtocolError, match=message):
            Signature.parse(text)


def test_scores_that_differ_only_where_a_metric_does_not_look(old):
    good("score", "--dataset", "demo", "--s-alpha", "0.7", "--out", "other")
    stored = ["compare", "scores/blurred", "other/centre", "--dataset", "demo"]
    good(*stored, "--metrics", "max_f,mae")
    refused(*stored, "--metrics", "s_measure", match="not comparable on demo: alpha is 0.5 and 0.7")
