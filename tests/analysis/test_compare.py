"""`sodbench compare`: what it says, what it refuses, what it draws."""

import csv
import io
import json
import os
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from PIL import Image
from stored import made, reseal, store
from workspace import NO_SCORES, good, plant_maps, plant_masks, refused

from sodbench.analysis.compare import Comparison, Difference, compare
from sodbench.analysis.statistics.ranks import friedman
from sodbench.errors import ScoresError
from sodbench.metrics import DEFAULT_METRICS, METRICS, REVISIONS
from sodbench.protocol import Protocol
from sodbench.reports.compare import comparison_json, comparison_text, rank_sentence, sentence
from sodbench.reports.figures.compare import critical_difference_diagram, differences_figure, forest
from sodbench.reports.figures.style import RED, figure_style
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))

ALL = ",".join(DEFAULT_METRICS)


@pytest.fixture
def two(here):
    """A is better than B in all but relaxed F; 60 images, 2 without an object."""
    empty = (7, 30)
    return store(made("A", 60, 1, skill=0.75, empty=empty)), store(made("B", 60, 2, skill=0.6, empty=empty))


def found_by(*arguments):
    return json.loads(good("compare", *arguments, "--json", "--resamples", 400).stdout)


def test_scores_are_loaded_in_the_order_of_the_paths(two):
    a, b = two
    assert [scores.method for scores in load_scores([b, a])] == ["B", "A"]
    assert [scores.method for scores in load_scores([a, b])] == ["A", "B"]
    assert [scores.method for scores in load_scores([b, "scores"])] == ["B", "A"]
    store(made("B", 30, 3, dataset="TWO@1"))
    found = load_scores([b, a])
    assert [(s.dataset, s.method) for s in found] == [("SOD@1", "B"), ("SOD@1", "A"), ("TWO@1", "B")]
    assert [s.method for s in load_scores("scores")] == ["A", "B", "B"]


def test_two_methods(two):
    """Every number of the JSON against the scores themselves and scipy."""
    found = found_by(*two, "--metrics", ALL)
    a, b = (Scores.load(Path(folder, "SOD")) for folder in two)
    assert found["methods"] == ["A", "B"]
    assert found["datasets"] == [{"dataset": "SOD", "images": 60, "signature": a.signature}]
    assert (found["resamples"], found["seed"], found["interval"]) == (400, 0, "percentile")
    assert found["ranks"] == []
    assert [one["metric"] for one in found["differences"]] == list(DEFAULT_METRICS)
    for one in found["differences"]:
        metric = one["metric"]
        first, second = a.per_image()[metric], b.per_image()[metric]
        better = first > second if METRICS[metric].higher_is_better else first < second
        assert one["images"] == (58 if metric == "weighted_f" else 60) == (first - second).count()
        assert one["wins"] == better.sum()
        assert one["wins"] + one["ties"] + one["losses"] == one["images"]
        assert one["value_a"] == pytest.approx(a.summary()[metric], abs=1e-12)
        assert one["difference"] == pytest.approx(a.summary()[metric] - b.summary()[metric], abs=1e-12)
        assert one["low"] < one["difference"] < one["high"]
        assert one["better"] == ("A" if (one["difference"] > 0) == METRICS[metric].higher_is_better else "B")
        if metric in ("max_f", "mean_f", "max_e"):
            assert one["d"] is None
        else:
            test = scipy.stats.ttest_rel(first, second, nan_policy="omit")
            assert one["d"] == pytest.approx(test.statistic / one["images"] ** 0.5, abs=1e-12)
            assert one["p"] == pytest.approx(test.pvalue, abs=0.06)
            near = scipy.stats.t.interval(0.95, one["images"] - 1, *_center_and_error(first - second))
            assert (one["low"], one["high"]) == pytest.approx(near, abs=0.012)


def _center_and_error(differences):
    return differences.mean(), differences.sem()


def test_holm_is_over_metrics_and_datasets(here):
    for dataset, seed in (("SOD@1", 1), ("ECSSD@1", 5)):
        store(made("A", 40, seed, dataset=dataset))
        store(made("B", 40, seed + 1, dataset=dataset, skill=0.63))
    found = found_by("scores/A", "scores/B", "--metrics", ALL)["differences"]
    assert {one["dataset"] for one in found} == {"SOD", "ECSSD"}
    p = [one["p"] for one in found]
    order = np.argsort(p, kind="stable")
    expected = np.minimum.reduce([np.maximum.accumulate(np.sort(p) * np.arange(20, 0, -1)), np.ones(20)])
    np.testing.assert_allclose([found[k]["holm"] for k in order], expected, rtol=1e-14)
    only = found_by("scores/A", "scores/B", "-d", "sod", "--metrics", "mae,max_f")["differences"]
    assert [(one["dataset"], one["metric"]) for one in only] == [("SOD", "max_f"), ("SOD", "mae")]
    same = [one for one in found if (one["dataset"], one["metric"]) == ("SOD", "mae")]
    assert (only[1]["low"], only[1]["p"]) == (same[0]["low"], same[0]["p"])


