"""Scores: saved and loaded, merged, looked at under other protocols, and refused where it must be."""

import csv
import hashlib
import json
import math
from dataclasses import replace
from functools import cache
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import MAPS, MASKS, examples, make_map, make_mask

from sodbench.data.images.decoding import SaliencyMap
from sodbench.data.images.maps import Mask, binarise
from sodbench.errors import FileError, ScoresError
from sodbench.metrics import DEFAULT_METRICS, PAPER_METRICS, PIXEL_METRICS, REVISIONS, check_metrics, narrowed
from sodbench.protocol import PRESETS, Protocol, split_signature
from sodbench.scoring.pairs import prepare_mask, score_image, score_pair
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores
from sodbench.scoring.table import RowTable
from sodbench.utils.text import finite
from sodbench.version import __version__

ALL = DEFAULT_METRICS
LEVEL_METRICS = tuple(name for name in DEFAULT_METRICS if name not in PIXEL_METRICS)
PIXELS_BY_DEFAULT = tuple(name for name in DEFAULT_METRICS if name in PIXEL_METRICS)
IMAGES = [f"{kind}-{k}" for kind in MASKS for k in range(3)]


def pair_of(image):
    """Return the map and the mask's levels of an image, drawn by its name."""
    rng = np.random.default_rng(crc32(image.encode()))
    kind = image.partition("-")[0]
    shape = tuple(rng.integers(2, 16, 2))
    if kind == "grey":
        return rng.integers(0, 256, shape, dtype=np.uint8), rng.choice([0, 64, 128, 192, 255], shape).astype(
            np.uint8
        )
    gt = make_mask(kind, shape, rng)
    return make_map(rng.choice(MAPS), gt, rng), gt * np.uint8(255)


@cache
def row_of(image, protocol, metrics=ALL, notes=()):
    """Score an image as the pipeline does it."""
    pred, levels = pair_of(image)
    grey = ("grey",) if not np.isin(levels, (0, 255)).all() else ()
    mask = Mask(binarise(levels, protocol.mask_threshold, protocol.eps), levels, grey)
    prepared = prepare_mask(mask, protocol, metrics)
    return score_pair(image, SaliencyMap(pred, notes), prepared, protocol, metrics, f"{crc32(pred):x}")


def scores_of(images, protocol="u2net", *, metrics=ALL, of=None, **others):
    protocol = Protocol.of(protocol)
    rows = {image: row_of(image, protocol, metrics) for image in images}
    return Scores("method", "DATA@1", len(images) if of is None else of, protocol, metrics, rows, **others)


def assert_same(one, two):
    """Hold two scores against each other, bit for bit."""
    assert one.signature == two.signature
    assert one.ids == two.ids
    np.testing.assert_equal(one.summary(), two.summary())
    assert one.per_image().equals(two.per_image())
    for name, curve in one.curves().items():
        np.testing.assert_array_equal(curve, two.curves()[name])


# ---------------------------------------------------------------------------------- summary and frame


@pytest.mark.parametrize("at_once", [1, 7])
def test_how_many_images_at_once_changes_no_bit(monkeypatch, at_once):
    expected = scores_of(IMAGES)
    expected.summary()
    monkeypatch.setattr("sodbench.scoring.table.AT_ONCE", at_once)
    assert_same(scores_of(IMAGES), expected)


@pytest.mark.parametrize("preset", PRESETS)
def test_per_image_values_are_score_image(preset):
    frame = scores_of(IMAGES, preset).per_image()
    assert frame.index.name == "image"
    assert frame.index.tolist() == sorted(IMAGES)
    assert frame.columns.tolist() == [*DEFAULT_METRICS, "notes"]
    for image in IMAGES:
        pred, mask = pair_of(image)
        expected = score_image(pred, mask > 0, protocol=preset)
        np.testing.assert_equal(frame.loc[image, list(DEFAULT_METRICS)].to_dict(), expected)


