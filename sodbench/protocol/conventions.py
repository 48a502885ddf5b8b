"""The conventions in which toolboxes differ, one by one, and which tools follow them.

A `Reading` is all that turns maps into figures: a protocol, and what no protocol field says. Each of
`CONVENTIONS` changes one thing of it. Where no public tool is known for a convention, `tools` says in what
situation it is met.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from sodbench.protocol.protocol import PRESETS, Protocol

RELAX_CUTS = ("fixed", "adaptive", "maximum")
"""How relaxed F binarises: at `Protocol.relax_threshold`, at twice the map's mean, or best of all levels."""


@dataclass(frozen=True)
class Reading:
    """All that turns maps into figures.

    Parameters
    ----------
    protocol
        See `sodbench.Protocol`.
    missing
        Missing maps are all-zero maps (``zero``), or their images are left out (``skip``).
    empty
        Images with an empty mask count (``kept``), or are left out of every metric (``dropped``).
    relax_cut
        One of `RELAX_CUTS`.
    called
        Metrics by the names they are printed under: ``(("mean_f", "adp_f"),)`` is an adaptive F that is
        called mean F.
    """

    protocol: Protocol
    missing: str = "zero"
    empty: str = "kept"
    relax_cut: str = "fixed"
    called: tuple[tuple[str, str], ...] = ()

    def metric(self, printed: str) -> str:
        """Return the metric that is printed under a name.

        >>> Reading(Protocol(), called=(("mean_f", "adp_f"),)).metric("mean_f")
        'adp_f'
        """
        return dict(self.called).get(printed, printed)


@dataclass(frozen=True)
class Convention:
    """One change of a reading.

    Parameters
    ----------
    name
        What it is called: ``average=pooled``. What stands before ``=`` is its axis; of two conventions of
        one axis only one can hold.
    text
        What it means, in words.
    tools
        Who does it that way.
    protocol
        Fields of the protocol that it changes.
    others
        Fields of the reading that it changes.
    """

    name: str
    text: str
    tools: str
    protocol: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def axis(self) -> str:
        """What it is a choice of."""
        return self.name.partition("=")[0]

    def applied(self, reading: Reading) -> Reading:
        """Return the reading with this one thing changed."""
        called = (*reading.called, *self.others.get("called", ()))
        changed = {**self.others, "called": called}
        return replace(reading, protocol=reading.protocol.change(**self.protocol), **changed)


def _of_protocol(text: str, tools: str, **change: Any) -> Convention:
    (name, value), *_ = change.items()
    shown = f"{value:g}" if isinstance(value, float) else value
    return Convention(f"{name.replace('_', '-')}={shown}", text, tools, protocol=change)


_VARIANTS = {"max": "max", "mean": "mean", "adp": "adaptive", "bin": "p > .5"}
_QUANTITIES = {"f": "F", "e": "E", "iou": "IoU", "dice": "Dice"}
"""What stands before and behind the line in a metric's id, in words."""

UNKNOWN = "no public tool known"
_GARDEN = "TensorFlow Model Garden (a 5x5 window)"

_DEFAULT = "u2net, the default here"