def test_text_of_two_methods(two):
    text = good("compare", *two, "--metrics", "max_f,mae,weighted_f", "--resamples", 400).stdout
    record = {
        one["metric"]: one for one in found_by(*two, "--metrics", "max_f,mae,weighted_f")["differences"]
    }
    lines = text.splitlines()
    assert lines[0] == "SOD, 60 images"
    assert lines[1].split("  ")[0] == "metric"
    for label, metric in (("maxF↑", "max_f"), ("MAE↓", "mae"), ("wF↑", "weighted_f")):
        (line,) = [line for line in lines if line.startswith(label)]
        one = record[metric]
        d = "-" if one["d"] is None else f"{one['d']:+.2f}"
        assert re.split(r"\s{2,}", line) == [
            label,
            f"{one['value_a']:.4f}",
            f"{one['value_b']:.4f}",
            f"{one['difference']:+.4f}",
            f"[{one['low']:+.4f}, {one['high']:+.4f}]",
            f"{one['p']:.4f}",
            f"{one['holm']:.4f}",
            f"{one['wins']}/{one['ties']}/{one['losses']}",
            d,
        ]
    assert "A is ahead of B by" in text
    assert "on these 58 images" in text
    assert "adjusted by Holm over 3 tests; 400 resamples, seed 0" in text
    assert lines[-1] == f"signature: {found_by(*two)['datasets'][0]['signature']}"


def difference(**changes):
    """A difference whose words are tested."""
    start = Difference(
        dataset="SOD", metric="weighted_f", a="A", b="B", value_a=0.7243, value_b=0.7222, images=300,
        low=-0.0008, high=0.0050, p=0.15, holm=0.15, wins=160, ties=0, losses=140, d=0.08,
    )  # fmt: skip
    return replace(start, **changes)


BEHIND = {"value_a": 0.7222, "value_b": 0.7243, "low": -0.0050, "high": 0.0008, "wins": 140, "losses": 160}
MAE = {"metric": "mae", "p": 0.001, "holm": 0.002}
SENTENCES = {
    "a count": (
        {
            "metric": "hce",
            "value_a": 59.6433,
            "value_b": 70.7267,
            "low": -12.9334,
            "high": -9.27,
            "p": 0.0001,
            "holm": 0.0003,
            "wins": 223,
            "losses": 77,
            "d": -0.69,
        },
        "A is ahead of B by 11.1 in human correction efforts (lower is better), 95 % interval [9.3, 12.9]: "
        "distinguishable on these 300 images (p = .0003 after Holm).",
    ),
    "no difference": (
        {},
        "A is ahead of B by .0021 in weighted F, 95 % interval [-.0008, .0050]: not distinguishable on "
        "these 300 images.",
    ),
    "turned": (
        BEHIND,
        "B is ahead of A by .0021 in weighted F, 95 % interval [-.0008, .0050]: not distinguishable on "
        "these 300 images.",
    ),
    "lower is better": (
        {**MAE, "value_a": 0.10, "value_b": 0.12, "low": -0.03, "high": -0.01, "d": -0.5},
        "A is ahead of B by .0200 in MAE (lower is better), 95 % interval [.0100, .0300]: distinguishable on "
        "these 300 images (p = .0020 after Holm).",
    ),
    "small, and of few images": (
        {
            **MAE,
            "value_a": 0.12,
            "value_b": 0.10,
            "low": 0.01,
            "high": 0.03,
            "d": 0.15,
            "wins": 170,
            "losses": 130,
        },
        "B is ahead of A by .0200 in MAE (lower is better), 95 % interval [.0100, .0300]: distinguishable on "
        "these 300 images (p = .0020 after Holm); small against the spread over images (d = .15); yet A is "
        "better on 170 of them.",
    ),
    "not after Holm": (
        {"low": 0.0001, "p": 0.02, "holm": 0.2},
        "A is ahead of B by .0021 in weighted F, 95 % interval [.0001, .0050]: not distinguishable on "
        "these 300 images, since p = .0200 becomes .2000 after Holm.",
    ),
    "not by the interval": (
        {"p": 0.02, "holm": 0.04},
        "A is ahead of B by .0021 in weighted F, 95 % interval [-.0008, .0050]: not distinguishable on "
        "these 300 images, since the interval includes 0.",
    ),
    "equal": (
        {"value_a": 0.7222, "low": 0.0, "high": 0.0, "p": 1.0, "holm": 1.0, "wins": 0, "losses": 0},
        "A and B are equal in weighted F, 95 % interval [.0000, .0000]: not distinguishable on these "
        "300 images.",
    ),
    "few images": (
        {"images": 19, "low": None, "high": None, "p": None, "holm": None},
        "A is ahead of B by .0021 in weighted F, on 19 images: too few (20 needed) to say more.",
    ),
    "above 1": (
        {"value_a": 1.8, "value_b": 0.4, "low": 1.2, "high": 1.5, "p": 0.001, "holm": 0.001, "d": 2.0},
        "A is ahead of B by 1.4000 in weighted F, 95 % interval [1.2000, 1.5000]: distinguishable on "
        "these 300 images (p = .0010 after Holm).",
    ),
}


