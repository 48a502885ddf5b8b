"""Which images count and how much, against explicit loops over images and groups."""

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import examples
from stored import made, store

from sodbench.analysis.breakdown import breakdown
from sodbench.analysis.compare import compare
from sodbench.analysis.explain.rescorer import Rescorer
from sodbench.analysis.statistics.bands import pr_band
from sodbench.analysis.statistics.measured import measured
from sodbench.analysis.statistics.permutation import permutation
from sodbench.analysis.statistics.resampling import bootstrap, jackknife
from sodbench.errors import ScoresError
from sodbench.metrics import DEFAULT_METRICS, METRICS, metric_differences
from sodbench.protocol import Protocol
from sodbench.protocol.conventions import Reading
from sodbench.reports.compare import comparison_text
from sodbench.scoring.counting import Counting, degenerate
from sodbench.scoring.notices import remarks
from sodbench.scoring.scores import CURVES, Scores

DEGENERATE = ("kept", "skip", "zero")
ALL = DEFAULT_METRICS
GROUPED = [f"{'abcdefgh'[k % 8]}/{k:02}" for k in range(24)]
MEANS = [name for name in ALL if METRICS[name].values]


@cache
def pool(method="A", seed=0):
    """Rows of many kinds: empty and full masks, all-zero maps, one pixel, ordinary ones."""
    rows = list(made(method, 24, seed, empty=(1, 5, 9), metrics=ALL).rows.values())
    for k in (2, 5, 12):
        size, zero = int(rows[k].fg.sum()), np.zeros(256, np.uint32)
        zero[0] = 1
        numbers = {**rows[k].numbers, "s_object": 0.25, "s_region": 0.25}
        rows[k] = rows[k]._replace(
            fg=zero * np.uint32(size), bg=zero * np.uint32(400 - size), numbers=numbers
        )
    one = np.zeros(256, np.uint32)
    one[200] = 1
    rows[7] = rows[7]._replace(shape=(1, 1), fg=one, bg=np.zeros(256, np.uint32))
    return rows


def scores_of(ids, protocol, method="A", seed=0, metrics=ALL):
    """Scores whose k-th image is the k-th of the pool, called ids[k]."""
    rows = {name: row._replace(id=name) for name, row in zip(ids, pool(method, seed), strict=False)}
    return Scores(method, "DATA@1", len(rows), protocol, metrics, rows)


def group(image):
    return image[: image.rindex("/")] if "/" in image else ("alone", image)


def plain_mean(values):
    """The mean of what is defined, at each point; NaN where nothing is."""
    columns = np.array(values, float).reshape(len(values), -1)
    means = []
    for column in columns.T:
        defined = [x for x in column if not np.isnan(x)]
        means.append(sum(defined) / len(defined) if defined else np.nan)
    return np.array(means)


def counted_mean(values, images, protocol):
    """The mean over images, or over groups of the means over their images."""
    if protocol.group_average == "images":
        return plain_mean(values)
    groups = {}
    for image, value in zip(images, values, strict=True):
        groups.setdefault(group(image), []).append(value)
    return plain_mean([plain_mean(of_group) for of_group in groups.values()])


def is_degenerate(row):
    levels = [level for level in range(256) if row.fg[level] + row.bg[level] > 0]
    return row.fg.sum() == 0 or levels == [0]


def expected_of(scores):
    """Values of images, curves and values of the dataset, one after the other."""
    protocol, images = scores.protocol, scores.ids
    as_always = protocol.change(degenerate="kept", group_average="images")
    single = {
        image: Scores("A", "DATA@1", 1, as_always, ALL, {image: scores.rows[image]}) for image in images
    }
    fill = {"skip": np.nan, "zero": 0.0}
    out = [image for image in images if protocol.degenerate != "kept" and is_degenerate(scores.rows[image])]

    def zeroed(value, image):
        return np.full(np.shape(value), fill[protocol.degenerate]) if image in out else value

    values = {
        name: np.array([zeroed(single[image].summary()[name], image) for image in images]) for name in ALL
    }
    curves = {
        name: counted_mean(
            [zeroed(single[image].curves()[name], image) for image in images], images, protocol
        )
        for name in ("precision", "recall", "f", "e")
    }
    p, r = curves["precision"], curves["recall"]
    if protocol.average == "mean-pr":
        with np.errstate(invalid="ignore"):
            curves["f"] = np.where(p * r == 0, 0, (1 + protocol.beta2) * p * r / (protocol.beta2 * p + r))
        curves["f"][np.isnan(p)] = np.nan
    summary = {name: counted_mean(values[name], images, protocol)[0] for name in ALL}
    for curve in "fe":
        if not (curve == "f" and protocol.average == "mean-max"):
            summary[f"max_{curve}"] = curves[curve].max()
        summary[f"mean_{curve}"] = curves[curve].mean()
    return values, curves, summary


