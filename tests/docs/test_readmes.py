"""The two READMEs say the same, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from sodbench.cli import COMMANDS
from sodbench.data.registry import registry

ROOT = Path(__file__).parents[2]


def readme(language: str) -> str:
    """Return a README without what its own language says."""
    return (ROOT / f"README{language}.md").read_text("utf-8")


def code(text: str) -> list[str]:
    """List the code of a page: fenced and indented blocks; comments may be translated."""
    fenced = re.findall(r"^```(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    return [re.sub(r" +#.*", "", block) for block in (*fenced, *indented)]


def test_the_chinese_readme_has_the_same_commands() -> None:
    english, chinese = readme(""), readme(".zh-CN")
    assert code(chinese) == code(english) != []
    assert re.findall(r"`[^`\n]+`", chinese.replace("```", "")) != []
    for pattern in (r"^#+ ", r"^\|", r"^\* ", r"\]\([^)#]+"):
        found = [re.findall(pattern, text, re.MULTILINE) for text in (english, chinese)]
        counts = [len(matches) for matches in found]
        assert counts[0] == counts[1], (pattern, counts)


def test_the_readmes_have_the_same_numbers() -> None:
    numbers = [
        sorted(re.findall(r"(?<![\w.])\d*\.?\d+(?!\w)", readme(name), re.ASCII)) for name in ("", ".zh-CN")
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_links_of_the_readmes_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
    assert len([link for link in links if link.startswith("docs/")]) > 10


def test_the_table_of_commands_lists_every_command() -> None:
    rows = re.findall(r"^\| (`[a-z`\- ]+`) \|", readme(""), re.MULTILINE)
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(rows))) == sorted(COMMANDS)


def test_the_number_of_datasets() -> None:
    shipped = re.findall(r"^\[([^.\]]+)\]$", (ROOT / "datasets.toml").read_text("utf-8"), re.MULTILINE)
    assert set(shipped) <= set(registry())
    assert f", {len(shipped)} datasets" in readme("")