@pytest.mark.parametrize(("changes", "words"), SENTENCES.values(), ids=SENTENCES)
def test_sentences(changes, words):
    assert sentence(difference(**changes)) == words


def test_too_few_resamples_for_so_many_tests(two):
    """The smallest p is 1 / 101, which Holm multiplies by 10."""
    text = good("compare", *two, "--metrics", ALL, "--resamples", 100).stdout
    assert "100 resamples are too few for 10 tests: even the smallest p is above .05 after Holm." in text
    assert "Pass --resamples 400 or more." in text
    enough = good("compare", *two, "--metrics", ALL, "--resamples", 400)
    assert "too few" not in enough.stdout + enough.stderr


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_identical_methods(here, interval):
    """Difference 0, interval [0, 0], p 1."""
    folders = store(made("A", 30, 1, empty=(3,))), store(made("B", 30, 1, empty=(3,)))
    for one in found_by(*folders, "--interval", interval)["differences"]:
        assert (one["difference"], one["low"], one["high"], one["p"], one["holm"]) == (0, 0, 0, 1, 1)
        assert (one["wins"], one["losses"], one["d"]) == (0, 0, None)
        assert (one["better"], one["significant"]) == (None, False)
    assert "A and B are equal in MAE" in good("compare", *folders, "--resamples", 100).stdout


def test_intervals_on_request(two):
    percentile, bca = (found_by(*two, "--interval", kind)["differences"] for kind in ("percentile", "bca"))
    assert all(
        a["low"] != b["low"] and abs(a["low"] - b["low"]) < 0.01 for a, b in zip(percentile, bca, strict=True)
    )
    assert "BCa intervals" in good("compare", *two, "--interval", "bca", "--resamples", 100).stdout


def test_seed(two):
    one, again, other = (
        good("compare", *two, "--resamples", 200, "--seed", seed).stdout for seed in (1, 1, 2)
    )
    assert one == again != other
    assert "seed 1" in one


def test_no_significance_for_few_images(here):
    folders = [store(made(name, 19, k)) for k, name in enumerate("ABC")]
    for one in found_by(*folders[:2])["differences"]:
        assert [one[key] for key in ("low", "high", "p", "holm", "significant")] == [None] * 4 + [False]
    text = good("compare", *folders).stdout
    assert "no ranks for fewer than 20 images" in text
    assert "Friedman" not in text
    assert "Holm over" not in text
    assert "]" not in text
    refused("compare", *folders, "--plot", "a.pdf", match="a.pdf: no ranks to draw, for fewer than 20 images")


def test_no_significance_where_a_metric_is_defined_on_few_images(here):
    folders = [store(made(name, 25, k, empty=range(6))) for k, name in enumerate("ABC")]
    found = found_by(*folders)
    without = {one["metric"] for one in found["differences"] if one["p"] is None}
    assert without == {"weighted_f"}
    assert "weighted_f" not in {one["metric"] for one in found["ranks"]}
    assert (
        "weighted F: no ranks for fewer than 20 images."
        in good("compare", *folders, "--resamples", 100).stdout
    )


