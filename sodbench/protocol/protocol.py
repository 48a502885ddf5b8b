"""Every free choice behind a score, as one frozen record that travels with it as a signature.

A :class:`Protocol` says how maps and masks become numbers. Six presets fix all of its fields: the
U2-Net paper's tables (``u2net``, the default) and five toolboxes. Its :meth:`~Protocol.signature`
names every choice in one line and parses back to an equal record, so that a printed score can be
made again exactly.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import Any, Self

from sodbench.errors import ProtocolError, first_few, nearest
from sodbench.utils.text import shortened

MASK_RULE = re.compile(r"(norm)?(>=?)(0|[1-9][0-9]{0,2})|(minmax)(>=?)(\.[0-9]{1,3})")

RESIZES = ("exact", "bilinear", "nearest")
"""Choices of `Protocol.resize` under which every image is scored at its mask's size."""

FIXED_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")

LONGEST_SIDE = 8192
"""Pixels of a side at which images may be scored; beyond that, memory of a usual machine does not suffice."""

BINARISED = (">128", ">=128", "minmax>.5")
"""Binary maps of metrics that need one: levels above 128, from 128 on, or min-max p above .5."""

OTHER_KEYS = ("data", "n", "missing", "ids", "rev", "sodbench")
"""Parts of a score's signature that are not protocol fields: which images, and which code."""


def fixed_size(resize: str) -> tuple[int, int] | None:
    """Return the size (h, w) at which `Protocol.resize` scores every image, None where each keeps its own.

    Raises
    ------
    ProtocolError
        It is neither one of `RESIZES` nor a size.

    Examples
    --------
    >>> fixed_size("384x256"), fixed_size("exact")
    ((256, 384), None)
    """
    if resize in RESIZES:
        return None
    match = FIXED_SIZE.fullmatch(resize) if isinstance(resize, str) else None
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not match or max(width, height) > LONGEST_SIDE:
        raise ProtocolError(
            f"resize={shortened(resize)} is not a choice of this protocol field; valid: "
            f"{', '.join(RESIZES)}, or WIDTHxHEIGHT such as 352x352, each from 1 to {LONGEST_SIDE}."
        )
    return height, width


def parse_mask_rule(rule: str) -> tuple[str, str, float]:
    """Split a mask rule into (what is compared, comparison, bound).

    What is compared is empty for the level, ``norm`` for level/max*255, ``minmax`` for the level stretched
    from the mask's min..max to 0..1.

    Raises
    ------
    ProtocolError
        The rule is not ``>K``, ``>=K``, ``norm>K``, ``norm>=K``, ``minmax>.F`` or ``minmax>=.F``, or all
        levels pass it, or none.

    Examples
    --------
    >>> parse_mask_rule(">=26"), parse_mask_rule("minmax>=.5")
    (('', '>=', 26), ('minmax', '>=', 0.5))
    """
    match = MASK_RULE.fullmatch(rule) if isinstance(rule, str) else None
    if match is None or int(match[3] or 0) > 255:
        raise ProtocolError(
            f"mask threshold {shortened(rule)} is not of the form >K, >=K or norm>K with K from 0 to 255, or "
            "minmax>=.5."
        )
    compare, bound = match[2] or match[5], float(match[6]) if match[4] else int(match[3])
    if (compare, bound) in ((">=", 0), (">", 255)):
        raise ProtocolError(f"mask threshold {rule!r} does not tell object from background.")
    return match[1] or match[4] or "", compare, bound


def choice(
    key: str,
    default: str,
    choices: tuple[str, ...],
    text: str,
    *,
    before: str | None = None,
    optional: bool = False,
) -> Any:
    """Declare a protocol field that is one of some choices; see `Protocol` for `before` and `optional`."""
    before = default if optional else before
    about = {"key": key, "choices": choices, "help": text, "before": before, "optional": optional}
    return field(default=default, metadata=about)


