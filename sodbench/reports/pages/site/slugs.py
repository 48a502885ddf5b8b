"""Names in addresses: what a method or dataset is called in file names and anchors.

An address depends on the name alone, so that it stays when other names come, unless two names would share
one: then both get a digest of their name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from unicodedata import name as letter_name
from unicodedata import normalize

LONGEST = 60
"""Letters of an address without a digest."""

WORDS = {"†": " dagger ", "‡": " double dagger ", "+": " plus ", "*": " star ", "&": " and "}
"""What stands for letters that would be lost, and without which two methods of one paper are alike."""

RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9]|index)")
"""File names that Windows keeps for devices, and what web servers show for a folder."""


def slugs(names: Iterable[str]) -> Mapping[str, str]:
    """Return an address of each name: small letters of ASCII, digits and hyphens, each address once.

    Examples
    --------
    >>> list(slugs(["U2-Net", "U2-Net†", "R3Net+", "DUT-OMRON"]).values())
    ['u2-net', 'u2-net-dagger', 'r3net-plus', 'dut-omron']
    >>> list(slugs(["A B", "A-B", "con"]).values())
    ['a-b-fea4c5', 'a-b-77101a', 'con-1143da']
    """
    plain = {name: _plain(name) for name in dict.fromkeys(names)}
    counts = Counter(plain.values())
    for digits in (6, 64):
        made = {
            name: slug if counts[slug] == 1 and _is_safe(slug) else _with_digest(slug, name, digits)
            for name, slug in plain.items()
        }
        if len({*made.values()}) == len(made):
            break
    return made


def _plain(name: str) -> str:
    words = "".join(WORDS.get(letter, letter) for letter in name)
    letters = "".join(_ascii(letter) for letter in normalize("NFKD", words).casefold())
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


def _ascii(letter: str) -> str:
    """Return a letter, what Unicode calls it if ASCII lacks it, or nothing for a mark on a letter."""
    if letter.isascii():
        return letter
    called = letter_name(letter, f"u{ord(letter):x}")
    if called.startswith("COMBINING"):
        return ""
    if called.startswith("CJK") or len(called) > 40:
        return f" u{ord(letter):x} "
    return f" {called.lower().removeprefix('greek small letter ')} "


def _is_safe(slug: str) -> bool:
    return 0 < len(slug) <= LONGEST and not RESERVED.fullmatch(slug)


def _with_digest(slug: str, name: str, digits: int) -> str:
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{slug[:LONGEST].strip('-') or 'x'}-{digest}"