def test_three_methods_are_ranked_over_images(here):
    scores = [
        made(name, 40, k, skill=skill)
        for k, (name, skill) in enumerate(zip("ABC", (0.6, 0.75, 0.7), strict=True))
    ]
    folders = [store(one) for one in scores]
    found = found_by(*folders, "--metrics", "mae,s_measure")
    assert len(found["differences"]) == 6
    assert [(one["a"], one["b"]) for one in found["differences"][::2]] == [("A", "B"), ("A", "C"), ("B", "C")]
    for one in found["ranks"]:
        columns = np.array([s.per_image()[one["metric"]] for s in scores])
        sign = -1 if METRICS[one["metric"]].higher_is_better else 1
        means = scipy.stats.rankdata(sign * columns, axis=0).mean(axis=1)
        assert (one["over"], one["blocks"]) == ("images", 40)
        assert list(one["ranks"].values()) == pytest.approx(means.tolist(), abs=1e-12)
        test = scipy.stats.friedmanchisquare(*columns)
        assert one["friedman"] == pytest.approx({"statistic": test.statistic, "p": test.pvalue})
        assert one["critical_difference"] == pytest.approx(2.343 * (12 / 240) ** 0.5, abs=1e-3)
    text = good("compare", *folders, "--metrics", ALL, "--resamples", 800).stdout
    assert "average ranks over 40 images (1 = best)" in text
    assert "Ranks of max F, mean F, max E are those of each image's own curve." in text
    assert "differences of all pairs" not in text
    assert "not significantly different: " not in text
    text = good("compare", *folders, "--metrics", ALL, "--resamples", 800, "--verbose").stdout
    assert "SOD, 40 images: differences of all pairs" in text
    assert "mean F: best average rank B (" in text
    assert "; not significantly different: " in text


@pytest.fixture
def five(here) -> Comparison:
    skills = zip("ABCDE", (0.4, 0.8, 0.5, 0.79, 0.6), strict=True)
    scores = [made(name, 60, k, skill=skill) for k, (name, skill) in enumerate(skills)]
    for method_scores in scores:
        store(method_scores)
    return compare(scores, metrics=["mae", "s_measure"], resamples=1000)


def test_methods_that_share_a_letter_do_not_differ(five):
    for metric in ("mae", "s_measure"):
        letters = five.letters("SOD", metric)
        best = min(letters, key=letters.__getitem__)
        assert "a" in letters[best]
        for difference in five.differences:
            if difference.metric == metric:
                shared = {*letters[difference.a]} & {*letters[difference.b]}
                assert bool(shared) != difference.significant
    assert five.letters("SOD", "s_measure") == {"B": "a", "D": "a", "E": "b", "C": "c", "A": "d"}


def test_letters_stand_behind_the_values(five):
    arguments = ("compare", *(f"scores/{name}" for name in "ABCDE"), "--metrics", "s_measure")
    text = good(*arguments, "--resamples", 1000).stdout
    values = {line.split()[0]: line.split()[1:] for line in text.splitlines()[2:7]}
    assert {name: letters for name, (_, letters) in values.items()} == five.letters("SOD", "s_measure")
    assert text.splitlines()[7] == (
        "Methods that share a letter in a column are not significantly different; the best has an a."
    )
    record = json.loads(good(*arguments, "--resamples", 1000, "--json").stdout)
    expected = {"dataset": "SOD", "metric": "s_measure", "letters": five.letters("SOD", "s_measure")}
    assert record["letters"] == [expected]
    assert comparison_json(five).count('"letters": {') == 2


def test_infinite_values_are_null_in_json(five):
    """A metric of a user's own may have any value."""
    first, *rest = five.differences
    odd = replace(five, differences=(replace(first, value_a=float("inf"), low=float("nan")), *rest))
    record = json.loads(comparison_json(odd))["differences"][0]
    assert (record["value_a"], record["difference"], record["low"]) == (None, None, None)


def test_letters_of_ranks_are_those_of_their_groups(five):
    for ranks in five.ranks.values():
        for j, k in combinations(range(5), 2):
            shared = {*ranks.letters[j]} & {*ranks.letters[k]}
            assert bool(shared) == any({j, k} <= {*group} for group in ranks.groups)


def test_too_few_resamples_are_said_before_the_work(five, monkeypatch):
    """And no letters are given, by which all methods would be alike."""
    arguments = ("compare", *(f"scores/{name}" for name in "ABCDE"))
    said = "100 resamples are too few for 50 tests: even the smallest p is above .05 after Holm."
    done = good(*arguments, "--resamples", 100)
    assert done.stderr == f"{said} Pass --resamples 2000 or more.\n"
    assert f"{said} Pass" in done.stdout
    table = done.stdout.partition("average ranks")[0]
    assert "share a letter" not in table
    assert all(len(line.split()) == 6 for line in table.splitlines()[1:7])
    record = json.loads(good(*arguments, "--resamples", 100, "--json").stdout)
    assert [each["letters"] for each in record["letters"]] == [None] * 5
    monkeypatch.setattr("sodbench.analysis.compare.measured", lambda *_: 1 / 0)
    told: list[str] = []
    scores = load_scores([Path("scores")])
    with pytest.raises(ZeroDivisionError):
        compare(scores, metrics=["mae"], resamples=100, say=told.append)
    assert told == [
        "100 resamples are too few for 10 tests: even the smallest p is above .05 after Holm. "
        "Pass --resamples 400 or more."
    ]


