"""The accumulator for one's own loop: the scores of files, from arrays and tensors."""

import pickle

import numpy as np
import pytest
import torch
from workspace import IDS, map_of, mask_of, plant

from sodbench.errors import DatasetError, MetricError, PredictionError, ScoresError
from sodbench.protocol import Protocol
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scorer import Scorer

MAPS = [map_of(k) for k in range(4)]
MASKS = [mask_of(k) for k in range(4)]
ONES, OBJECT = np.ones((2, 3)), np.ones((2, 3), bool)
FLOATS = np.stack(MAPS) / 255


def numbers_of(scores):
    return {
        image: (dict(row.numbers), row.fg.tolist(), row.bg.tolist()) for image, row in scores.rows.items()
    }


def scored(preds, masks, ids=IDS, **how):
    scorer = Scorer(**how)
    scorer.update(preds, masks, ids)
    return scorer.compute()


@pytest.fixture
def of_files(here):
    maps, masks = plant()
    return score_folder(maps, masks=masks)


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param((MAPS, MASKS), id="lists"),
        pytest.param((np.stack(MAPS), np.stack(MASKS)), id="(n, h, w)"),
        pytest.param((np.stack(MAPS)[:, None], np.stack(MASKS)[:, None] > 128), id="(n, 1, h, w) and bool"),
        pytest.param((np.stack(MAPS) / 255, np.stack(MASKS) / 255), id="float64"),
        pytest.param((torch.tensor(np.stack(MAPS)), torch.tensor(np.stack(MASKS))), id="tensors"),
        pytest.param((torch.tensor(FLOATS).float()[:, None], torch.tensor(np.stack(MASKS))), id="float32"),
        pytest.param(
            ([torch.tensor(m)[None] / 255 for m in MAPS], [torch.tensor(m > 0) for m in MASKS]),
            id="tensors in lists",
        ),
    ],
)
def test_as_files_are_scored(of_files, batch):
    scores = scored(*batch)
    assert scores.summary() == of_files.summary()
    assert numbers_of(scores) == numbers_of(of_files)