@pytest.mark.parametrize("preset", PRESETS)
def test_summary_by_hand(preset):
    """Means of the images, apart from what is taken from the dataset's mean curves."""
    scores = scores_of(IMAGES, preset)
    frame, curves, found = scores.per_image(), scores.curves(), scores.summary()
    single = [scores_of([image], preset).curves() for image in IMAGES]
    mean = {name: np.nanmean([one[name] for one in single], axis=0) for name in curves}
    if PRESETS[preset].average == "mean-pr":
        eps = PRESETS[preset].eps
        p, r = mean["precision"], mean["recall"]
        mean["f"] = 1.3 * p * r / np.maximum(0.3 * p + r + eps, 1e-300)
    expected = {name: frame[name].dropna().mean() for name in DEFAULT_METRICS}
    for curve in "fe":
        expected |= {f"max_{curve}": mean[curve].max(), f"mean_{curve}": mean[curve].mean()}
    for name, values in mean.items():
        np.testing.assert_allclose(curves[name], values, rtol=0, atol=1e-12)
    assert list(found) == list(DEFAULT_METRICS)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_average_decides_between_two_f_curves():
    scores = scores_of(IMAGES)
    other = scores.under(scores.protocol.change(average="mean-f"))
    assert scores.summary()["max_f"] != other.summary()["max_f"]
    assert other.summary()["max_f"] == pytest.approx(
        np.mean([scores_of([image]).curves()["f"] for image in IMAGES], axis=0).max()
    )


def test_max_f_may_be_the_mean_of_the_images_maxima():
    found = scores_of(IMAGES, Protocol(average="mean-max"))
    assert found.summary()["max_f"] == pytest.approx(found.per_image()["max_f"].mean(), abs=1e-15)
    as_curves = scores_of(IMAGES, Protocol(average="mean-f"))
    assert found.summary()["mean_f"] == as_curves.summary()["mean_f"]
    np.testing.assert_array_equal(found.curves()["f"], as_curves.curves()["f"])


def test_pooled_pixels_are_those_of_one_large_image():
    """All images laid side by side are one image; each is normalised by its own maximum."""
    scores = scores_of(IMAGES, Protocol(average="pooled"))
    tp, fp, positives = np.zeros(256), np.zeros(256), 0
    for image in IMAGES:
        pred, levels = pair_of(image)
        gt = levels > 128
        for k in range(256):
            found = 255 * pred.astype(int) >= k * int(pred.max() or 255)
            tp[k] += (found & gt).sum()
            fp[k] += (found & ~gt).sum()
        positives += gt.sum()
    precision, recall = tp / np.maximum(tp + fp, 1), tp / positives
    f = 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-300)
    curves = scores.curves()
    for name, expected in (("precision", precision), ("recall", recall), ("f", f)):
        np.testing.assert_allclose(curves[name], expected, rtol=0, atol=1e-14)
    assert scores.summary()["max_f"] == pytest.approx(f.max(), abs=1e-14)
    assert scores.summary()["mae"] == scores_of(IMAGES).summary()["mae"]


def test_summary_of_some_metrics():
    some = scores_of(IMAGES, metrics=PAPER_METRICS)
    whole = scores_of(IMAGES).summary()
    assert some.summary() == {name: whole[name] for name in PAPER_METRICS}
    assert some.per_image().columns.tolist() == [*PAPER_METRICS, "notes"]


def test_metrics_not_asked_for_are_not_computed():
    row = row_of(IMAGES[0], Protocol(), ("mae",))
    assert row.numbers == {}


def test_no_images():
    none = scores_of([], of=3)
    assert (none.n, none.ids, none.noted()) == (0, [], {})
    for look in (none.summary, none.curves, none.undefined, none.per_image):
        with pytest.raises(ScoresError, match="method on DATA@1: no images were scored"):
            look()


def test_check_metrics():
    assert check_metrics(reversed(ALL)) == ALL
    assert check_metrics(["mae", "mae"]) == ("mae",)
    with pytest.raises(ScoresError, match="unknown metric 'maxFF'; did you mean max_f"):
        check_metrics(["mae", "maxFF"])
    with pytest.raises(ScoresError, match="no metric asked for; valid: max_f, mae"):
        check_metrics([])


# -------------------------------------------------------------------------------------- undefined values


def test_an_empty_mask_is_left_out_of_weighted_f():
    scores = scores_of(["empty-0", "blob-0", "blob-1"])
    assert scores.undefined() == {"weighted_f": 1}
    assert math.isnan(scores.per_image().loc["empty-0", "weighted_f"])
    assert scores.summary()["weighted_f"] == scores_of(["blob-0", "blob-1"]).summary()["weighted_f"]
    assert scores.noted()["empty-mask"] == ["empty-0"]