protocols = st.builds(
    Protocol,
    degenerate=st.sampled_from(DEGENERATE),
    group_average=st.sampled_from(["images", "groups"]),
    average=st.sampled_from(["mean-pr", "mean-f", "mean-max"]),
    normalise=st.sampled_from(["max", "minmax"]),
)
names = st.lists(st.sampled_from(["", "", "a/", "a/b/", "b/", "a-/", "z/"]), min_size=1, max_size=24).map(
    lambda groups: [f"{name}{k:02}" for k, name in enumerate(groups)]
)


@examples(60)
@given(names, protocols)
def test_values_curves_and_dataset(ids, protocol):
    scores = scores_of(ids, protocol)
    values, curves, summary = expected_of(scores)
    for name in ALL:
        np.testing.assert_allclose(scores.values(name), values[name], rtol=0, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(scores.summary()[name], summary[name], rtol=0, atol=1e-12, err_msg=name)
    for name, curve in curves.items():
        np.testing.assert_allclose(scores.curves()[name], curve, rtol=0, atol=1e-12, err_msg=name)
    undefined = {name: int(np.isnan(values[name]).sum()) for name in ALL}
    assert scores.undefined() == {name: n for name, n in undefined.items() if n}


@examples(25)
@given(names, protocols, st.integers(1, 9))
def test_how_many_images_at_once_changes_no_bit(ids, protocol, at_once):
    expected = scores_of(ids, protocol)
    found = scores_of(ids, protocol)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sodbench.scoring.table.AT_ONCE", at_once)
        np.testing.assert_equal(found.summary(), expected.summary())
        np.testing.assert_equal(found.curves(), expected.curves())


@examples(25)
@given(names, protocols)
def test_explain_gives_the_same(ids, protocol):
    """The rescorer starts from the default protocol's rows."""
    base = protocol.change(degenerate="kept", group_average="images")
    found, expected = Rescorer(scores_of(ids, base)), scores_of(ids, protocol).summary()
    for name in ALL:
        value = found.value(name, Reading(protocol))
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("degenerate", DEGENERATE)
@pytest.mark.parametrize("average", ["mean-pr", "pooled"])
def test_without_groups_the_field_changes_nothing(degenerate, average):
    ids = [f"{k:02}" for k in range(24)]
    one, two = (
        scores_of(ids, Protocol(degenerate=degenerate, average=average, group_average=of))
        for of in ("images", "groups")
    )
    np.testing.assert_allclose([*one.summary().values()], [*two.summary().values()], rtol=0, atol=1e-13)
    assert one.counting.units == two.counting.units == 24


@pytest.mark.parametrize("average", ["mean-pr", "mean-f", "mean-max", "pooled"])
def test_the_default_is_bit_equal_to_a_plain_mean(average):
    """Sums of columns by the number of images, as they always were."""
    scores = scores_of([f"g/{k:02}" for k in range(24)], Protocol(average=average))
    for name, curve in CURVES.items():
        if name in ("precision", "recall", "f", "e"):
            averaged = curve.averaged(scores.protocol)
            above = curve.cut(scores.protocol)(scores.levels(scores.ids), scores.protocol)
            sums = np.add.reduce(averaged.columns(above, scores.protocol))
            expected = averaged.curve(sums if averaged.of_sums else sums / 24, scores.protocol)
            np.testing.assert_array_equal(scores.curves()[name], expected)
    for name in MEANS:
        values = scores.values(name)
        assert scores.summary()[name] == values[~np.isnan(values)].mean()
    counting = scores.counting
    assert counting.plain
    assert counting.values(values, scores.levels(scores.ids)) is values


def test_pooled_pixels_of_groups():
    """Counts of an image are divided by the images of its group; those left out are in no group."""
    ids = ["a/0", "a/1", "a/2", "b/0", "c"]
    scores = scores_of(ids, Protocol(average="pooled", group_average="groups", degenerate="skip"))
    weights = {"a/0": 1.0, "b/0": 1.0, "c": 1.0}  # of a/ the second is empty, the third an all-zero map
    tp, fp, inside = np.zeros(256), np.zeros(256), 0.0
    for image, weight in weights.items():
        row = scores.rows[image]
        top = max(level for level in range(256) if row.fg[level] + row.bg[level])
        for k in range(256):
            reached = [255 * level >= k * top for level in range(256)]
            tp[k] += weight * row.fg[reached].sum()
            fp[k] += weight * row.bg[reached].sum()
        inside += weight * row.fg.sum()
    np.testing.assert_allclose(scores.curves()["precision"], tp / (tp + fp), rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.curves()["recall"], tp / inside, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group_average", ["images", "groups"])
@pytest.mark.parametrize("average", ["mean-pr", "mean-f", "pooled"])
def test_nothing_but_degenerate_images(average, group_average):
    protocol = Protocol(degenerate="skip", average=average, group_average=group_average)
    rows = {f"a/{k}": pool()[k]._replace(id=f"a/{k}") for k in (1, 2, 5)}
    scores = Scores("A", "DATA@1", 3, protocol, ALL, rows)
    assert np.isnan([*scores.summary().values()]).all()
    assert all(np.isnan(curve).all() for curve in scores.curves().values())
    assert set(scores.undefined().values()) == {3}
    zero = scores.under(protocol.change(degenerate="zero"))
    assert set(zero.summary().values()) == {0.0}
    assert zero.undefined() == {}


def test_what_is_said():
    ids = [f"{k:02}" for k in range(9)]
    skip, zero, kept = (
        remarks(replace(scores_of(ids, Protocol(degenerate=how)), metrics=("max_f", "weighted_f", "max_e")))
        for how in ("skip", "zero", "kept")
    )
    said = "A on DATA: 3 of 9 images: empty mask or all-zero map, {} (01, 02, 05)"
    assert said.format("left out of every mean") in skip
    assert said.format("0 in every mean") in zero
    assert not any("every mean" in line for line in kept)
    assert "A on DATA: 1 of 9 images: maxE undefined (one pixel), left out of its mean" in skip
    assert not any("wF undefined" in line for line in (*skip, *zero))
    assert any("2 of 9 images: wF undefined (empty mask)" in line for line in kept)


@pytest.mark.parametrize("degenerate", DEGENERATE)
@pytest.mark.parametrize("group_average", ["images", "groups"])
@pytest.mark.parametrize(
    ("metric", "others"),
    [
        ("max_kappa", {"overlap_zero": "undefined"}),
        ("max_iou", {"overlap_zero": "undefined"}),
        ("max_iou", {"overlap_zero": "one"}),
        ("mean_precision", {"overlap_zero": "undefined", "overlap_average": "mean-max"}),
        ("auc", {"auc_average": "mean"}),
        ("auc", {"auc_average": "mean-curve"}),
        ("ap", {"auc_average": "mean-curve", "auc_thresholds": "255"}),
    ],
)
def test_curves_that_are_undefined_somewhere(metric, others, group_average, degenerate):
    """Images are averaged where they are defined, point by point; what is made of the means comes last."""
    protocol = Protocol(degenerate=degenerate, group_average=group_average, **others)
    scores = scores_of(GROUPED, protocol, metrics=(metric,))
    averaged = CURVES[METRICS[metric].curve].averaged(protocol)
    columns = averaged.columns(
        CURVES[METRICS[metric].curve].cut(protocol)(scores.levels(scores.ids), protocol), protocol
    )
    half = columns.shape[1] // 2 if averaged.shares == "point" else columns.shape[1] - 1
    own = np.where(columns[:, half:] > 0, columns[:, :half], np.nan)
    fill = {"skip": np.nan, "zero": 0.0}
    for k, image in enumerate(scores.ids):
        if degenerate != "kept" and is_degenerate(scores.rows[image]):
            own[k] = fill[degenerate]
    mean = counted_mean(own, scores.ids, protocol)
    defined = ~np.isnan(mean)
    shares = defined if averaged.shares == "point" else defined[:1]
    curve = averaged.curve(np.concatenate((np.where(defined, mean, 0), shares)), protocol)
    if not METRICS[metric].by_image(protocol):
        assert scores.summary()[metric] == pytest.approx(METRICS[metric].reduced(curve), abs=1e-12)
    assert measured(scores)[metric].value == pytest.approx(scores.summary()[metric], abs=1e-12)
    found = Rescorer(scores_of(GROUPED, Protocol())).value(metric, Reading(protocol))
    assert found == pytest.approx(scores.summary()[metric], abs=1e-12)


def test_degenerate_images():
    rows = pool()
    scores = scores_of([f"{k:02}" for k in range(24)], Protocol())
    found = degenerate(scores.levels(scores.ids))
    assert found.tolist() == [is_degenerate(row) for row in rows]
    assert np.flatnonzero(found).tolist() == [1, 2, 5, 9, 12]


def test_groups_are_folders_of_ids():
    protocol = Protocol(group_average="groups")
    counting = Counting(["a/1", "a/b/1", "a/c", "x", "a", "b/1"], protocol)
    values = np.array([1.0, 2.0, 3.0, 4.0, np.nan, 6.0])
    assert counting.units == 5
    assert counting.unit_values(values)[[0, 1, 2, 4]].tolist() == [2, 2, 4, 6]
    assert counting.mean(values) == 14 / 4
    assert np.isnan(counting.mean(values * np.nan))


# ------------------------------------------------------------------------------------------ resampling

COUNTINGS = [
    Protocol(degenerate=how, group_average=of, average=average)
    for how, of in itertools.product(DEGENERATE, ("images", "groups"))
    for average in ("mean-pr", "mean-f", "mean-max", "pooled")
    if (how, of) != ("kept", "images")
]


def units_of(scores):
    """The images of each unit, in the order of units."""
    if scores.protocol.group_average == "images":
        return [[image] for image in scores.ids]
    units = {}
    for image in scores.ids:
        units.setdefault(group(image), []).append(image)
    return list(units.values())


def of_units(scores, units):
    """Scores of some units, each a group of its own, also where one is there twice."""
    named = [(f"u{k:03}/{image.replace('/', '-')}", image) for k, unit in enumerate(units) for image in unit]
    return replace(scores, rows={name: scores.rows[image] for name, image in named})


def label(protocol):
    return f"{protocol.degenerate}-{protocol.group_average}-{protocol.average}"


@pytest.mark.parametrize("protocol", COUNTINGS, ids=label)
def test_what_is_resampled_is_what_is_scored(protocol):
    scores = scores_of(GROUPED, protocol)
    found, units = measured(scores), units_of(scores)
    for name, value in scores.summary().items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
        each = [of_units(scores, [unit]).summary()[name] for unit in units]
        np.testing.assert_allclose(found[name].values, each, rtol=0, atol=1e-12, err_msg=name)
    samples = bootstrap([*found.values()], resamples=3, seed=5)
    drawn = np.random.Generator(np.random.PCG64(5)).integers(0, len(units), (3, len(units)))
    for k, chosen in enumerate(drawn):
        expected = of_units(scores, [units[j] for j in chosen]).summary()
        np.testing.assert_allclose(samples[:, k], [*expected.values()], rtol=0, atol=1e-9)
    for name in ("max_f", "weighted_f", "mean_e"):
        left_out = [of_units(scores, units[:k] + units[k + 1 :]).summary()[name] for k in range(len(units))]
        np.testing.assert_allclose(jackknife(found[name]), left_out, rtol=0, atol=1e-10)


@pytest.mark.parametrize("protocol", COUNTINGS[-4:], ids=label)
def test_permutation_swaps_whole_groups(protocol):
    a, b = scores_of(GROUPED, protocol), scores_of(GROUPED, protocol, "B", 1)
    units = units_of(a)
    for name in ("max_f", "mae"):
        observed = abs(a.summary()[name] - b.summary()[name])
        reached = 0
        for swaps in itertools.product([False, True], repeat=len(units)):
            swapped = {image for swap, unit in zip(swaps, units, strict=True) if swap for image in unit}
            one, two = (
                replace(x, rows={i: (y if i in swapped else x).rows[i] for i in x.ids}, metrics=(name,))
                for x, y in ((a, b), (b, a))
            )
            reached += abs(one.summary()[name] - two.summary()[name]) >= observed - 1e-10
        pair = measured(a, [name])[name], measured(b, [name])[name]
        assert permutation([pair])[0] == reached / 2 ** len(units)


def many(method, seed, groups, protocol):
    """Scores of groups with 2 to 4 images each."""
    scores = made(method, groups * 3, seed, metrics=ALL, protocol=protocol)
    ids = {image: f"g{k // 3 if k % 7 else 0:02}/{image}" for k, image in enumerate(scores.ids)}
    rows = {name: scores.rows[image]._replace(id=name) for image, name in ids.items()}
    return replace(scores, rows=rows)


def test_compare_speaks_of_groups():
    protocol = Protocol(group_average="groups")
    a, b = (many(name, k, 25, protocol) for k, name in enumerate("AB"))
    found = compare([a, b], metrics=["max_f", "mae"], resamples=200)
    assert {(one.unit, one.images) for one in found.differences} == {("group", 25)}
    assert found.differences[0].value_a == pytest.approx(a.summary()["max_f"], abs=1e-12)
    assert all(sum((one.wins, one.ties, one.losses)) == 25 for one in found.differences)
    text = comparison_text(found)
    assert "on these 25 groups" in text
    assert "paired bootstrap over groups" in text
    ranks = compare([a, b, many("C", 2, 25, protocol)], metrics=["mae"], resamples=200)
    assert (ranks.over, ranks.ranks["mae"].blocks) == ("groups", 25)


def test_few_groups_are_few_whatever_their_images():
    protocol = Protocol(group_average="groups")
    a, b = (many(name, k, 12, protocol) for k, name in enumerate("AB"))
    (difference,) = compare([a, b], metrics=["mae"], resamples=200).differences
    assert (difference.low, difference.p) == (None, None)
    with pytest.raises(ScoresError, match="12 groups are too few"):
        pr_band(a)
    images = [replace(x, protocol=Protocol()) for x in (a, b)]
    assert compare(images, metrics=["mae"], resamples=200).differences[0].p is not None


def test_a_band_of_groups_holds_the_curve():
    scores = many("A", 0, 30, Protocol(group_average="groups", degenerate="skip"))
    band = pr_band(scores, 200)
    curves = scores.curves()
    own = np.interp(band.recall, curves["recall"][::-1], curves["precision"][::-1])
    assert np.mean((band.low <= own) & (own <= band.high)) > 0.9


def test_breakdown_averages_groups():
    protocol = Protocol(group_average="groups")
    a, b = (many(name, k, 25, protocol) for k, name in enumerate("AB"))
    chosen = a.ids[::2]
    (found,) = breakdown([a, b], "size", {"some": chosen}, ["mae"], resamples=50)
    expected = replace(a, rows={image: a.rows[image] for image in chosen}).summary()["mae"]
    assert found.groups[0].values[0] == expected
    assert found.whole.interval is not None


# ------------------------------------------------------------------------------------- stored and signed


def test_stored_scores_take_either_protocol(tmp_path):
    scores = scores_of(GROUPED, Protocol())
    store(scores, tmp_path)
    loaded = Scores.load(tmp_path / "A/DATA")
    other = loaded.under(Protocol(group_average="groups", degenerate="zero"))
    assert other.metrics == ALL
    assert other.summary() == scores_of(GROUPED, other.protocol).summary()
    store(replace(other, method="B"), tmp_path)
    again = Scores.load(tmp_path / "B/DATA")
    assert again.signature == other.signature
    assert again.summary() == other.summary()


def test_signatures_state_it_only_where_it_departs():
    assert "degen" not in Protocol().signature()
    assert "groups" not in Protocol().signature()
    changed = Protocol(degenerate="skip", group_average="groups").signature()
    assert "|degen:skip|groups:groups|" in changed
    for metric in ALL:
        assert set(metric_differences(changed, Protocol().signature(), [metric])) == {"degen", "groups"}


def test_images_that_come_in_parts_are_added_to_their_groups():
    counting = Counting(["a/1", "a/2", "b/1", "b/2", "c"], Protocol(group_average="groups"))
    columns = np.arange(10.0).reshape(5, 2)
    expected = [columns[:2].sum(axis=0), columns[2:4].sum(axis=0), columns[4]]
    for size in (1, 2, 3, 5):
        sums = None
        for start in range(0, 5, size):
            sums = counting.added(sums, columns[start : start + size], start)
        np.testing.assert_array_equal(sums, expected)
