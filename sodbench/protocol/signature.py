"""The one line that states how a score was made, as a value, and where two of them differ.

``data:SOD@1|n:300/300|gt:>128|...|rev:f1.m1.w1.s1.r1.e1|sodbench:0.1.0``: which images, every convention,
which revisions of the metrics, which program. Two scores may be compared if all that the metric in question
depends on agrees; the program's version never matters.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from sodbench.errors import ProtocolError
from sodbench.protocol.protocol import OPTIONAL, Protocol, befores, split_signature
from sodbench.utils.text import shortened

DERIVED: Mapping[str, tuple[str, ...]] = {
    "in_floats": ("thresholds",),
    "reciprocal": ("normalise", "thresholds"),
    "mae_normalise": ("normalise", "normalise_mae"),
    "mae_reciprocal": ("normalise", "normalise_mae", "thresholds"),
}
"""Properties of a protocol that numbers depend on, and the fields that they are made of."""

_FIELDS = {spec.metadata["key"]: spec.name for spec in fields(Protocol)}


@dataclass(frozen=True, kw_only=True)
class Signature:
    """How a score was made.

    Parameters
    ----------
    dataset, version
        Which dataset; 0 or a digest of the masks is the version of one that no registry knows.
    n, of
        How many images were scored with a map of their own, out of how many.
    protocol
        Every convention.
    revisions
        Revision of each family of metrics that the signature names.
    missing
        What was done about missing maps: ``zero`` or ``skip``, empty where there are none.
    ids
        Digest of the image ids, where they are not those of the whole dataset.
    sodbench
        Version of the program.
    stated
        Optional fields of the protocol that the metrics depend on.

    Examples
    --------
    >>> text = f"data:SOD@1|n:300/300|{Protocol().signature()}|rev:f1.m1|sodbench:0.1.0"
    >>> signature = Signature.parse(text)
    >>> signature.dataset, signature.of, signature.revisions, str(signature) == text
    ('SOD', 300, {'f': 1, 'm': 1}, True)
    """

    dataset: str
    version: str
    n: int
    of: int
    protocol: Protocol
    revisions: Mapping[str, int]
    missing: str = ""
    ids: str = ""
    sodbench: str = ""
    stated: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the line."""
        parts = [f"data:{self.dataset}@{self.version}", f"n:{self.n}/{self.of}"]
        parts += [f"{key}:{value}" for key in ("missing", "ids") if (value := getattr(self, key))]
        parts += [self.protocol.signature(self.stated), f"rev:{revisions_text(self.revisions)}"]
        return "|".join([*parts, f"sodbench:{self.sodbench}"] if self.sodbench else parts)

    @classmethod
    def parse(cls, text: str) -> "Signature":
        """Read a line that sodbench printed.

        Raises
        ------
        ProtocolError
            A part is malformed, unknown, repeated, or missing.
        """
        protocol, parts = Protocol.parse(text), split_signature(text)
        if lacking := [key for key in ("data", "n", "rev") if key not in parts]:
            raise ProtocolError(f"the signature lacks {', '.join(lacking)}.")
        dataset, version = split_dataset(parts["data"])
        count = re.fullmatch(r"([0-9]{1,12})/([0-9]{1,12})", parts["n"])
        if count is None:
            raise ProtocolError(f"signature part n:{shortened(parts['n'])} is not of the form N/N.")
        return cls(
            dataset=dataset,
            version=version,
            n=int(count[1]),
            of=int(count[2]),
            protocol=protocol,
            revisions=parse_revisions(parts["rev"]),
            missing=parts.get("missing", ""),
            ids=parts.get("ids", ""),
            sodbench=parts.get("sodbench", ""),
            stated=frozenset(name for key, name in _FIELDS.items() if key in parts and name in OPTIONAL),
        )


def split_dataset(data: str) -> tuple[str, str]:
    """Split a dataset as signatures name it into name and version.

    >>> split_dataset("SOD@1")
    ('SOD', '1')
    """
    name, _, version = data.partition("@")
    return name, version


def revisions_text(revisions: Mapping[str, int]) -> str:
    """Return revisions as a signature states them.

    >>> revisions_text({"f": 1, "m": 2})
    'f1.m2'
    """
    return ".".join(f"{family}{revision}" for family, revision in revisions.items())


def parse_revisions(text: str) -> dict[str, int]:
    """Read the revisions that a signature states.

    Raises
    ------
    ProtocolError
        One is not a family's letters and a number.

    Examples
    --------
    >>> parse_revisions("f1.m2")
    {'f': 1, 'm': 2}
    """
    revisions = {}
    for part in text.split("."):
        match = re.fullmatch(r"([a-z]+)([0-9]{1,9})", part)
        if match is None:
            raise ProtocolError(f"signature part rev:{shortened(text)} is not of the form f1.m1.")
        revisions[match[1]] = int(match[2])
    return revisions


