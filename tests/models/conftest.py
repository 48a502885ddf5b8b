"""What tests of several files share, and which need a GPU."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import MODULE


@pytest.fixture
def own(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A user's own model on the path; its options."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tinynet.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    state = {"conv.weight": torch.tensor([0.5, 1, -0.25]).reshape(1, 3, 1, 1), "conv.bias": torch.ones(1) / 8}
    save_file(state, tmp_path / "tiny.safetensors")
    return (
        *("--model", "tiny", "--model-module", "tinynet:net"),
        *("--weights", str(tmp_path / "tiny.safetensors"), "--device", "cpu"),
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is marked cuda rather than skip it: a run that may not skip has to pass without a GPU."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not torch.cuda.is_available():
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if not item.get_closest_marker("cuda")]
