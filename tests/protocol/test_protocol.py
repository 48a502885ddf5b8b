"""The protocol: presets as the conventions have them, signatures that parse back, and errors."""

import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodbench.errors import ProtocolError, SodbenchError
from sodbench.metrics import joined, narrowed
from sodbench.protocol import (
    OTHER_KEYS,
    PRESETS,
    Protocol,
    Signature,
    differing,
    fixed_size,
    parse_mask_rule,
    split_signature,
)

SPECS = {spec.name: spec for spec in fields(Protocol)}
CHOSEN = [name for name, spec in SPECS.items() if "choices" in spec.metadata]
NUMBERS = [name for name, spec in SPECS.items() if "range" in spec.metadata]

mask_rules = st.builds(
    "{}{}{}".format, st.sampled_from(["", "norm"]), st.sampled_from([">", ">="]), st.integers(1, 254)
) | st.builds("minmax{}.{}".format, st.sampled_from([">", ">="]), st.integers(1, 999))


sizes = st.sampled_from(["exact", "bilinear", "nearest"]) | st.builds(
    "{}x{}".format, st.integers(1, 8192), st.integers(1, 8192)
)


def values_of(spec):
    """Draw valid values of a field, from its own metadata."""
    if "choices" in spec.metadata:
        return st.sampled_from(spec.metadata["choices"])
    if "range" in spec.metadata:
        low, high = spec.metadata["range"]
        top = high if math.isfinite(high) else None
        whole = st.integers(int(low), int(min(high, 2**53)))
        return whole | st.floats(low, top, allow_nan=False, allow_infinity=False)
    return mask_rules if spec.name == "mask_threshold" else sizes


def test_every_field_is_a_choice_a_number_the_mask_rule_or_a_size():
    assert {*SPECS} - {*CHOSEN} - {*NUMBERS} == {"mask_threshold", "resize"}
    keys = [spec.metadata["key"] for spec in SPECS.values()]
    assert len({*keys, *OTHER_KEYS}) == len(keys) + len(OTHER_KEYS)
    assert all(spec.metadata["help"] for spec in SPECS.values())


changed = st.fixed_dictionaries({}, optional={name: values_of(spec) for name, spec in SPECS.items()})


# ----------------------------------------------------------------------------------------- round trip


@given(changed)
def test_a_signature_parses_back(values):
    protocol = Protocol(**values)
    signature = protocol.signature()
    assert Protocol.parse(signature) == protocol
    assert Protocol.of(signature) == protocol
    assert Protocol.parse(signature).signature() == signature
    assert hash(Protocol.parse(signature)) == hash(protocol)
    whole = f"data:SOD@1|n:299/300|missing:zero|ids:0a|{signature}|rev:f1.m1|sodbench:9.9\n"
    assert Protocol.parse(whole) == protocol


@given(changed, changed)
def test_signatures_differ_exactly_where_protocols_do(one, two):
    a, b = Protocol(**one), Protocol(**two)
    expected = {s.metadata["key"] for s in SPECS.values() if getattr(a, s.name) != getattr(b, s.name)}
    assert set(differing(a.signature(), b.signature())) == expected
    assert (a.signature() == b.signature()) == (a == b)


@given(changed)
def test_change_is_the_constructor(values):
    changed_one = Protocol().change(**values)
    assert changed_one == Protocol(**values)
    assert all(getattr(changed_one, name) == value for name, value in values.items())


def test_the_default_signature():
    """Printed scores carry it: whoever changes it makes all of them incomparable."""
    assert Protocol().signature() == (
        "gt:>128|gtmae:binary|norm:max|normmae:same|size:exact|levels:256|avg:mean-pr|beta2:0.3|eps:0|alpha:0.5"
        "|centroid:half-up|ecmp:>=|wbeta2:1|wempty:skip|rho:3|rthr:0.5|relem:cross|rborder:background"
        "|rdist:euclidean"
    )