def test_an_empty_mask_is_zero_under_pysodmetrics():
    scores = scores_of(["empty-0", "blob-0"], "pysodmetrics")
    assert scores.undefined() == {}
    assert scores.per_image().loc["empty-0", "weighted_f"] == 0
    blob = scores_of(["blob-0"], "pysodmetrics").summary()["weighted_f"]
    assert scores.summary()["weighted_f"] == blob / 2


def test_only_empty_masks(tmp_path):
    scores = scores_of(["empty-0", "empty-1"])
    assert math.isnan(scores.summary()["weighted_f"])
    assert finite(scores.summary()["weighted_f"]) is None
    assert scores.undefined() == {"weighted_f": 2}
    scores.save(tmp_path / "s")
    with (tmp_path / "s" / "images.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["weighted_f"], line["w_recall"], line["w_precision"]) for line in lines] == [
        ("", "", "")
    ] * 2
    assert json.loads((tmp_path / "s" / "meta.json").read_text())["scores"]["weighted_f"] is None
    assert_same(Scores.load(tmp_path / "s"), scores)


def test_noted():
    scores = scores_of(["full-0", "empty-1", "empty-0", "corner-0"])
    assert list(scores.noted()) == [note for note in ROW_NOTES if note in scores.noted()]
    assert scores.noted()["empty-mask"] == ["empty-0", "empty-1"]
    assert scores.noted()["full-mask"] == ["full-0"]
    notes = scores.per_image()["notes"]
    for image in scores.ids:
        assert notes[image].split() == list(scores.rows[image].notes)


def test_what_is_noted_of_a_pair():
    protocol, gt = Protocol(), np.zeros((5, 6), bool)
    gt[4, 2] = True

    def notes(levels, mask=gt, notes=(), mask_notes=()):
        prepared = prepare_mask(Mask(mask, mask * np.uint8(255), mask_notes), protocol, ALL)
        return score_pair("x", SaliencyMap(levels, notes), prepared, protocol, ALL).notes

    flat, varied = np.full(gt.shape, 9, np.uint8), np.arange(30, dtype=np.uint8).reshape(5, 6)
    assert notes(varied) == ("edge-centroid",)
    assert notes(varied, np.roll(gt, -2, 0)) == ()
    assert notes(flat, np.roll(gt, -2, 0)) == ("constant-map",)
    assert notes(flat * 0, np.roll(gt, -2, 0), ("missing",)) == ("missing",)
    assert notes(varied, gt | True) == ("full-mask",)
    assert notes(varied, gt & False) == ("empty-mask",)
    assert notes(varied[:1], gt[:1] | True) == ("full-mask",)  # S has no quadrants there
    assert notes(varied[:1], gt[:1] & False) == ("empty-mask",)
    assert notes(varied, np.roll(gt, -2, 0), ("jpeg", "faint"), ("jpeg", "grey")) == (
        "jpeg-map",
        "faint-map",
        "jpeg-mask",
        "grey-mask",
    )


# --------------------------------------------------------------------------------------------- signature


def parts(scores):
    return split_signature(scores.signature)


def with_missing(scores, *images):
    rows = {i: row._replace(notes=("missing",)) if i in images else row for i, row in scores.rows.items()}
    return replace(scores, rows=rows)


def test_signature_of_a_whole_dataset():
    scores = scores_of(["blob-0", "box-0"])
    expected = f"data:DATA@1|n:2/2|{Protocol().signature()}|rev:f1.m1.w1.s1.r1.e1|sodbench:{__version__}"
    assert scores.signature == expected
    assert replace(scores, missing="zero").signature == expected
    assert replace(scores, missing="skip").signature == expected


def test_signature_of_a_subset():
    """Which images it was is said by their ids alone, in any order."""
    scores = scores_of(["box-0", "blob-0"], of=3)
    digest = hashlib.sha256(b"blob-0\nbox-0").hexdigest()[:8]
    assert parts(scores) == {**parts(scores), "n": "2/3", "ids": digest}
    assert "missing" not in parts(scores)
    assert parts(scores_of(["blob-0", "box-0"], of=3)) == parts(scores)
    assert parts(scores_of(["blob-0", "box-1"], of=3))["ids"] != digest