CONVENTIONS: tuple[Convention, ...] = (
    _of_protocol("levels divided by their maximum", _DEFAULT, normalise="max"),
    _of_protocol("for MAE, levels as for the other metrics", _DEFAULT, normalise_mae="same"),
    _of_protocol("masks: object above level 128", _DEFAULT, mask_threshold=">128"),
    _of_protocol("MAE against binarised masks", _DEFAULT, mask_mae="binary"),
    _of_protocol("F of the mean precision and recall", _DEFAULT, average="mean-pr"),
    _of_protocol("256 thresholds, exact", _DEFAULT, thresholds="256"),
    _of_protocol("images with an empty mask or map count", _DEFAULT, degenerate="kept"),
    _of_protocol("F with beta2 = .3", _DEFAULT, beta2=0.3),
    _of_protocol("nothing added to denominators", _DEFAULT, eps=0.0),
    _of_protocol("beta2 = 1 in weighted F", _DEFAULT, wf_beta2=1.0),
    _of_protocol("empty masks left out of weighted F", _DEFAULT, wf_empty="skip"),
    _of_protocol("S with alpha = .5", _DEFAULT, s_alpha=0.5),
    _of_protocol("centroid rounded half up", _DEFAULT, s_centroid="half-up"),
    _of_protocol("an S below 0 becomes 0", _DEFAULT, s_below_zero="zero"),
    _of_protocol("E binarises by >=", _DEFAULT, e_compare=">="),
    _of_protocol("adaptive E at min(2 mean, 1)", _DEFAULT, e_adaptive="clipped"),
    _of_protocol("boundary by a 3x3 cross", _DEFAULT, relax_element="cross"),
    _of_protocol("outside the image counts as background", _DEFAULT, relax_border="background"),
    _of_protocol("Euclidean distance", _DEFAULT, relax_distance="euclidean"),
    _of_protocol("rho = 3 px", _DEFAULT, rho=3.0),
    _of_protocol("relaxed F binarises by p > 0.5", _DEFAULT, relax_threshold=0.5),
    _of_protocol("IoU etc.: best of the mean curve", _DEFAULT, overlap_average="mean"),
    _of_protocol("IoU etc.: 0/0 is 0", _DEFAULT, overlap_zero="zero"),
    _of_protocol("AUC and AP from every level", _DEFAULT, auc_thresholds="exact"),
    _of_protocol("AUC and AP: mean of the images", _DEFAULT, auc_average="mean"),
    _of_protocol("HCE of the map above level 128", _DEFAULT, hce_binarise=">128"),
    _of_protocol("HCE with OpenCV up to 4.12", _DEFAULT, hce_distance="line"),
    _of_protocol("mBA of the map above level 128", _DEFAULT, mba_binarise=">128"),
    _of_protocol("boundary IoU of the map from level 128", _DEFAULT, biou_binarise=">=128"),
    _of_protocol("boundary IoU by itself", _DEFAULT, biou_value="boundary"),
    _of_protocol("size-invariant metrics of PySODMetrics", _DEFAULT, si_convention="pysodmetrics"),
    _of_protocol("context measure of levels / 255", _DEFAULT, context_normalise="none"),
    _of_protocol("context measure with beta2 = 1", _DEFAULT, context_beta2=1.0),
    _of_protocol("levels stretched from min..max", "fan, pysodmetrics", normalise="minmax"),
    _of_protocol("levels stretched by MATLAB's mat2gray", "f3net", normalise="mat2gray"),
    _of_protocol("levels divided by 255", "scripts that do not normalise", normalise="none"),
    _of_protocol("for MAE alone, stretched from min..max", "sal_eval", normalise_mae="minmax"),
    _of_protocol("masks: object from level 128", "scripts that cut at .5", mask_threshold=">=128"),
    _of_protocol("masks: object from level 1", "copies of PySODMetrics with gt > 0", mask_threshold=">0"),
    _of_protocol("masks: object from a tenth", "sal_eval", mask_threshold=">=26"),
    _of_protocol("masks: object from half of min..max", "f3net", mask_threshold="minmax>=.5"),
    _of_protocol("MAE against grey masks as they are", "qin", mask_mae="soft"),
    _of_protocol("mean of the images' F curves", "fan, pysodmetrics", average="mean-f"),
    _of_protocol(
        "mean of each image's own maximum", "papers that take the best of each image", average="mean-max"
    ),
    _of_protocol("all pixels as one image", "confusion matrices over a dataset", average="pooled"),
    _of_protocol("p >= k/255 in floating point", "fan, sal_eval", thresholds="256float"),
    _of_protocol("floor(255 p) >= k", "pysodmetrics, f3net", thresholds="256floor"),
    _of_protocol("255 histogram bins", "qin", thresholds="255bins"),
    _of_protocol("p > k/255", "scripts that compare by >", thresholds="256above"),
    _of_protocol("21 thresholds 0, .05, ... 1", UNKNOWN, thresholds="21"),
    _of_protocol("empty masks and all-zero maps are 0 in all", "F3Net's own main.m", degenerate="zero"),
    _of_protocol("F with beta2 = 1", "scripts that compute F1", beta2=1.0),
    _of_protocol("1e-8 added to denominators", "qin", eps=1e-8),
    _of_protocol("beta2 = .3 in weighted F too", "papers that state one beta2 for all", wf_beta2=0.3),
    _of_protocol("weighted F of an empty mask is 0", "pysodmetrics", wf_empty="zero"),
    _of_protocol("S with alpha = .7", UNKNOWN, s_alpha=0.7),
    _of_protocol("centroid rounded half to even", "pysodmetrics (np.round)", s_centroid="half-even"),
    _of_protocol("an S below 0 stays", "f3net", s_below_zero="kept"),
    _of_protocol("E binarises by >", "fan, f3net", e_compare=">"),
    _of_protocol("adaptive E at 2 mean, not clipped to 1", "f3net", e_adaptive="unclipped"),
    _of_protocol("scored at 320x320", "training logs, at the network's size", resize="320x320"),
    _of_protocol("scored at 256x256", "training logs, at the network's size", resize="256x256"),
    _of_protocol("boundary by a 3x3 square", UNKNOWN, relax_element="square"),
    _of_protocol("outside the image counts as object", UNKNOWN, relax_border="foreground"),
    _of_protocol("chessboard distance", _GARDEN, relax_distance="chessboard"),
    _of_protocol("cityblock distance", UNKNOWN, relax_distance="cityblock"),
    *(
        _of_protocol(f"rho = {rho:g} px", _GARDEN if rho == 2 else UNKNOWN, rho=rho)
        for rho in (1.0, 2.0, 4.0, 5.0)
    ),
    *(
        _of_protocol(f"relaxed F binarises by p > {cut:g}", UNKNOWN, relax_threshold=cut)
        for cut in (0.3, 0.7)
    ),
    _of_protocol(
        "IoU etc.: mean of each image's own best",
        "papers that take the best of each image",
        overlap_average="mean-max",
    ),
    _of_protocol("IoU etc.: all pixels as one image", "CascadePSP (its IoU)", overlap_average="pooled"),
    _of_protocol(
        "IoU etc.: 0/0 is 1", "scripts that call empty maps of empty masks right", overlap_zero="one"
    ),
    _of_protocol("IoU etc.: 0/0 is left out", "means that pass over NaN", overlap_zero="undefined"),
    _of_protocol("AUC and AP from 255 thresholds", "eval-co-sod", auc_thresholds="255"),
    _of_protocol("AUC and AP of the mean curves", "eval-co-sod", auc_average="mean-curve"),
    _of_protocol("HCE of the map above level 127", UNKNOWN, hce_binarise=">=128"),
    _of_protocol("HCE of the stretched map above .5", "pysodmetrics", hce_binarise="minmax>.5"),
    _of_protocol("HCE with OpenCV from 4.13 on", "any tool, by what is installed", hce_distance="segment"),
    _of_protocol("mBA of the map from level 128", UNKNOWN, mba_binarise=">=128"),
    _of_protocol("mBA of the stretched map above .5", UNKNOWN, mba_binarise="minmax>.5"),
    _of_protocol("boundary IoU of the map above level 128", UNKNOWN, biou_binarise=">128"),
    _of_protocol("boundary IoU of the stretched map above .5", UNKNOWN, biou_binarise="minmax>.5"),
    _of_protocol("the smaller of boundary IoU and IoU", "boundary-iou-api", biou_value="min"),
    _of_protocol("size-invariant metrics of SI_Metric", "SI_Metric, SI-SOD", si_convention="si_metric"),
    _of_protocol("context measure of the stretched map", "pysodmetrics", context_normalise="minmax"),
    _of_protocol("context measure with beta2 = 1.2", "pysodmetrics, by option", context_beta2=1.2),
    Convention(
        "relax-threshold=adaptive",
        "relaxed F at twice the map's mean",
        UNKNOWN,
        others={"relax_cut": "adaptive"},
    ),
    Convention(
        "relax-threshold=maximum",
        "relaxed F at each map's best level",
        "papers that take the best of each image",
        others={"relax_cut": "maximum"},
    ),
    Convention(
        "missing=skip",
        "images without a map left out",
        "tools that list the maps' folder",
        others={"missing": "skip"},
    ),
    Convention(
        "empty=dropped",
        "images with an empty mask left out",
        "PySODToolBox (its F)",
        others={"empty": "dropped"},
    ),
    *(
        Convention(
            f"{kind}-{quantity}-is={other}_{quantity}",
            f"{_VARIANTS[kind]} {_QUANTITIES[quantity]} that is really the {_VARIANTS[other]} one",
            f"papers that do not say which {_QUANTITIES[quantity]}",
            others={"called": ((f"{kind}_{quantity}", f"{other}_{quantity}"),)},
        )
        for quantity, kind, other in (
            *(
                ("f", kind, other)
                for kind, other in (("max", "mean"), ("max", "adp"), ("mean", "adp"), ("mean", "max"))
            ),
            *(("e", kind, other) for kind, other in permutations(("max", "mean", "adp"), 2)),
            *(
                (name, kind, other)
                for name in ("iou", "dice")
                for kind, other in permutations(("max", "mean", "adp", "bin"), 2)
            ),
        )
    ),
)
"""Every convention; those that a reading follows already change nothing in it."""


def readings(base: Reading, conventions: Sequence[Convention] = CONVENTIONS) -> dict[str, Reading]:
    """Return the base reading under every preset's protocol, and under every single convention, by name.

    A convention that the base already follows is left out. Presets keep the base's way with maps of another
    size than their masks.
    """
    by_preset = {
        name: replace(base, protocol=preset.change(resize=base.protocol.resize))
        for name, preset in PRESETS.items()
    }
    return by_preset | {c.name: c.applied(base) for c in conventions if c.applied(base) != base}


def pairs(base: Reading, conventions: Sequence[Convention] = CONVENTIONS) -> dict[str, Reading]:
    """Return the base reading under every two conventions of different axes, by both names."""
    single = [c for c in conventions if c.applied(base) != base]
    return {
        f"{first.name} {second.name}": second.applied(first.applied(base))
        for k, first in enumerate(single)
        for second in single[k + 1 :]
        if first.axis != second.axis
    }