def number(
    key: str,
    default: float,
    low: float,
    high: float,
    text: str,
    *,
    before: float | None = None,
    optional: bool = False,
) -> Any:
    """Declare a protocol field that is a number from `low` to `high`; see `Protocol`."""
    before = default if optional else before
    about = {"key": key, "range": (low, high), "help": text, "before": before, "optional": optional}
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Every convention that changes a score; the defaults are the preset ``u2net``.

    A field that came after the first release says which value stood `before` it came. A signature states
    such a field only where it has another value, so that older signatures still parse, and scores that do
    not use the new choice keep the signature that they had. A field that only `optional` metrics depend on
    is stated with these metrics, whatever its value.

    Raises
    ------
    ProtocolError
        A field has a value that is not among its choices or not in its range.

    Examples
    --------
    >>> Protocol.of("u2net") == Protocol()
    True
    >>> Protocol.of("fan").normalise
    'minmax'
    >>> Protocol.of("u2net").change(beta2=1).beta2
    1.0
    """

    mask_threshold: str = field(
        default=">128",
        metadata={
            "key": "gt",
            "help": "foreground of a mask, in quotes: >K or >=K on its levels, norm>K on level/max*255, "
            "minmax>=.5 on levels stretched from min..max",
            "before": None,
            "check": parse_mask_rule,
        },
    )
    mask_mae: str = choice(
        "gtmae", "binary", ("binary", "soft"), "mask that MAE compares with: binarised, or level/max"
    )
    normalise: str = choice(
        "norm",
        "max",
        ("max", "minmax", "mat2gray", "none"),
        "how levels become p in [0, 1]; mat2gray: minmax as MATLAB's, a constant map is 1 if not 0",
    )
    normalise_mae: str = choice("normmae", "same", ("same", "max", "minmax", "none"), "normalisation for MAE")
    resize: str = field(
        default="exact",
        metadata={
            "key": "size",
            "help": "a map of another size than its mask: exact (error), bilinear or nearest; "
            "or WIDTHxHEIGHT, at which all are scored (map bilinear, mask nearest)",
            "before": None,
            "check": fixed_size,
        },
    )
    thresholds: str = choice(
        "levels",
        "256",
        ("256", "256float", "256floor", "255bins", "256above", "21"),
        "256 exact integers, p >= k/255 in floating point, floor(255 p) >= k, 255 histogram bins, "
        "p > k/255 exactly, or p >= 0, .05, ..., 1 exactly",
    )
    average: str = choice(
        "avg",
        "mean-pr",
        ("mean-pr", "mean-f", "mean-max", "pooled"),
        "F of the mean P and R, mean of the images' F curves, of their maxima, or F of all pixels together",
    )
    degenerate: str = choice(
        "degen",
        "kept",
        ("kept", "skip", "zero"),
        "images with an empty mask or an all-zero map: kept, left out of every mean, or 0 in every mean",
        before="kept",
    )
    group_average: str = choice(
        "groups",
        "images",
        ("images", "groups"),
        "mean of all images, or of the groups' means: ids group/name (co-saliency, video)",
        before="images",
    )
    beta2: float = number("beta2", 0.3, 0.0, math.inf, "beta squared of F and relaxed F")
    eps: float = number("eps", 0.0, 0.0, 1.0, "added to the denominators of p, P, R, F and MAE")
    s_alpha: float = number("alpha", 0.5, 0.0, 1.0, "weight of the object half in the S-measure")
    s_centroid: str = choice(
        "centroid", "half-up", ("half-up", "half-even"), "rounding of the S-measure's centroid"
    )
    s_below_zero: str = choice(
        "sneg", "zero", ("zero", "kept"), "an S-measure below 0 becomes 0, or stays", before="zero"
    )
    e_compare: str = choice("ecmp", ">=", (">=", ">"), "how E binarises a map")
    e_adaptive: str = choice(
        "eadp",
        "clipped",
        ("clipped", "unclipped"),
        "threshold of adaptive E: min(2 mean(p), 1), or 2 mean(p)",
        before="clipped",
    )
    wf_beta2: float = number("wbeta2", 1.0, 0.0, math.inf, "beta squared of weighted F")
    wf_empty: str = choice("wempty", "skip", ("skip", "zero"), "weighted F of an empty mask: left out, or 0")
    rho: float = number("rho", 3.0, 0.0, 64.0, "tolerance of relaxed F in pixels, inclusive")
    relax_threshold: float = number("rthr", 0.5, 0.0, 1.0, "relaxed F binarises by p > this")
    relax_element: str = choice(
        "relem", "cross", ("cross", "square"), "3x3 element that erodes for the boundary"
    )
    relax_border: str = choice(
        "rborder", "background", ("background", "foreground"), "what lies outside the image for relaxed F"
    )
    relax_distance: str = choice(
        "rdist", "euclidean", ("euclidean", "chessboard", "cityblock"), "distance of relaxed F"
    )
    overlap_average: str = choice(
        "oavg",
        "mean",
        ("mean", "mean-max", "pooled"),
        "IoU etc.: best of the mean curve, mean of each image's best, or of all pixels together",
        optional=True,
    )
    overlap_zero: str = choice(
        "ozero", "zero", ("zero", "one", "undefined"), "IoU etc.: what a ratio 0/0 is", optional=True
    )
    auc_thresholds: str = choice(
        "aucthr",
        "exact",
        ("exact", "255"),
        "AUC and AP from every level, or from eval-co-sod's 255 single-precision thresholds",
        optional=True,
    )
    auc_average: str = choice(
        "aucavg",
        "mean",
        ("mean", "mean-curve"),
        "AUC and AP of a dataset: mean of the images, or of the mean curves",
        optional=True,
    )
    hce_binarise: str = choice("hbin", ">128", BINARISED, "how HCE binarises a map", optional=True)
    hce_distance: str = choice(
        "hdist",
        "line",
        ("line", "segment"),
        "how HCE simplifies outlines: as OpenCV up to 4.12, or from 4.13 on",
        optional=True,
    )
    mba_binarise: str = choice("mbin", ">128", BINARISED, "how mBA binarises a map", optional=True)
    biou_binarise: str = choice("bbin", ">=128", BINARISED, "how boundary IoU binarises a map", optional=True)
    biou_value: str = choice(
        "bval",
        "boundary",
        ("boundary", "min"),
        "boundary IoU itself, or the smaller of it and the masks' IoU",
        optional=True,
    )
    si_convention: str = choice(
        "siconv",
        "pysodmetrics",
        ("pysodmetrics", "si_metric"),
        "whose size-invariant metrics: PySODMetrics', or those of the authors' SI_Metric",
        optional=True,
    )
    context_normalise: str = choice(
        "cnorm", "none", ("none", "minmax"), "how levels become p for the context measure", optional=True
    )
    context_beta2: float = number(
        "cbeta2", 1.0, 0.0, math.inf, "beta squared of the context measure", optional=True
    )

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if "range" in spec.metadata:
                object.__setattr__(
                    self, spec.name, _checked_number(spec.name, value, *spec.metadata["range"])
                )
            elif "choices" in spec.metadata and value not in spec.metadata["choices"]:
                hint = nearest(str(value), spec.metadata["choices"])
                raise ProtocolError(
                    f"{spec.name}={shortened(value)} is not a choice of this protocol field; {hint}"
                )
            elif "check" in spec.metadata:
                spec.metadata["check"](value)

    @property
    def in_floats(self) -> bool:
        """Whether MATLAB's floating-point operations are repeated: p as they give it, against k/255."""
        return self.thresholds == "256float"

    @property
    def reciprocal(self) -> bool:
        """Whether p is levels times the reciprocal of their range, as in MATLAB: the last bit differs."""
        return self.normalise == "minmax" and self.in_floats

    @property
    def mae_normalise(self) -> str:
        """How levels become p for MAE."""
        return self.normalise if self.normalise_mae == "same" else self.normalise_mae

    @property
    def mae_reciprocal(self) -> bool:
        """The same as `reciprocal`, of p for MAE."""
        return self.mae_normalise == "minmax" and self.in_floats

    @classmethod
    def of(cls, name: "str | Protocol") -> "Protocol":
        """Return the preset of that name, or the protocol that a signature states.

        Raises
        ------
        ProtocolError
            Neither a preset's name nor a signature.
        """
        if isinstance(name, Protocol):
            return name
        if not isinstance(name, str):
            raise ProtocolError(
                f"{shortened(name)} is no protocol: give a preset's name, a signature, or a Protocol."
            )
        if name in PRESETS:
            return PRESETS[name]
        if "|" in name:
            return cls.parse(name)
        raise ProtocolError(
            f"unknown protocol {shortened(name)}; {nearest(name, tuple(PRESETS))} Or give a whole signature."
        )

    def change(self, **values: Any) -> Self:
        """Return a copy with some fields changed.

        Raises
        ------
        ProtocolError
            A field's name or value is not valid.
        """
        names = tuple(spec.name for spec in fields(self))
        for name in values:
            if name not in names:
                raise ProtocolError(f"unknown protocol field {name!r}; {nearest(name, names)}")
        return replace(self, **values)

    def signature(self, stated: Collection[str] = ()) -> str:
        """Return this protocol as the ``key:value|key:value`` part of a score's signature.

        Parameters
        ----------
        stated
            Optional fields that are stated whatever their value.

        Examples
        --------
        >>> Protocol().signature()[:50]
        'gt:>128|gtmae:binary|norm:max|normmae:same|size:ex'
        >>> Protocol.parse(Protocol().signature()) == Protocol()
        True
        """
        before = befores(type(self))
        parts = []
        for spec in fields(self):
            key, value = spec.metadata["key"], _text(getattr(self, spec.name))
            if value != before[key] or (spec.name in stated and spec.name in OPTIONAL):
                parts.append(f"{key}:{value}")
        return "|".join(parts)

    @classmethod
    def parse(cls, signature: str) -> "Protocol":
        """Read the protocol out of a signature; the parts about data and versions are passed over.

        A field that came later than the signature has the value that stood before it.

        Raises
        ------
        ProtocolError
            A part is malformed, unknown, repeated, or missing.
        """
        parts = split_signature(signature)
        names = {spec.metadata["key"]: spec for spec in fields(cls)}
        unknown = sorted(set(parts) - set(names) - set(OTHER_KEYS))
        if unknown:
            listed = first_few([shortened(key) for key in unknown])
            raise ProtocolError(f"signature has unknown parts {listed}; {nearest(unknown[0], tuple(names))}")
        before = {key: value for key, value in befores(cls).items() if value is not None}
        parts = before | parts
        missing = sorted(set(names) - set(parts))
        if missing:
            raise ProtocolError(
                f"signature lacks {', '.join(missing)}; copy the whole line that sodbench printed."
            )
        values: dict[str, Any] = {}
        for key, spec in names.items():
            values[spec.name] = _float(key, parts[key]) if "range" in spec.metadata else parts[key]
        return cls(**values)