def test_signature_with_missing_maps():
    zero = with_missing(scores_of(["blob-0", "box-0"], missing="zero"), "box-0")
    assert zero.n == 1
    assert (parts(zero)["n"], parts(zero)["missing"]) == ("1/2", "zero")
    assert "ids" not in parts(zero)
    skip = scores_of(["blob-0"], of=2, missing="skip")
    assert (parts(skip)["n"], parts(skip)["missing"]) == ("1/2", "skip")
    assert "ids" in parts(skip)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_signature_says_the_protocol(preset):
    scores = scores_of(["blob-0"], preset)
    acting = narrowed(PRESETS[preset], scores.metrics)
    assert scores.protocol == acting
    assert Protocol.parse(scores.signature) == acting
    assert Protocol.of(scores.signature) == acting


# ------------------------------------------------------------------------------------------------- merge


@examples(60)
@given(
    st.permutations(IMAGES), st.lists(st.integers(0, len(IMAGES)), max_size=4), st.sampled_from([*PRESETS])
)
def test_merging_any_parts_in_any_order_gives_the_same_bits(images, cuts, preset):
    whole = scores_of(sorted(IMAGES), preset)
    ends = [0, *sorted(cuts), len(images)]
    pieces = [
        scores_of(images[start:end], preset, of=len(IMAGES))
        for start, end in zip(ends, ends[1:], strict=False)
    ]
    merged = pieces[0]
    for piece in pieces[1:]:
        merged = piece.merge(merged) if len(piece.rows) % 2 else merged.merge(piece)
    assert_same(merged, whole)
    assert merged.noted() == whole.noted()


def test_merge_leaves_its_parts_alone():
    one, two = scores_of(["blob-0"], of=2), scores_of(["blob-1"], of=2)
    assert one.merge(two).ids == ["blob-0", "blob-1"]
    assert (one.ids, two.ids) == (["blob-0"], ["blob-1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "other"}, "differ in method: method and other"),
        ({"dataset": "DATA@2"}, "differ in dataset: DATA@1 and DATA@2"),
        ({"of": 3}, "differ in of: 2 and 3"),
        (
            {"protocol": PRESETS["fan"]},
            r"differ in protocol: gt:>128\|.*norm:max.* and gt:>128\|.*norm:minmax",
        ),
        ({"metrics": ("mae",)}, r"differ in metrics: .* and \('mae',\)"),
        ({"missing": "zero"}, "differ in missing: error and zero"),
    ],
)
def test_merge_refuses_other_evaluations(change, message):
    one, two = scores_of(["blob-0"], of=2), scores_of(["blob-1"], of=2)
    with pytest.raises(ScoresError, match=f"cannot merge scores that {message}"):
        one.merge(replace(two, **change))


def test_merge_refuses_an_image_twice():
    one, two = scores_of(IMAGES), scores_of(IMAGES[:7])
    with pytest.raises(ScoresError, match=r"share 7 images \(blob-0, blob-1, blob-2, box-0, .*, \+2 more\)"):
        one.merge(replace(two, of=one.of))


# ------------------------------------------------------------------------------------- another protocol


@pytest.mark.parametrize("made", PRESETS)
@pytest.mark.parametrize("wanted", PRESETS)
def test_level_metrics_under_another_preset(made, wanted):
    """Of binary masks they are what scoring the images again gives, bit for bit."""
    direct = scores_of(IMAGES, wanted).summary()
    found = scores_of(IMAGES, made).under(wanted)
    assert set(found.metrics) >= set(LEVEL_METRICS)
    np.testing.assert_equal(found.summary(), {name: direct[name] for name in found.metrics})
    assert found.protocol == narrowed(PRESETS[wanted], found.metrics)
    if made == wanted:
        assert found.metrics == ALL


ACTING_ON_ROWS = [
    {"s_alpha": 0.2},
    {"beta2": 2.0},
    {"wf_beta2": 0.3},
    {"wf_empty": "zero"},
    *({"average": choice} for choice in ("mean-f", "mean-max", "pooled")),
    *({"thresholds": choice} for choice in ("256float", "256floor", "255bins", "256above", "21")),
]
ACTING_ON_PIXELS = {
    "normalise": ("minmax", PIXEL_METRICS),
    "eps": (1e-3, PIXEL_METRICS),
    "s_centroid": ("half-even", ("s_measure",)),
    "rho": (1.0, ("relax_f",)),
    "relax_threshold": (0.3, ("relax_f",)),
    "relax_element": ("square", ("relax_f",)),
    "relax_border": ("foreground", ("relax_f",)),
    "relax_distance": ("cityblock", ("relax_f",)),
}


