"""What pyproject.toml, CITATION.cff, constraints.txt and CHANGELOG.md say of the same thing is the same.

`.ci/release.py` builds the archives and tries them.
"""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from sodbench.version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
ADDRESS = PROJECT["urls"]["Source"]


def test_citation_names_this_version() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["version"] == __version__
    assert [author["name"] for author in CITATION["authors"]] == [who["name"] for who in PROJECT["authors"]]
    assert CITATION["license"] == "Apache-2.0"
    assert {CITATION["repository-code"], CITATION["url"]} == {ADDRESS}


def test_a_release_has_a_date_and_nothing_else_has() -> None:
    heading = re.search(r"^## (\S+) \((.*)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heading is not None
    assert heading[1] == __version__
    assert str(CITATION.get("date-released", "unreleased")) == heading[2]


def test_classifiers() -> None:
    assert PROJECT["classifiers"] == sorted(PROJECT["classifiers"])
    stated = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    supported = SpecifierSet(PROJECT["requires-python"])
    assert stated == [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in supported]


def test_the_address_is_one() -> None:
    assert all(url == ADDRESS or url.startswith(f"{ADDRESS}/") for url in PROJECT["urls"].values())
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CITATION.cff", ROOT / "pyproject.toml"]
    for file in [*files, *ROOT.glob("docs/**/*.md"), *ROOT.glob("sodbench/**/*.py")]:
        named = re.findall(r"https://github\.com/[\w-]+/sodbench\b", file.read_text("utf-8"))
        assert {*named} <= {ADDRESS}, file


def test_all_that_is_installed_directly_is_pinned() -> None:
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    pinned = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    system = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    wanted = {Requirement(line).name.lower() for line in [*PROJECT["dependencies"], *extras, *system]}
    assert wanted - pinned == {"sodbench"}


def test_licences_of_what_others_wrote_are_stated() -> None:
    stated = {"Apache-2.0"}
    for file in ROOT.glob("sodbench/**/vendored.toml"):
        stated |= {script["licence"] for script in tomllib.loads(file.read_text("utf-8"))["script"]}
        for licence in file.parent.glob("*LICENSE*"):
            assert licence in {match for glob in PROJECT["license-files"] for match in ROOT.glob(glob)}
            stated |= {
                *re.findall(r"^[\w/@.-]+ [\d.]+ \(([\w.-]+)\)$", licence.read_text("utf-8"), re.MULTILINE)
            }
    assert {*PROJECT["license"].split(" AND ")} == stated