def test_optional_fields_are_stated_where_they_depart_or_act():
    assert Protocol().signature(["hce_distance", "rho"]) == f"{Protocol().signature()}|hdist:line"
    assert Protocol(biou_value="min").signature() == f"{Protocol().signature()}|bval:min"
    whole = f"data:SOD@1|n:1/1|{Protocol(context_beta2=1.2).signature(['hce_distance'])}|rev:h1"
    assert str(Signature.parse(whole)) == whole
    assert Signature.parse(whole).stated == {"hce_distance", "context_beta2"}
    assert differing(whole, whole.replace("|hdist:line", "")) == {}


def test_protocols_of_metrics_scored_at_different_times():
    """Each metric keeps the convention that it was made under; of one that both have, the first counts."""
    first, second = Protocol(hce_distance="segment", rho=2), Protocol(biou_value="min", hce_binarise=">=128")
    assert joined(first, ["hce"], second, ["biou"]) == first.change(biou_value="min")
    assert joined(first, ["hce"], second, ["hce"]) == first
    assert joined(first, ["mae"], second, ["hce"]) == Protocol(hce_binarise=">=128", rho=2)
    assert narrowed(first, ["biou", "mae"]) == Protocol(rho=2)


def test_numbers_are_floats_and_print_shortly():
    assert isinstance(Protocol(beta2=1).beta2, float)
    assert Protocol(beta2=1) == Protocol(beta2=1.0)
    parts = split_signature(Protocol(beta2=1, eps=1e-8, rho=2.5, wf_beta2=1e22).signature())
    assert [parts[key] for key in ("beta2", "eps", "rho", "wbeta2")] == ["1", "1e-08", "2.5", "1e+22"]


def test_a_protocol_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Protocol().beta2 = 1.0


# -------------------------------------------------------------------------------------------- presets

# The table "Presets" of conventions.md, by hand. Columns: u2net, fan, pysodmetrics, sal_eval, qin, f3net.
TABLE = {
    "normalise": ("max", "minmax", "minmax", "max", "max", "mat2gray"),
    "normalise_mae": ("same", "same", "same", "minmax", "same", "same"),
    "mask_threshold": (
        ">128",
        ">128",
        ">128",
        ">=26",
        "norm>128",
        "minmax>=.5",
    ),  # level / 255 >= 0.1: level >= 25.5
    "mask_mae": ("binary", "binary", "binary", "binary", "soft", "binary"),
    "thresholds": ("256", "256float", "256floor", "256float", "255bins", "256floor"),
    "average": ("mean-pr", "mean-f", "mean-f", "mean-pr", "mean-pr", "mean-pr"),
    "eps": (0.0, 0.0, 0.0, 0.0, 1e-8, 0.0),  # in p, P, R, F, and N + e for MAE
    "s_centroid": ("half-up", "half-up", "half-even", "half-up", "half-up", "half-up"),
    "s_below_zero": ("zero", "zero", "zero", "zero", "zero", "kept"),
    "e_adaptive": ("clipped", "clipped", "clipped", "clipped", "clipped", "unclipped"),
    "e_compare": (">=", ">", ">=", ">=", ">=", ">"),
    "wf_empty": ("skip", "skip", "zero", "skip", "skip", "skip"),
    "degenerate": ("kept", "kept", "kept", "kept", "kept", "skip"),
    "group_average": ("images",) * 6,
    "beta2": (0.3,) * 6,
    "wf_beta2": (1.0,) * 6,
    "s_alpha": (0.5,) * 6,
    "rho": (3.0,) * 6,
    "relax_threshold": (0.5,) * 6,
    "relax_element": ("cross",) * 6,
    "relax_border": ("background",) * 6,
    "relax_distance": ("euclidean",) * 6,
    "resize": ("exact",) * 6,
    "overlap_average": ("mean",) * 6,
    "overlap_zero": ("zero",) * 6,
    "auc_thresholds": ("exact",) * 6,
    "auc_average": ("mean",) * 6,
    "hce_binarise": (">128", ">128", "minmax>.5", ">128", ">128", ">128"),
    "hce_distance": ("line",) * 6,
    "mba_binarise": (">128",) * 6,
    "biou_binarise": (">=128",) * 6,
    "biou_value": ("boundary",) * 6,
    "si_convention": ("pysodmetrics",) * 6,
    "context_normalise": ("none", "none", "minmax", "none", "none", "none"),
    "context_beta2": (1.0,) * 6,
}