@pytest.mark.parametrize("change", ACTING_ON_ROWS, ids=str)
def test_fields_that_act_on_rows_keep_all_metrics(change):
    wanted = Protocol().change(**change)
    found = scores_of(IMAGES).under(wanted)
    assert found.metrics == ALL
    np.testing.assert_equal(found.summary(), scores_of(IMAGES, wanted).summary())
    if change not in ({"thresholds": "256float"}, {"thresholds": "256floor"}):
        assert found.summary() != scores_of(IMAGES).summary()


def test_range_multiplied_by_its_reciprocal_leaves_pixel_metrics_out():
    """As MATLAB's mapminmax does: the last bits of p differ; relaxed F binarises in whole numbers."""
    scores = scores_of(IMAGES, Protocol(normalise="minmax"))
    found = scores.under(scores.protocol.change(thresholds="256float"))
    assert found.metrics == tuple(m for m in ALL if m not in PIXEL_METRICS or m == "relax_f")


@pytest.mark.parametrize("name", ACTING_ON_PIXELS)
def test_fields_that_act_on_pixels_leave_metrics_out(name):
    value, dropped = ACTING_ON_PIXELS[name]
    wanted = Protocol().change(**{name: value})
    found = scores_of(IMAGES).under(wanted)
    assert found.metrics == tuple(m for m in ALL if m not in dropped)
    direct = scores_of(IMAGES, wanted).summary()
    np.testing.assert_equal(found.summary(), {m: direct[m] for m in found.metrics})


@pytest.mark.parametrize(
    ("made", "change"),
    [
        ({}, {"mask_threshold": ">=128"}),
        ({}, {"mask_mae": "soft"}),
        ({"mask_mae": "soft"}, {"mask_mae": "binary"}),
        ({"mask_mae": "soft"}, {"normalise": "minmax"}),
        ({"mask_mae": "soft"}, {"normalise_mae": "none"}),
        ({"mask_mae": "soft"}, {"eps": 0.1}),
        ({"mask_threshold": "norm>=128"}, {"eps": 1e-8}),  # its levels are divided by max + eps
    ],
)
def test_grey_masks_refuse_another_reading(made, change):
    scores = scores_of(["blob-0", "grey-1", "grey-0"], Protocol(**made))
    assert scores.noted()["grey-mask"] == ["grey-0", "grey-1"]
    with pytest.raises(
        ScoresError, match=r"2 images \(grey-0, grey-1\) have grey masks.*Score the images again"
    ):
        scores.under(scores.protocol.change(**change))


@pytest.mark.parametrize(
    "change", [{"normalise": "minmax"}, {"average": "mean-f"}, {"thresholds": "255bins"}]
)
def test_grey_masks_allow_what_does_not_touch_them(change):
    images = ["blob-0", "grey-0", "grey-1"]
    wanted = Protocol().change(**change)
    found, direct = scores_of(images).under(wanted), scores_of(images, wanted).summary()
    np.testing.assert_equal(found.summary(), {name: direct[name] for name in found.metrics})


def test_resized_maps_refuse_another_resizing():
    scores = scores_of(["blob-0", "blob-1"], Protocol(resize="nearest"))
    plain = scores.under(Protocol(resize="bilinear"))
    assert set(plain.metrics) >= set(LEVEL_METRICS)
    rows = {i: r._replace(notes=("resized",)) if i == "blob-1" else r for i, r in scores.rows.items()}
    with pytest.raises(ScoresError, match=r"1 image \(blob-1\) has grey masks or resized maps"):
        replace(scores, rows=rows).under(Protocol(resize="bilinear"))


def reusable(row, made, wanted, metrics):
    return RowTable.of({row.id: row}).held(made, wanted).lacking(wanted, metrics) == [()]


