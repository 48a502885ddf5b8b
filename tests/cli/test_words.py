"""Wordings that were replaced by plainer ones, and do not come back."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
REPLACED = (
    "carries the signature of how",
    "sets of imperfect maps",
    "is never passed over",
    "which no pixel of passes",
    "told beforehand",
    "no significance is told",
    "by heart",
    "Not reached of what was aimed at",
    "whose rows were used again",
    "The pixels are needed again",
    "leaves out 0",
    "not told apart",
    "Whose per-image values rank",
    "Tell whether the difference between methods is real",
    "Accept a part of the dataset",
    "is grateful for",
    "foretold",
    "is no matter",
    "what is no regular file",
    "lone pairs",
)


def test_replaced_wordings_stay_away() -> None:
    texts = [
        *ROOT.glob("*.md"),
        ROOT / "pyproject.toml",
        ROOT / "datasets.toml",
        *ROOT.glob("leaderboards/*.md"),
        *ROOT.glob("docs/*.md"),
    ]
    found = []
    for file in (*texts, *ROOT.glob("sodbench/**/*.py"), *ROOT.glob("sodbench/**/*.html")):
        words = " ".join(file.read_text("utf-8").split())
        found += [f"{file.relative_to(ROOT)}: {phrase}" for phrase in REPLACED if phrase in words]
    assert found == []