OPTIONAL = frozenset(spec.name for spec in fields(Protocol) if spec.metadata.get("optional"))
"""The fields that only some metrics depend on, and with which they are stated."""


def befores(kind: type[Protocol]) -> Mapping[str, str | None]:
    """Return what stood before each field came, by its key, as a signature states it; None: always there."""
    values = {spec.metadata["key"]: spec.metadata["before"] for spec in fields(kind)}
    return {key: None if value is None else _text(_plain(value)) for key, value in values.items()}


def split_signature(signature: str) -> dict[str, str]:
    """Split ``key:value|key:value`` into a mapping.

    Raises
    ------
    ProtocolError
        A part has no colon, or a key stands twice.

    Examples
    --------
    >>> split_signature("data:SOD@1|n:300/300")
    {'data': 'SOD@1', 'n': '300/300'}
    """
    if not isinstance(signature, str):
        raise ProtocolError(f"{shortened(signature)} is no signature: give the line that sodbench printed.")
    parts: dict[str, str] = {}
    for part in signature.strip().split("|"):
        key, colon, value = part.partition(":")
        if not colon or key in parts:
            raise ProtocolError(
                f"signature part {shortened(part)} is {'repeated' if colon else 'not of the form key:value'}."
            )
        parts[key] = value
    return parts