def test_tests_of_few_images_are_not_counted(here):
    """Weighted F is defined on 19 images, so five of ten tests are left."""
    scores = [made(name, 25, k, empty=range(6)) for k, name in enumerate("ABC")]
    told: list[str] = []
    found = compare(scores, metrics=["mae", "weighted_f"], resamples=50, say=told.append)
    assert told == [found.caveat]
    assert found.caveat.startswith("50 resamples are too few for 3 tests")
    enough = compare(scores, metrics=["mae", "weighted_f"], resamples=400, say=told.append)
    assert len(told) == 1
    assert enough.letters("SOD", "weighted_f") == {}
    assert "weighted F: no letters for fewer than 20 images." in comparison_text(enough)


def test_progress_goes_by_methods_and_pairs(five):
    steps: list[tuple[int, int]] = []
    scores = load_scores([Path("scores")])
    compare(scores, metrics=["mae"], resamples=100, progress=lambda *step: steps.append(step))
    assert steps == [(k, 15) for k in range(1, 16)]


def test_several_datasets_are_the_blocks_of_ranks(here):
    names = ["SOD", "ECSSD", "HKU-IS"]
    for k, dataset in enumerate(names):
        for j, (method, skill) in enumerate(zip("ABC", (0.85, 0.65, 0.4), strict=True)):
            store(made(method, 25, 10 * k + j, skill=skill, dataset=f"{dataset}@1"))
    folders = ["scores/A", "scores/B", "scores/C"]
    (one,) = found_by(*folders, "--metrics", "mae")["ranks"]
    assert (one["over"], one["blocks"], one["ranks"]) == ("datasets", 3, {"A": 1, "B": 2, "C": 3})
    assert one["friedman"]["statistic"] == pytest.approx(6)  # 3 equal orders of 3
    text = good("compare", *folders, "--metrics", "mae", "--resamples", 100).stdout
    assert "average ranks over 3 datasets (1 = best)" in text
    assert "3 datasets are too few for a test of ranks (about 10 are needed): rely on" in text
    text = good("compare", *folders, "-d", "SOD,ECSSD", "--metrics", "mae", "--resamples", 100).stdout
    assert "2 datasets are too few" in text
    assert "and no average ranks can be 2.34 apart: rely on" in text


def test_ten_datasets_are_enough():
    scores = [
        made(method, 20, 10 * k + j, skill=skill, dataset=f"d{k}@1", metrics=["mae"])
        for k in range(10)
        for j, (method, skill) in enumerate(zip("ABC", (0.9, 0.5, 0.1), strict=True))
    ]
    text = comparison_text(compare(scores, resamples=100), verbose=True)
    assert "average ranks over 10 datasets (1 = best)" in text
    assert "MAE: best average rank A (1.00); not significantly different: A, B; B, C." in text  # 1.05 needed
    assert "too few for a test" not in text


def test_ranks_in_words():
    values = np.repeat([[0.9, 0.5, 0.1], [0.5, 0.9, 0.1]], 10, axis=0)
    ranks = {"max_f": friedman(values, True), "mae": friedman(values[:, ::-1] + np.eye(3)[0] * 2, True)}
    comparison = Comparison(
        methods=("A", "B", "C"), signatures={"SOD": "x:y"}, images={"SOD": 20}, differences=(), over="images",
        ranks=ranks, resamples=100, seed=0, interval="percentile",
    )  # fmt: skip
    assert (
        rank_sentence(comparison, "max_f")
        == "max F: best average rank A and B (1.50); not significantly different: A, B."
    )
    assert rank_sentence(comparison, "mae").startswith(
        "MAE: best average rank A (1.00); not significantly different:"
    )
    ranks["max_f"] = friedman(np.tile([[1, 2, 3.0], [2, 3, 1], [3, 1, 2]], (7, 1)), True)
    assert rank_sentence(comparison, "max_f") == (
        "max F: best average rank A and B and C (2.00); "
        "no methods differ significantly (Friedman p = 1.0000)."
    )
    ranks["max_f"] = friedman(np.tile([1, 2, 3.0], (30, 1)), True)
    assert (
        rank_sentence(comparison, "max_f")
        == "max F: best average rank C (1.00); all methods differ significantly."
    )


