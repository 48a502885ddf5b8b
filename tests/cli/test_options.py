"""One name of an option means one thing, in whatever command it stands."""

from collections import defaultdict
from pathlib import Path

import click
import pytest
from workspace import commands_below, good, listing, plant_maps, plant_masks, refused, scored

from sodbench.cli import main
from sodbench.cli.completion import ATTRIBUTES, METRIC_IDS
from sodbench.cli.options import split_names
from sodbench.cli.parameters import Argument, Option
from sodbench.errors import FileError, nearest
from sodbench.metrics import METRICS

pytestmark = pytest.mark.usefixtures("here")


COMMANDS = dict(commands_below(main))
PARAMETERS = [(path, param) for path, command in COMMANDS.items() for param in command.params]
OPTIONS = [(path, param) for path, param in PARAMETERS if isinstance(param, click.Option)]


def kind_of(option: click.Option) -> str:
    """What values an option takes, apart from how many; a range may differ from command to command."""
    choices = getattr(option.type, "choices", "")
    return f"{type(option.type).__name__} {choices}" if choices else type(option.type).__name__


def test_one_name_means_one_thing() -> None:
    """No exception: an option of one name has one help text, and one kind of value."""
    meanings: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, option in OPTIONS:
        for name in option.opts:
            meanings[name][option.help or "", kind_of(option)].append(path)
    assert {name: dict(ways) for name, ways in meanings.items() if len(ways) > 1} == {}


def test_every_option_has_a_help_text_and_refuses_what_is_empty() -> None:
    assert [f"{path} {option.opts[0]}" for path, option in OPTIONS if not option.help] == []
    bare = [(path, param.name) for path, param in PARAMETERS if not isinstance(param, Option | Argument)]
    assert bare == []


@pytest.mark.parametrize("path", COMMANDS)
def test_empty_values_are_usage_errors(path: str) -> None:
    for param in COMMANDS[path].params:
        if isinstance(param, click.Option) and not param.is_flag:
            hint = f"Invalid value for .*'{param.opts[0]}'.*: "
            for value in ("", " "):
                refused(*path.split(), param.opts[0], value, match=hint + "it is empty. Leave the", code=2)
            if param.callback is split_names:
                refused(*path.split(), param.opts[0], ",", match=hint + "',' holds no name", code=2)
        elif isinstance(param, click.Argument):
            refused(*path.split(), "", match="it is empty. Leave it out, or give it a value", code=2)


def test_hidden_spellings_are_no_shown_option_of_their_command() -> None:
    for path, command in COMMANDS.items():
        shown = [name for option in command.params if isinstance(option, Option) for name in option.opts]
        hidden = [name for option in command.params if isinstance(option, Option) for name in option.aliases]
        assert len({*shown, *hidden}) == len([*shown, *hidden]), path
        text = good(*path.split(), "--help").stdout
        assert [name for name in hidden if f"{name} " in text.split("Options:")[1]] == [], path


def test_names_that_are_spelt_out_for_help_and_shells() -> None:
    from sodbench.analysis.attributes import ATTRIBUTES as COMPUTED

    assert tuple(METRICS) == METRIC_IDS
    assert tuple(COMPUTED) == ATTRIBUTES


@pytest.fixture
def stored(here: Path) -> Path:
    """Scores of A and B on a set of one's own, and of B alone on another one, scored in another way."""
    for name, seed in (("A", 0), ("B", 1), ("C", 2)):
        plant_maps(f"preds/{name}", seed=seed)
    plant_masks("own/masks")
    plant_masks("other/masks")
    good("score", "preds/A", "preds/B", "--masks", "own/masks", "--metrics", "paper")
    good("score", "preds/B", "--masks", "other/masks", "--metrics", "mae", "--normalise", "none")
    good("score", "preds/C", "--masks", "other/masks", "--metrics", "mae")
    return here / "scores"


class TestMetricNames:
    def test_ids_and_labels_in_any_case(self, stored: Path) -> None:
        expected = scored("preds/A", "--masks", "own/masks", "--metrics", "max_f,mae,weighted_f")
        for names in ("maxF,MAE,wF", "MAXF,Mae,weighted-F", "max-f,mae,WF"):
            assert scored("preds/A", "--masks", "own/masks", "--metrics", names) == expected
        assert (
            good("worst", "scores/A", "--metric", "MAE").stdout
            == good("worst", "scores/A", "--metric", "mae").stdout
        )
        assert "MAE↓" in good("table", "-d", "SOD", "--metrics", "MAE,maxF").stdout

    def test_unknown(self, stored: Path) -> None:
        for command in (("score", "preds/A", "--masks", "own/masks"), ("compare", "scores", "-d", "own")):
            refused(*command, "--metrics", "maxg", match="unknown metric 'maxg'; did you mean max_f")