def differing(
    a: str, b: str, names: Collection[str] | None = None, families: Collection[str] | None = None
) -> dict[str, tuple[str, str]]:
    """Return the parts in which two signatures differ so that their scores may not be compared.

    Revisions are compared family by family, over the families that both name. A field that one of them
    does not state has the value that stood before it came.

    Parameters
    ----------
    a, b
        Signatures, as printed.
    names
        Fields and properties of a protocol that the scores in question depend on; None: all.
    families
        Families of the metrics in question; None: all that both name.

    Examples
    --------
    >>> differing("n:300/300|norm:max|sodbench:0.1.0", "n:299/300|norm:max|sodbench:0.2.0")
    {'n': ('300/300', '299/300')}
    >>> differing("norm:max|rev:f1.m1", "norm:max|rev:f1.m2.x1", families=["f"])
    {}
    """
    first, second = split_signature(a), split_signature(b)
    before = {key: value for key, value in befores(Protocol).items() if value is not None}
    fields_that_differ = {}
    for key in dict.fromkeys((*first, *second)):
        values = first.get(key, before.get(key, "-")), second.get(key, before.get(key, "-"))
        if key == "sodbench" or values[0] == values[1]:
            continue
        if key == "rev" and "-" not in values:
            values = _differing_revisions(*values, families)
        elif key in _FIELDS and names is not None and not _matters(_FIELDS[key], names, a, b):
            continue
        if values[0] != values[1]:
            fields_that_differ[key] = values
    return fields_that_differ


def acting_parts(signature: str, names: Collection[str], families: Collection[str]) -> tuple[str, ...]:
    """Return what of a signature scores depend on: equal for scores that may be compared.

    Parameters
    ----------
    signature
        As printed.
    names, families
        See `differing`.

    Examples
    --------
    >>> acting_parts("data:SOD@1|norm:max|beta2:1|rev:f1.m1|sodbench:0.1.0", ["normalise"], ["m"])
    ('data:SOD@1', 'norm:max', 'rev:m1')
    """
    kept = []
    for key, value in split_signature(signature).items():
        if key == "rev":
            value = revisions_text({f: r for f, r in parse_revisions(value).items() if f in families})
        if key != "sodbench" and (key not in _FIELDS or _FIELDS[key] in names):
            kept.append(f"{key}:{value}")
    kept += [f"{key}:{_derived(signature, key)}" for key in DERIVED if key in names]
    return tuple(kept)


def stated_parts(signature: str, names: Collection[str], families: Collection[str]) -> str:
    """Return a signature without optional fields and revisions that are not among these.

    >>> stated_parts("norm:max|hbin:>128|oavg:mean|rev:f1.h1", ["overlap_average"], ["f"])
    'norm:max|oavg:mean|rev:f1'
    """
    parts = split_signature(signature)
    parts = {key: value for key, value in parts.items() if _FIELDS.get(key) not in OPTIONAL.difference(names)}
    if "rev" in parts:
        made = parse_revisions(parts["rev"])
        parts["rev"] = revisions_text({f: revision for f, revision in made.items() if f in families})
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def differences_text(fields: Mapping[str, tuple[str, str]]) -> str:
    """Put into words what `differing` gives of (wanted, actual)."""
    return ", ".join(f"{key} {actual} (expected {wanted})" for key, (wanted, actual) in fields.items())


def _differing_revisions(a: str, b: str, families: Collection[str] | None) -> tuple[str, str]:
    first, second = parse_revisions(a), parse_revisions(b)
    moved = [
        family
        for family in first
        if family in second and first[family] != second[family] and (families is None or family in families)
    ]
    return revisions_text({f: first[f] for f in moved}), revisions_text({f: second[f] for f in moved})


def _matters(name: str, names: Collection[str], a: str, b: str) -> bool:
    """Tell whether a field in which two signatures differ acts on what depends on some names."""
    if name in names:
        return True
    derived = [key for key, made_of in DERIVED.items() if key in names and name in made_of]
    return any(_derived(a, key) != _derived(b, key) for key in derived)


def _derived(signature: str, key: str) -> object:
    """Return a property of the protocol that a signature states; of part of one, the fields it is made of."""
    try:
        return getattr(Protocol.parse(signature), key)
    except ProtocolError:
        stated = split_signature(signature)
        return [stated.get(part) for part, name in _FIELDS.items() if name in DERIVED[key]]