def test_csv(two):
    lines = list(csv.DictReader(io.StringIO(Path(_written(two, "out.csv")).read_text(encoding="utf-8"))))
    record = found_by(*two, "--metrics", "paper")
    assert len(lines) == 5
    for line, one in zip(lines, record["differences"], strict=True):
        assert line["signature"] == record["datasets"][0]["signature"]
        for key, value in one.items():
            assert line[key] == ("" if value is None else str(value))


def _written(two, file):
    good("compare", *two, "--metrics", "paper", "--resamples", 400, "--csv", file)
    return file


def test_maps_that_were_scored_here(here):
    """From maps to a comparison: a method against itself under another name, and against another."""
    ids = [f"im{k % 8}-{k}" for k in range(24)]
    masks = plant_masks("own/masks", ids)
    for method, seed in (("A", 0), ("B", 1), ("again", 0)):
        plant_maps(f"preds/{method}", ids, seed)
    good("score", "preds/A", "preds/B", "preds/again", "--masks", masks, "--dataset", "own")
    found = found_by("scores/A", "scores/again", "--metrics", "mae")["differences"]
    assert [(one["difference"], one["p"]) for one in found] == [(0, 1)]
    found = found_by("scores/A", "scores/B", "-d", "own", "--metrics", "mae")["differences"]
    assert found[0]["difference"] != 0


def test_control_characters_of_names_stay_out_of_the_terminal(here):
    odd = made("A\x1b[31m", 20, 1)
    odd.save(Path("scores/odd/SOD"))
    text = good("compare", "scores/odd", store(made("B", 20, 2)), "--resamples", 100).stdout
    assert "\x1b" not in text
    assert "A?[31m" in text


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["scores/A"], r"A: expected scores of two methods or more, found 1\. Pass a folder of each"),
        (
            ["scores/A", "scores/A"],
            r"A: expected scores of two methods or more, found 1\. Pass a folder of each",
        ),
        (["scores/A", "nothing"], f"nothing: {NO_SCORES}"),
        (["scores", "-d", "SDO"], r"no scores on SDO here; did you mean SOD\?"),
        (["scores", "-d", "ECSSD"], "no scores on ECSSD here; valid: SOD"),
        (["scores", "--metrics", "max_g"], r"unknown metric 'max_g'; did you mean max_f"),
        (["scores", "--plot", "a.jpg"], r"a\.jpg: unknown kind of figure '\.jpg'"),
        (["scores", "--plot", "scores/A/SOD/meta.json/a.pdf"], "cannot write here"),
    ],
)
def test_bad_input(two, arguments, match):
    refused("compare", *arguments, match=match)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "Missing argument"),
        (["scores", "--resamples", 99], "not in the range"),
        (["scores", "--seed", -1], "not in the range"),
        (["scores", "--interval", "basic"], "'basic' is not one of"),
    ],
)
def test_bad_options(two, arguments, match):
    refused("compare", *arguments, match=match, code=2)


def test_other_images(two):
    other = store(replace(made("C", 60, 3, first=60), of=60))
    start = "A and C are not comparable on SOD: no image in common; only of A: im0000, "
    refused(
        "compare", two[0], other, match=start + r".*; only of C: im0060, im0061, .*\+55 more\. Score both"
    )
    other = store(replace(made("D", 60, 3, first=1), of=60))
    refused("compare", two[0], other, match="only of A: im0000; only of D: im0060.")


def test_fewer_images(two):
    rows = dict(list(made("C", 60, 3).rows.items())[:59])
    other = store(replace(made("C", 60, 3), rows=rows, missing="skip"))
    refused("compare", two[0], other, match=r"n is 60/60 and 59/60; missing is - and skip; only")


def test_other_protocol(two):
    other = store(made("C", 60, 3, protocol=Protocol.of("fan")))
    refused(
        "compare",
        two[0],
        other,
        match="on SOD: norm is max and minmax; levels is 256 and 256float;",
    )


def test_other_masks(two):
    odd = made("C", 60, 3)
    row = odd.rows["im0005"]
    rows = {**odd.rows, "im0005": row._replace(fg=row.bg, bg=row.fg)}
    refused(
        "compare",
        two[0],
        store(replace(odd, rows=rows)),
        match="masks of another size or area: im0005, im0007",
    )


def test_a_metric_that_one_lacks(two):
    other = store(made("C", 60, 3, metrics=["max_f", "mae"], empty=(7, 30)))
    refused(
        "compare",
        two[0],
        other,
        match=r"C on SOD: weighted_f, s_measure.* were not computed, only max_f, mae\.",
    )
    refused(
        "compare", two[0], other, "--metrics", "relax_f", match="C on SOD: relax_f was not computed, only"
    )
    assert len(found_by(two[0], other, "--metrics", "max_f,mae")["differences"]) == 2