def test_masks_of_0_and_1_are_read_and_warned_of(of_files):
    scorer = Scorer()
    with pytest.warns(UserWarning, match=r"^gt of 000000, .*: mask with maximum 1, read as 0 and 255$"):
        scorer.update(MAPS, [mask // 255 for mask in MASKS])
    assert scorer.compute().summary() == of_files.summary()


def test_gradients_and_half_precision(of_files):
    preds = (torch.tensor(np.stack(MAPS) / 255).float()).requires_grad_()
    assert scored(preds, np.stack(MASKS)).summary() == of_files.summary()
    half = preds.detach().bfloat16()
    expected = scored(half.float(), np.stack(MASKS)).summary()
    assert scored(half, np.stack(MASKS)).summary() == expected


def test_one_image_at_a_time_in_any_order(of_files):
    scorer = Scorer()
    for k in (2, 0, 3, 1):
        scorer.update(MAPS[k], MASKS[k], IDS[k])
    assert scorer.compute().summary() == of_files.summary()
    scorer.reset()
    with pytest.raises(ScoresError, match="own on own: nothing to compute, update was not called"):
        scorer.compute()


def test_unequal_sizes_and_numbers_as_ids():
    scorer = Scorer(metrics=["mae", "s_measure"])
    scorer.update([MAPS[0], MAPS[1][:9, :12]], [MASKS[0], MASKS[1][:9, :12]])
    scorer.update(MAPS[2], MASKS[2])
    scores = scorer.compute()
    assert scores.ids == ["000000", "000001", "000002"]
    assert [row.shape for row in scores.rows.values()] == [(20, 30), (9, 12), (20, 30)]
    assert scores.metrics == ("mae", "s_measure")


def test_merge(of_files):
    parts = [Scorer(), Scorer()]
    for k in range(4):
        parts[k % 2].update(MAPS[k], MASKS[k], IDS[k])
    first, second = pickle.loads(pickle.dumps(parts))
    first.merge(second)
    assert first.compute().summary() == of_files.summary()
    with pytest.raises(ScoresError, match=r"share 2 images \(im1, im3\)\. Pass ids to update"):
        first.merge(second)
    with pytest.raises(ScoresError, match="scorers that differ in metrics"):
        first.merge(Scorer(metrics="mae"))


def test_the_signature_says_which_dataset():
    assert scored(MAPS, MASKS, dataset="sod").signature.startswith("data:SOD@1|n:4/300|ids:")
    own = scored(MAPS, MASKS, dataset="mine", method="net")
    assert own.signature.startswith(f"data:{own.dataset}|n:4/4|gt:>128|")
    assert own.dataset.startswith("mine@")
    assert own.method == "net"
    assert scored(MAPS, MASKS[::-1], dataset="mine").dataset != own.dataset
    assert scored(MAPS[::-1], MASKS, dataset="mine").dataset == own.dataset


def test_protocols(of_files):
    fan = scored(MAPS, MASKS, protocol="fan")
    assert fan.summary() == pytest.approx(score_folder("maps", masks="own/masks", protocol="fan").summary())
    fixed = Protocol(resize="45x31")
    expected = score_folder("maps", masks="own/masks", protocol=fixed).summary()
    assert scored(MAPS, MASKS, protocol=fixed).summary() == expected
    small = [np.ascontiguousarray(m[::2, ::2]) for m in MAPS]
    assert scored(small, MASKS, protocol=Protocol(resize="bilinear")).noted() == {"resized": list(IDS)}


@pytest.mark.parametrize(
    ("pred", "gt", "error", "message"),
    [
        (
            np.full((2, 3), -3.5),
            OBJECT,
            PredictionError,
            r"pred of 000000: float values from -3.5 to -3.5, .* look like logits: apply a sigmoid",
        ),
        (
            np.full((2, 3), 200.0),
            OBJECT,
            PredictionError,
            r"from 200 to 200, expected \[0, 1\]\. Divide them",
        ),
        (np.full((2, 3), np.nan), OBJECT, PredictionError, "6 of 6 values are NaN"),
        (np.ones((2, 3), np.int64), OBJECT, PredictionError, "int64 values, expected float"),
        (ONES, np.ones((2, 3), np.int32), DatasetError, "gt of 000000: int32 values"),
        (
            ONES,
            np.uint8([[0, 100]]),
            DatasetError,
            "not empty .levels 0, 100., but the rule",
        ),
        (
            np.ones((3, 2)),
            OBJECT,
            PredictionError,
            "map is 2x3, its mask 3x2 .* turned.* Resizing would squeeze it",
        ),
        (np.ones((2, 2, 3)), OBJECT, PredictionError, "pred has 2 images and gt 1"),
        (
            np.ones((1, 3, 2, 3)),
            OBJECT,
            PredictionError,
            r"pred has the shape \(1, 3, 2, 3\), expected",
        ),
        (np.ones(3), np.ones(3, bool), PredictionError, r"shape \(3,\)"),
        (np.ones((0, 3)), np.ones((0, 3), bool), DatasetError, "is empty"),
        ([np.ones((2, 2, 3))], [ONES], PredictionError, r"pred\[0\]: a batch inside a list"),
        ("map.png", ONES, PredictionError, "pred is str, expected an array"),
        (None, ONES, PredictionError, "pred is NoneType"),
    ],
)
def test_what_cannot_be_scored(pred, gt, error, message):
    scorer = Scorer()
    with pytest.raises(error, match=message):
        scorer.update(pred, gt)
    with pytest.raises(ScoresError):
        scorer.compute()


def test_ids_are_unique_and_as_many(of_files):
    scorer = Scorer()
    scorer.update(MAPS[0], MASKS[0], "a")
    for ids, message in (
        (["a", "b"], "a: scored already"),
        (["b", "b"], "b: scored already"),
        (["b"], "1 id for 2"),
    ):
        with pytest.raises(PredictionError, match=message):
            scorer.update(MAPS[:2], MASKS[:2], [*ids])
    assert scorer.compute().ids == ["a"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (3, "id 3 is int, expected a str"),
        ([3], "id 3 is int"),
        (torch.tensor([7]), "is Tensor, expected a str"),
        ([""], "id '': expected printable characters"),
        (["a\r"], r"id 'a\\r': expected printable"),
    ],
)
def test_ids_are_names(ids, message):
    with pytest.raises(PredictionError, match=message):
        Scorer().update(MAPS[0], MASKS[0], ids)


@pytest.mark.parametrize("name", ["a|b", "own@2", "", "a b", ".x"])
def test_names_of_datasets(name):
    with pytest.raises(DatasetError, match="a name may hold letters, digits"):
        Scorer(dataset=name)


def test_what_the_registry_says_of_masks(here, monkeypatch):
    text = '[GREY]\nversion = 3\ncount = 2\nmask_threshold = ">=100"\n'
    text += "[PALE]\nversion = 1\ncount = 1\ngrey_masks = true\n"
    (here / "sets.toml").write_text(text)
    monkeypatch.setenv("SODBENCH_DATASETS", str(here / "sets.toml"))
    grey = (MASKS[0] // 255) * np.uint8(100)
    scores = scored(MAPS[:1], [grey], ["a"], dataset="grey", metrics="mae")
    assert scores.signature.startswith("data:GREY@3|n:1/2|ids:")
    assert "|gt:>=100|" in scores.signature
    assert scores.summary() == scored(MAPS[:1], MASKS[:1], ["a"], metrics="mae").summary()
    pale = np.uint8([[0, 50, 100]])
    assert scored([pale], [pale], ["a"], dataset="PALE").noted()["emptied-mask"] == ["a"]
    with pytest.raises(DatasetError, match="leaves it no foreground"):
        scored([pale], [pale], ["a"])


def test_a_batch_is_added_whole_or_not_at_all():
    scorer = Scorer()
    with pytest.raises(PredictionError):
        scorer.update([MAPS[0], MAPS[1] * 2.0], MASKS[:2])
    scorer.update(MAPS[2], MASKS[2])
    assert scorer.compute().n == 1


def test_unknown_choices():
    with pytest.raises(MetricError, match="unknown metric 'iouu'"):
        Scorer(metrics="iouu")


def test_nothing_of_the_caller_is_changed():
    pred, gt = MAPS[0] / 255, MASKS[0].copy()
    before = pred.copy(), gt.copy()
    Scorer().update(pred, gt)
    np.testing.assert_array_equal(pred, before[0])
    np.testing.assert_array_equal(gt, before[1])