def test_the_presets_are_the_conventions():
    assert [*PRESETS] == ["u2net", "fan", "pysodmetrics", "sal_eval", "qin", "f3net"]
    found = {name: tuple(getattr(preset, name) for preset in PRESETS.values()) for name in SPECS}
    assert found == TABLE


def test_the_default_is_u2net():
    assert Protocol() == PRESETS["u2net"] == Protocol.of("u2net")


@pytest.mark.parametrize("name", PRESETS)
def test_of_a_preset(name):
    assert Protocol.of(name) is PRESETS[name]
    assert Protocol.of(PRESETS[name]) is PRESETS[name]
    assert Protocol.of(PRESETS[name].signature()) == PRESETS[name]


# --------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("u2nt", "unknown protocol 'u2nt'; did you mean u2net"),
        ("U2NET", "did you mean u2net"),
        ("sal-eval", "did you mean sal_eval"),
        (
            "zzz",
            "unknown protocol 'zzz'; valid: u2net, fan, pysodmetrics, sal_eval, qin, f3net.* Or give a whole",
        ),
        ("", "unknown protocol ''; valid: u2net"),
        ("norm:max", "unknown protocol 'norm:max'.*whole signature"),
    ],
)
def test_of_an_unknown_name(name, message):
    with pytest.raises(ProtocolError, match=message):
        Protocol.of(name)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"normalise": "min-max"}, "normalise='min-max' is not a choice .*did you mean minmax"),
        ({"thresholds": "255"}, "thresholds='255' is not a choice .*did you mean"),
        ({"e_compare": "<"}, "e_compare='<' is not a choice .*valid: >=, >"),
        ({"beta2": -0.1}, "beta2=-0.1 must be a finite number from 0 to inf"),
        ({"beta2": math.inf}, "beta2=inf must be a finite number"),
        ({"beta2": math.nan}, "beta2=nan must be a finite number"),
        ({"beta2": "0.3"}, "beta2='0.3' must be a finite number"),
        ({"beta2": True}, "beta2=True must be a finite number"),
        ({"s_alpha": 1.01}, "s_alpha=1.01 must be a finite number from 0 to 1"),
        ({"rho": 65}, "rho=65 must be a finite number from 0 to 64"),
        ({"mask_threshold": "128"}, "mask threshold '128' is not of the form >K"),
        ({"resize": "320"}, "resize='320' is not .*valid: exact, bilinear, nearest, or WIDTHxHEIGHT such as"),
        ({"resize": "0x320"}, "resize='0x320' is not .*each from 1 to 8192"),
        ({"resize": "320x8193"}, "resize='320x8193' is not .*each from 1 to 8192"),
        ({"resize": "99999999x1"}, "resize='99999999x1' is not .*each from 1 to 8192"),
        ({"resize": "0320x320"}, "resize='0320x320' is not"),
        ({"resize": "320x320\n"}, r"resize='320x320\\n' is not"),
        ({"resize": "320 x 320"}, "resize='320 x 320' is not"),
        ({"resize": (320, 320)}, r"resize=\(320, 320\) is not"),
        ({"beta": 0.3}, "unknown protocol field 'beta'; did you mean beta2"),
        ({"qqq": 0.3}, "unknown protocol field 'qqq'; valid: mask_threshold, mask_mae"),
    ],
)
def test_change_to_what_is_not_valid(values, message):
    with pytest.raises(ProtocolError, match=message):
        Protocol().change(**values)