def test_reusable_rows():
    made, row = Protocol(), row_of("blob-0", Protocol())
    assert reusable(row, made, made, ALL)
    assert all(reusable(row, made, made.change(**change), ALL) for change in ACTING_ON_ROWS)
    for size in ("320x320", "45x31"):
        assert not reusable(row, made, made.change(resize=size), ALL)
        assert not reusable(row, made.change(resize=size), made, ["mae"])
    for name, (value, dropped) in ACTING_ON_PIXELS.items():
        wanted = made.change(**{name: value})
        assert reusable(row, made, wanted, LEVEL_METRICS)
        for metric in PIXELS_BY_DEFAULT:
            assert reusable(row, made, wanted, [metric]) == (metric not in dropped), (name, metric)
    fewer = row_of("blob-0", made, ("mae", "s_measure"))
    assert reusable(fewer, made, made, ["mae", "s_measure", "max_e"])
    assert not reusable(fewer, made, made, ["weighted_f"])
    assert not reusable(fewer, made, made, ["relax_f"])
    assert reusable(row_of("empty-0", made), made, made, ALL)
    assert not reusable(row_of("grey-0", made), made, made.change(mask_threshold=">1"), ["mae"])


# ------------------------------------------------------------------------------------------ save and load


@pytest.mark.parametrize("preset", PRESETS)
def test_saved_and_loaded(tmp_path, preset):
    images = [*IMAGES, "grey-0"]
    scores = scores_of(images, preset, of=40, missing="skip", provenance={"where": "here", "n": [1, None]})
    scores.save(tmp_path / "method" / "DATA")
    assert [*tmp_path.rglob(".*")] == []
    assert sorted(p.name for p in (tmp_path / "method" / "DATA").iterdir()) == [
        "images.csv",
        "levels.npz",
        "meta.json",
    ]
    loaded = Scores.load(tmp_path / "method" / "DATA")
    assert_same(loaded, scores)
    for name in ("method", "dataset", "of", "protocol", "metrics", "missing", "provenance"):
        assert getattr(loaded, name) == getattr(scores, name)
    for image, row in scores.rows.items():
        np.testing.assert_equal(loaded.rows[image]._asdict(), row._asdict())


def test_saved_twice_is_byte_for_byte_the_same(tmp_path):
    scores_of(IMAGES).save(tmp_path / "one")
    scores_of(IMAGES[::-1]).save(tmp_path / "two")
    Scores.load(tmp_path / "one").save(tmp_path / "three")
    for name in ("images.csv", "meta.json"):
        assert len({(tmp_path / folder / name).read_bytes() for folder in ("one", "two", "three")}) == 1


def test_files_are_readable_without_sodbench(tmp_path):
    scores = scores_of(["blob-1", "blob-0"])
    scores.save(tmp_path / "s")
    meta = json.loads((tmp_path / "s" / "meta.json").read_text())
    assert meta["format"] == 1
    assert meta["signature"] == scores.signature
    assert meta["scores"] == scores.summary()
    assert meta["revisions"] == REVISIONS
    with (tmp_path / "s" / "images.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["image"] for line in lines] == ["blob-0", "blob-1"]
    frame = scores.per_image()
    for line in lines:
        for name in DEFAULT_METRICS:
            assert float(line[name]) == frame.loc[line["image"], name]
    with np.load(tmp_path / "s" / "levels.npz") as levels:
        assert levels["images"].tolist() == ["blob-0", "blob-1"]
        np.testing.assert_array_equal(levels["fg"][0], scores.rows["blob-0"].fg)
        np.testing.assert_array_equal(levels["bg"][1], scores.rows["blob-1"].bg)


def test_awkward_names_survive(tmp_path):
    row = row_of("blob-0", Protocol())
    names = ['a,"b"', "line\nbreak", " spaces ", "ümlaut", "1", "=1+1", "a/b", "é", "e\u0301"]
    scores = replace(scores_of([], of=9), rows={name: row._replace(id=name) for name in names})
    scores.save(tmp_path / "s")
    assert Scores.load(tmp_path / "s").ids == sorted(names)


def test_no_rows_are_saved_and_loaded(tmp_path):
    scores_of([], of=5).save(tmp_path / "s")
    loaded = Scores.load(tmp_path / "s")
    assert (loaded.of, loaded.rows) == (5, {})


def test_saving_replaces_the_old_folder(tmp_path):
    scores_of(IMAGES).save(tmp_path / "s")
    (tmp_path / "s" / "stray").write_text("x")
    scores_of(["blob-0"]).save(tmp_path / "s")
    assert Scores.load(tmp_path / "s").ids == ["blob-0"]
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == [
        "images.csv",
        "levels.npz",
        "meta.json",
        "stray",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_save_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot write scores"):
        scores_of(["blob-0"]).save(tmp_path / "file" / "s")