def test_a_dataset_that_one_lacks(two):
    store(made("A", 30, 1, dataset="ECSSD@1"))
    refused("compare", *two, match="ECSSD: no scores of B. Score them, or choose datasets with --dataset")
    assert len(found_by(*two, "-d", "SOD", "--metrics", "mae")["differences"]) == 1


def test_a_metric_that_is_defined_on_no_image(here):
    folders = [store(made(name, 20, k, empty=range(20))) for k, name in enumerate("AB")]
    refused("compare", *folders, match="A on SOD: weighted_f is defined on no image")


def test_older_revision(two):
    reseal(Path(two[1], "SOD"), revisions={**REVISIONS, "w": 0})
    refused(
        "compare",
        *two,
        match=r"scores/B/SOD: made by another revision of metrics: w0 \(now 1\)\. Score again",
    )


def test_damaged_scores(two):
    Path(two[1], "SOD", "levels.npz").write_bytes(b"no archive")
    refused("compare", *two, match="scores/B/SOD: these scores are damaged")


def test_help():
    assert "Test whether methods differ significantly." in good("compare", "--help").stdout


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_figures(two, suffix):
    third = store(made("C", 60, 3, empty=(7, 30)))
    for folders in ((*two, "--metrics", ALL), (*two, third, "--metrics", "paper")):
        done = good("compare", *folders, "--resamples", 100, "--plot", f"a{suffix}")
        assert f"drawn: a{suffix}" in done.stderr
        assert Path(f"a{suffix}").stat().st_size > 5000
    if suffix == ".png":
        with Image.open("a.png") as picture:
            assert picture.text["Description"].startswith("data:SOD@1|n:60/60|")


def test_forest_points_to_the_better_method():
    """MAE's differences are drawn with their sign turned; what is not distinguishable is hollow."""
    from matplotlib.figure import Figure

    better = {"metric": "mae", "value_a": 0.1, "value_b": 0.12, "low": -0.03, "high": -0.01, "holm": 0.001}
    ax = forest(Figure().add_subplot(), [difference(**better), difference()])
    bars, points = ax.lines[0:4:2], ax.lines[1:4:2]
    assert bars[0].get_xdata() == pytest.approx([0.03, 0.01])
    assert [point.get_xdata()[0] for point in points] == pytest.approx([0.02, 0.0021])
    assert [point.get_markerfacecolor() for point in points] == ["#0072B2", "white"]
    assert ax.get_xlabel() == "Advantage of A over B"
    low, high = ax.get_xlim()
    assert low == -high < -0.03


def test_panels_of_datasets_have_one_scale():
    scores = [
        made(method, 25, 10 * k + j, skill=0.6 + 0.1 * j * k, dataset=f"{dataset}@1")
        for k, dataset in enumerate(("SOD", "ECSSD"))
        for j, method in enumerate("AB")
    ]
    with figure_style():
        fig = differences_figure(compare(scores, metrics=["mae", "max_f"], resamples=100))
    top, bottom = fig.axes
    assert top.get_xlim() == bottom.get_xlim()
    assert (top.get_title(), bottom.get_title()) == ("SOD, 25 images", "ECSSD, 25 images")
    assert (top.get_xlabel(), bottom.get_xlabel()) == ("", "Advantage of A over B")


def test_counts_have_a_panel_of_their_own():
    scores = [made(method, 25, j, skill=0.6 + 0.1 * j) for j, method in enumerate("AB")]
    found = compare(scores, metrics=["mae", "max_f"], resamples=100)
    counts = [replace(found.differences[0], metric="hce", value_a=50, value_b=70, low=-25, high=-15)]
    with figure_style():
        fig = differences_figure(replace(found, differences=(*counts, *found.differences)))
    shares, of_counts = fig.axes
    assert [label.get_text() for label in shares.get_yticklabels()] == ["maxF", "MAE"]
    assert [label.get_text() for label in of_counts.get_yticklabels()] == ["HCE"]
    assert shares.get_xlim()[1] < 1 < 25 < of_counts.get_xlim()[1]