@pytest.mark.parametrize(
    ("resize", "expected"),
    [("320x320", (320, 320)), ("8192x1", (1, 8192)), ("bilinear", None), ("nearest", None)],
)
def test_fixed_sizes(resize, expected):
    assert fixed_size(Protocol(resize=resize).resize) == expected
    assert f"|size:{resize}|" in Protocol(resize=resize).signature()


@pytest.mark.parametrize("name", CHOSEN)
def test_every_choice_is_checked(name):
    with pytest.raises(ProtocolError, match=f"{name}='nonsense' is not a choice"):
        Protocol(**{name: "nonsense"})


@pytest.mark.parametrize("name", NUMBERS)
def test_every_range_is_checked(name):
    low, high = SPECS[name].metadata["range"]
    for value in (low, min(high, 1e300)):
        assert getattr(Protocol(**{name: value}), name) == value
    for value in (low - 1e-9, high + 1e-9):
        with pytest.raises(ProtocolError, match=f"{name}=.* must be a finite number"):
            Protocol(**{name: value})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (">128", ("", ">", 128)),
        (">0", ("", ">", 0)),
        ("norm>254", ("norm", ">", 254)),
        ("norm>=1", ("norm", ">=", 1)),
        ("minmax>=.5", ("minmax", ">=", 0.5)),
        ("minmax>.125", ("minmax", ">", 0.125)),
    ],
)
def test_mask_rules(rule, expected):
    assert parse_mask_rule(rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "",
        ">",
        ">256",
        ">-1",
        "<128",
        "=128",
        ">1.5",
        " >128",
        ">128\n",
        "nrm>128",
        "norm128",
        ">1000",
        ">.5",
        "minmax>=5",
        "minmax>=1.5",
    ],
)
def test_mask_rules_that_are_none(rule):
    with pytest.raises(ProtocolError, match="not of the form >K, >=K or norm>K with K from 0 to 255"):
        Protocol(mask_threshold=rule)


@pytest.mark.parametrize("rule", [">=0", ">255", "norm>=0", "norm>255", "minmax>=.0"])
def test_mask_rules_that_all_levels_pass_or_none(rule):
    with pytest.raises(ProtocolError, match="does not tell object from background"):
        Protocol(mask_threshold=rule)


SIGNATURE = Protocol().signature()


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("", "signature part '' is not of the form key:value"),
        (f"{SIGNATURE}|", "signature part '' is not of the form key:value"),
        (f"{SIGNATURE}|norm", "signature part 'norm' is not of the form key:value"),
        (f"{SIGNATURE}|norm:max", "signature part 'norm:max' is repeated"),
        (f"{SIGNATURE}|nrm:max", r"signature has unknown parts 'nrm'; did you mean norm"),
        (SIGNATURE.replace("|norm:max", ""), "signature lacks norm; copy the whole line"),
        ("norm:max|n:3/3", "signature lacks alpha, avg, beta2, .*; copy the whole line"),
        (SIGNATURE.replace("beta2:0.3", "beta2:x"), "signature part beta2:'x' is not a number"),
        (SIGNATURE.replace("beta2:0.3", "beta2:-1"), "beta2=-1.0 must be a finite number"),
        (SIGNATURE.replace("beta2:0.3", "beta2:nan"), "beta2=nan must be a finite number"),
        (SIGNATURE.replace("norm:max", "norm:mx"), "normalise='mx' is not a choice .*did you mean max"),
        (SIGNATURE.replace("gt:>128", "gt:128"), "mask threshold '128' is not of the form"),
    ],
)
def test_parse_what_is_no_signature(signature, message):
    with pytest.raises(ProtocolError, match=message):
        Protocol.parse(signature)


LONG = "9" * 100_000