class TestMethods:
    """``--methods`` and ``--dataset`` choose before anything is asked of what they leave out."""

    def test_score(self, stored: Path) -> None:
        rows = scored("preds", "--masks", "own/masks", "-d", "own", "--methods", "C,A")
        assert [row["method"] for row in rows] == ["C", "A"]
        refused(
            *("score", "preds", "--masks", "own/masks", "-d", "own", "--methods", "a"),
            match="found no maps of a; did you mean A",
        )

    def test_rescore(self, stored: Path) -> None:
        table = good("rescore", "scores", "-d", "own", "--methods", "B,A").stdout
        assert [line.split()[0] for line in table.splitlines()[:4]] == ["own", "method", "B", "A"]
        refused("rescore", "scores", "-d", "owm", match="no scores on owm here; did you mean own")
        refused("rescore", "scores", "--methods", "D", match="no scores of D here; valid: B, C, A")
        refused("rescore", "scores", "-d", "own", "--methods", "C", match="no scores of C here; valid: A, B")

    def test_compare(self, stored: Path) -> None:
        refused(
            "compare", "scores", match="other: no scores of A. Score them, or choose datasets with --dataset"
        )
        text = good("compare", "scores", "-d", "own", "--resamples", "100").stdout
        assert text.startswith("own, 4 images\n")
        one = ("compare", "scores", "-d", "own", "--methods", "A")
        refused(*one, match="A: expected scores of two methods or more, found 1")

    def test_worst(self, stored: Path) -> None:
        assert (
            good("worst", "scores", "-d", "own", "--methods", "A").stdout
            == good("worst", "scores/A/own").stdout
        )

    def test_figures(self, stored: Path) -> None:
        good("plot-pr", "scores", "-d", "own", "--out", "own.svg")
        refused("plot-pr", "scores", "--out", "all.svg", match="B and C were scored differently")


class TestOutputs:
    def test_a_table_is_written_as_its_suffix_says(self) -> None:
        refused(
            "table", "-d", "SOD", "--out", "a.docx", match=r"Pass a\.csv, which spreadsheets open, or \.txt"
        )
        known = r"unknown kind of table '\.htm'; pass --out with \.txt, \.tex, \.md, \.html, \.csv, or pass"
        refused("table", "-d", "SOD", "--out", "a.htm", match=known)
        good("table", "-d", "SOD", "--out", "a.htm", "--format", "html")
        good("table", "-d", "SOD", "--out", "A.TEX")
        assert Path("A.TEX").read_text("utf-8").startswith("% Made by sodbench")

    def test_where_a_table_is_written_is_said(self) -> None:
        assert good("table", "-d", "SOD", "--out", "a.csv").stderr.splitlines()[-1] == "written: a.csv"
        assert "written" not in good("table", "-d", "SOD", "--out", "-").stderr

    def test_figures_of_the_library_make_no_folder_either(self) -> None:
        from sodbench.reports.figures.style import check_figure_target

        with pytest.raises(FileError, match=r"no/x\.png: there is no folder no\. Make it"):
            check_figure_target(Path("no/x.png"))


def test_many_valid_names_are_counted() -> None:
    assert nearest("zz", [f"{k:03}" for k in range(300)]) == "valid: 000, 001, 002, 003, 004, +295 more"


class TestAliases:
    def test_out_is_still_where_scores_maps_and_runs_go(self, stored: Path) -> None:
        good("score", "preds/A", "--masks", "own/masks", "--out", "s2")
        good("score", "preds/A", "--masks", "own/masks", "--scores", "s3")
        assert listing("s2") == listing("s3")

    def test_others(self, stored: Path) -> None:
        assert good("table", "--paper", "--average").stdout == good("table", "--paper", "--means").stdout
        for plural in ("--dataset", "--datasets", "-d"):
            assert good("table", plural, "SOD").stdout == good("table", "-d", "SOD").stdout
        demo = ("plot-qualitative", "--dataset", "demo")
        good("score", "--dataset", "demo", "--scores", "demo")
        preds = Path(good("datasets").stdout.rstrip().rsplit("  ", 1)[1].split(" (")[0])
        new = (*demo, str(preds / "preds"), "--ids", "coffee", "--show", "errors", "--out", "a.png")
        old = (*demo, str(preds / "preds"), "--images", "coffee", "--maps", "errors", "--out", "b.png")
        good(*new)
        good(*old)
        assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