def test_diagram_shows_ranks_from_worst_to_best():
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    ranks = friedman(rng.normal([0, 2, 0.3, 0.1], 1, (30, 4)), higher_is_better=True)
    names = ["DSS", "U2-Net", "$x$", "PiCANet"]
    with figure_style():
        ax = critical_difference_diagram(Figure(figsize=(3.5, 2)).add_axes((0, 0, 1, 1)), names, ranks, "F")
        boxes = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert set(boxes) == {*names, "1", "2", "3", "4", "F", f"CD = {ranks.critical_difference:.2f}"}
    assert boxes["1"].x0 > boxes["4"].x1
    assert boxes["U2-Net"].x0 > boxes["1"].x1
    assert min(box.x0 for box in boxes.values()) >= 0
    assert max(box.x1 for box in boxes.values()) <= ax.figure.bbox.width
    assert not any(a is not b and a.overlaps(b) for a in boxes.values() for b in boxes.values())
    joined = [line.get_xdata() for line in ax.lines if line.get_color() == RED]
    assert len(joined) == len(ranks.groups) == 1
    assert min(joined[0]) < ranks.mean[ranks.groups[0][0]] < ranks.mean[ranks.groups[0][-1]] < max(joined[0])


def test_a_difference_wider_than_the_axis_is_said():
    from matplotlib.figure import Figure

    ranks = friedman(np.array([[1, 2, 3], [1, 2, 3.0]]), higher_is_better=True)
    ax = critical_difference_diagram(Figure().add_axes((0, 0, 1, 1)), ["A", "B", "C"], ranks)
    assert "CD = 2.34, wider than this axis" in {text.get_text() for text in ax.texts}


def test_compare_from_python():
    found = compare([made("A", 25, 1), made("B", 25, 2)], metrics=["mae"], resamples=100)
    assert (found.methods, found.metrics, found.over) == (("A", "B"), ["mae"], "images")
    with pytest.raises(ScoresError, match="A: expected scores of two methods or more, found 1"):
        compare([made("A", 25, 1)])


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_real_maps(here):
    """PiCANet and DSS on SOD: .8534 and .8439 in max F cannot be told apart, MAE can."""
    maps = [REFERENCE / "preds" / method / "SOD" for method in ("PiCANet", "DSS")]
    good("score", *maps, "--dataset", "SOD", "--data", REFERENCE / "data", "--metrics", "max_f,mae")
    text = good("compare", "scores/PiCANet", "scores/DSS").stdout
    assert (
        "PiCANet is ahead of DSS by .0095 in max F, 95 % interval [-.0042, .0239]: not distinguishable"
        in text
    )
    assert (
        "PiCANet is ahead of DSS by .0192 in MAE (lower is better), 95 % interval [.0082, .0311]: dist"
        in text
    )


def test_each_output_has_a_file_of_its_own(two):
    twice = ("--csv", "x.csv", "--per-image", "x.csv")
    refused("rescore", *two, *twice, code=2, match=r"two outputs both name .*x\.csv")
    refused(
        "compare", *two, "--csv", "x.pdf", "--plot", "x.pdf", match=r"x\.pdf: --csv writes text, not \.pdf"
    )
    refused("compare", *two, "--csv", "-", "--json", code=2, match="--json and a file both go to stdout")


def test_datasets_stand_behind_commas(two):
    store(made("A", 30, 3, dataset="ECSSD@1"))
    store(made("B", 30, 4, dataset="ECSSD@1"))
    both = good("compare", "scores/A", "scores/B", "--dataset", "ECSSD,SOD", "--resamples", 200).stdout
    assert both == good("compare", *two, "-d", "ECSSD", "-d", "SOD", "--resamples", 200).stdout
    one = good("compare", "--dataset", "ECSSD", "scores/A", "scores/B", "--resamples", 200).stdout
    assert "SOD" not in one
    refused("compare", *two, "--dataset", "ECSSD", "SOD", match="SOD: ")


def test_by_attribute_needs_the_masks(two):
    refused(
        "compare", *two, "--by", "size", match="the masks of SOD are no longer here|not found on this disk"
    )
    refused("compare", *two, "--by", "siz", match="unknown attribute 'siz'; did you mean size")
    refused("compare", *two, "--by", "size", "--csv", "x.csv", code=2, match="--by has percentile intervals")


def test_by_attribute_by_the_command(here):
    for method, seed in (("A", 0), ("B", 1)):
        plant_maps(f"maps/{method}", [f"im{k}" for k in range(24)], seed)
    plant_masks("own/masks", [f"im{k}" for k in range(24)])
    for method in "AB":
        good("score", f"maps/{method}", "--masks", "own/masks")
    done = good(
        *("compare", "scores/A", "scores/B", "--by", "size", "--metrics", "mae", "--resamples", 200),
        *("--plot", "by.svg"),
    )
    assert "MAE" in done.stdout
    assert re.search(r"^all\s+24 ", done.stdout, re.M)
    assert Path("by.svg").stat().st_size > 2_000
    record = json.loads(
        good(*("compare", "scores/A", "scores/B", "--by", "size", "--metrics", "mae", "--json")).stdout
    )
    assert [one["attribute"] for one in record] == ["size"]