def signed(text):
    """What `--protocol` and a stored folder make of a signature."""
    return Protocol.of(text), Signature.parse(text)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (LONG, r"unknown protocol '9+\.\.\. \(100000 characters\); valid: u2net"),
        (f"{LONG}|", r"signature part '9+\.\.\. \(100000 characters\) is not of the form key:value"),
        (f"{SIGNATURE}|{LONG}:1", r"signature has unknown parts '9+\.\.\. \(100000 characters\)"),
        (f"{SIGNATURE}|" + "|".join(f"k{k}:1" for k in range(1000)), r"unknown parts 'k0'.*\+995 more;"),
        (f"{SIGNATURE}|data:A@1|n:{LONG}/3|rev:f1", "signature part n:'9+.* is not of the form N/N"),
        (f"{SIGNATURE}|data:A@1|n:3/3|rev:f{LONG}", "signature part rev:'f9+.* is not of the form f1.m1"),
        (f"{SIGNATURE}|data:A@1|n:3/3|rev:{'[' * 5000}", "signature part rev:.* is not of the form f1.m1"),
        (SIGNATURE.replace("beta2:0.3", f"beta2:{LONG}"), "signature part beta2:'9+.* is not a number"),
        (SIGNATURE.replace("beta2:0.3", "beta2:1_0"), "signature part beta2:'1_0' is not a number"),
        (SIGNATURE.replace("beta2:0.3", "beta2:\u0663"), "signature part beta2:.* is not a number"),
        (SIGNATURE.replace("gt:>128", f"gt:>{LONG}"), "mask threshold '>9+.* is not of the form"),
        (SIGNATURE.replace("size:exact", f"size:{LONG}"), "resize='9+.* is not a choice"),
        (SIGNATURE.replace("norm:max", "norm:max\0"), r"normalise='max\\x00' is not a choice"),
        (["["] * 3, r"\['\[', '\[', '\['\] is no protocol"),
        (None, "None is no protocol"),
    ],
)
def test_damaged_signatures(signature, message):
    """One short line, whatever the length, the characters or the type."""
    with pytest.raises(ProtocolError, match=message) as error:
        signed(signature)
    assert len(str(error.value)) < 600


def test_protocol_errors_are_sodbench_errors():
    with pytest.raises(SodbenchError):
        Protocol.parse("x")


# ------------------------------------------------------------------------------------------ differing


def test_differing():
    one = "data:SOD@1|n:300/300|norm:max|rev:f1|sodbench:0.1.0"
    assert differing(one, one) == {}
    assert differing(one, one.replace("0.1.0", "7")) == {}
    assert differing(one, one.replace("|sodbench:0.1.0", "")) == {}
    assert differing(one, one.replace("f1", "f2")) == {"rev": ("f1", "f2")}
    assert differing(one, f"{one}|ids:0a") == {"ids": ("-", "0a")}
    assert differing(f"{one}|ids:0a", one) == {"ids": ("0a", "-")}
    both = differing(one, "data:SOD@2|n:299/300|norm:max|rev:f1")
    assert [*both.items()] == [("data", ("SOD@1", "SOD@2")), ("n", ("300/300", "299/300"))]


def test_differing_of_what_is_no_signature():
    with pytest.raises(ProtocolError, match="not of the form key:value"):
        differing(SIGNATURE, "x")


def test_a_colon_in_a_value_belongs_to_it():
    assert split_signature("data:A:B@1|n:1/1") == {"data": "A:B@1", "n": "1/1"}


@pytest.mark.parametrize(
    ("changes", "name", "differ"),
    [
        ({"thresholds": "256float"}, "in_floats", {"levels"}),
        ({"thresholds": "256floor"}, "in_floats", set()),
        ({"normalise_mae": "max"}, "mae_normalise", set()),
        ({"normalise_mae": "none"}, "mae_normalise", {"normmae"}),
        ({"thresholds": "256float"}, "reciprocal", set()),
        ({"thresholds": "256float", "normalise": "minmax"}, "reciprocal", {"levels", "norm"}),
    ],
)
def test_a_field_behind_a_derived_property_differs_only_if_the_property_does(changes, name, differ):
    a, b = PRESETS["u2net"], replace(PRESETS["u2net"], **changes)
    assert set(differing(a.signature(), b.signature(), names=[name])) == differ