def _checked_number(name: str, value: object, low: float, high: float) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not low <= number <= high or math.isinf(number):
        raise ProtocolError(f"{name}={value!r} must be a finite number from {low:g} to {high:g}.")
    return number + 0.0  # -0.0 becomes 0.0: one value, one signature


def _float(key: str, text: str) -> float:
    try:
        return float(text if re.fullmatch(r"[-+.0-9a-z]{1,40}", text) else "none")
    except ValueError as error:
        raise ProtocolError(f"signature part {key}:{shortened(text)} is not a number.") from error


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Real) else value


def _text(value: object) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


PRESETS: Mapping[str, Protocol] = {
    "u2net": Protocol(),
    "fan": Protocol(normalise="minmax", thresholds="256float", average="mean-f", e_compare=">"),
    "pysodmetrics": Protocol(
        normalise="minmax",
        thresholds="256floor",
        average="mean-f",
        s_centroid="half-even",
        wf_empty="zero",
        hce_binarise="minmax>.5",
        context_normalise="minmax",
    ),
    "sal_eval": Protocol(mask_threshold=">=26", normalise_mae="minmax", thresholds="256float"),
    "qin": Protocol(mask_threshold="norm>128", mask_mae="soft", thresholds="255bins", eps=1e-8),
    "f3net": Protocol(
        mask_threshold="minmax>=.5",
        normalise="mat2gray",
        thresholds="256floor",
        degenerate="skip",
        s_below_zero="kept",
        e_compare=">",
        e_adaptive="unclipped",
    ),
}
"""The six named presets: the U2-Net paper's tables, and five toolboxes' conventions."""

ORIGINS: Mapping[str, str] = {
    "u2net": "U2-Net paper, Tables 3 and 4 (the default)",
    "fan": "DengPingFan/CODToolbox (MATLAB)",
    "pysodmetrics": "PySODMetrics (Python)",
    "sal_eval": "ArcherFMY/sal_eval_toolbox (MATLAB)",
    "qin": "the U2-Net authors' public tool (Python)",
    "f3net": "weijun88/F3Net, also in LDF and GCPANet (MATLAB)",
}
"""Whose conventions each preset states."""
