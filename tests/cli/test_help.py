"""What a user learns from the program itself: help, lists, completion, the state of an installation."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from documents import check_call
from workspace import commands_below, good, plant_maps, plant_masks, process, refused, sodbench

from sodbench.cli import SECTIONS, main
from sodbench.metrics import METRIC_SETS, METRICS
from sodbench.models.registry import known_models
from sodbench.protocol import PRESETS

COMMANDS = dict(commands_below(main))

pytestmark = pytest.mark.usefixtures("here")


def completions(*words: str) -> list[str]:
    """What a shell offers for the last word."""
    complete = ShellComplete(main, {}, "sodbench", "_SODBENCH_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


class TestHelp:
    @pytest.mark.parametrize("group", [name for name, c in COMMANDS.items() if isinstance(c, click.Group)])
    def test_the_words_of_a_command_are_not_cut(self, group: str) -> None:
        listed = good(group, "--help").stdout
        assert "..." not in listed.partition("Commands:")[2]

    def test_commands_stand_in_sections(self) -> None:
        text = good("--help").stdout
        heads = re.findall(r"^(\S.*):$", text, re.MULTILINE)
        assert heads == ["Options", "Evaluate", "Understand", "Figures and tables", "Models", "Data"]
        columns = {match.end() for match in re.finditer(r"^  [a-z][\w-]+ +(?=[A-Z])", text, re.MULTILINE)}
        lines = [line for line in text.splitlines() if re.match(r"  [a-z][\w-]+ +[A-Z]", line)]
        assert len(lines) == sum(map(len, SECTIONS.values()))
        assert {re.match(r"  \S+ +", line).end() for line in lines} == {20}  # type: ignore[union-attr]
        assert columns

    def test_conventions_stand_apart(self) -> None:
        for command in ("score", "rescore", "explain"):
            assert "--rho" not in good(command, "--help").stdout
            text = good(command, "--help-conventions").stdout
            assert text.startswith("Single conventions, in place of the protocol's:\n")
            assert ("--rho FLOAT" in text, "--data" in text) == (True, False)

    def test_options_are_all_that_is_listed(self) -> None:
        for path in COMMANDS:
            listed = good(*path.split(), "--help").stdout.partition("Options:\n")[2]
            assert listed.startswith("  -"), path

    def test_metrics_are_named(self) -> None:
        for path in ("score", "explain", "compare", "table"):
            text = " ".join(good(path, "--help").stdout.split())
            assert f"({', '.join(METRIC_SETS)})" in text
            assert "`sodbench metrics` lists them" in text

    def test_every_page_fits_a_terminal(self) -> None:
        wide = []
        for path in COMMANDS:
            for line in good(*path.split(), "--help").stdout.splitlines():
                if len(line) > 80 and not line.startswith("  sodbench"):
                    wide.append(f"{path}: {line}")
        assert wide == []


def examples() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the help pages, with the page that it stands on."""
    for page, command in COMMANDS.items():
        text = command.get_help(click.Context(command))
        for line in re.findall(r"^ {2,}(sodbench .*)$", text, re.MULTILINE):
            yield page, shlex.split(line.replace("(built-in photos and maps)", ""), comments=True)[1:]


def test_examples_can_be_typed() -> None:
    shown = list(examples())
    assert len(shown) > 30
    for page, words in shown:
        try:
            check_call(words)
        except click.UsageError as error:
            pytest.fail(f"{page}: {words}: {error.format_message()}")


class TestLists:
    def test_metrics(self) -> None:
        lines = good("metrics").stdout.splitlines()
        assert lines[0].split() == ["id", "label", "better", "paper"]
        rows = [line.split()[:3] for line in lines[1 : len(METRICS) + 1]]
        better = {True: "higher", False: "lower"}
        assert rows == [[m.id, m.label, better[m.higher_is_better]] for m in METRICS.values()]
        assert "all: every metric; what is common to ids, such as e: those that have it" in lines
        assert "MAE: Mean absolute error: how far, on average, is a pixel's saliency from the" in lines
        assert max(map(len, lines)) <= 80

    def test_a_page_of_a_metric(self) -> None:
        text = good("metrics", "mae", "E", "maxE").stdout
        assert text.startswith("mae  MAE  lower is better  MAE\n\nMean absolute error: how far")
        assert text.count("E-measure: does the binarised map align") == 1
        assert re.search(r"\n--e-compare +>= +how E binarises a map\n", text)
        assert "--beta2" not in text
        assert max(len(line) for line in text.splitlines() if line.startswith(("--", "      "))) <= 80
        assert good("metrics", "mae,E").stdout == good("metrics", "mae", "E-measure").stdout
        assert good("metrics", "boundary IoU").stdout.endswith("asked for: --metrics biou\n")
        refused("metrics", "maxg", match="unknown metric 'maxg'; did you mean max")
        refused("metrics", "qqq", match="more; `sodbench metrics` lists them")

    def test_protocols(self) -> None:
        text = good("protocols").stdout
        assert [line.split()[0] for line in text.splitlines()[1 : len(PRESETS) + 1]] == list(PRESETS)
        assert "\nnormalise          max\n" in text
        assert "\nnormalise          minmax    minmax                            mat2gray\n" in text
        assert max(map(len, text.splitlines())) <= 80


class TestCompletion:
    def test_names(self) -> None:
        assert completions("score", "-d", "DUT") == ["DUT-OMRON", "DUTS-TE", "DUTS-TR"]
        assert completions("table", "--dataset", "SOD,ec") == ["SOD,ECSSD"]
        assert completions("compare", "--metrics", "mae,max_")[:2] == ["mae,max_f", "mae,max_e"]
        assert completions("worst", "scores", "--metric", "rel") == ["relax_f"]
        assert completions("table", "--metrics", "pa") == ["paper"]
        assert completions("worst", "scores", "--metric", "pa") == []
        assert completions("run", "--model", "u2") == [m for m in known_models() if m.startswith("u2")]
        assert completions("weights", "fetch", "u2netp") == ["u2netp"]
        assert completions("compare", "a", "b", "--by", "t") == ["thin"]
        assert completions("score", "--protocol", "pys") == ["pysodmetrics"]
        assert completions("datasets", "verify", "PAS") == ["PASCAL-S"]

    def test_hidden_spellings_are_not_offered(self) -> None:
        assert completions("table", "--means") == ["--means"]
        assert completions("table", "--aver") == []

    def test_methods_of_a_scores_folder(self) -> None:
        plant_masks("own/masks")
        for name in ("Aa", "Ab", "B"):
            plant_maps(f"preds/{name}")
        good("score", "preds", "-d", "own", "--masks", "own/masks", "--metrics", "mae", "--scores", "s")
        assert completions("compare", "s", "--methods", "A") == ["Aa", "Ab"]
        assert completions("compare", "s", "--methods", "Ab,") == ["Ab,Aa", "Ab,B"]
        assert completions("plot-pr", "s", "--highlight", "B") == ["B"]
        assert completions("plot-size", "--methods", "PiCA") == ["PiCANet", "PiCANetR"]
        assert completions("score", "preds", "--methods", "A") == ["Aa", "Ab"]
        for damage in ("{", "[" * 100_000):
            Path("s/Aa/own/meta.json").write_text(damage)
            assert completions("compare", "s", "--methods", "A") == []

    def test_nothing_heavy_is_loaded(self) -> None:
        code = (
            "import sys\n"
            "from click.shell_completion import ShellComplete\n"
            "from sodbench.cli import main\n"
            "complete = ShellComplete(main, {}, 'sodbench', '_SODBENCH_COMPLETE')\n"
            "for words in ('score -d', 'score --metrics', 'run --model', 'compare --by'):\n"
            "    assert complete.get_completions(words.split(), '')\n"
            "complete.get_completions(['compare', '.', '--methods'], '')\n"
            "heavy = {'numba', 'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
            "sys.exit(', '.join(heavy) or 0)"
        )
        done = process(before=code)
        assert (done.returncode, done.stderr) == (0, b"")


class TestDoctor:
    def test_whole(self) -> None:
        result = good("doctor")
        names = re.findall(r"^\w+", result.stdout, re.MULTILINE)
        assert names == [
            *("sodbench", "Python", "packages", "metrics", "kernels", "threads", "encoding", "settings"),
            *("datasets", "boards", "models", "devices", "weights"),
        ]
        assert "FAILS" not in result.stdout
        assert "demo: 8/8" in result.stdout
        assert result.stderr == ""

    def test_what_scoring_does_not_need(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SODBENCH_LEADERBOARDS", "nowhere")
        assert "\nboards    FAILS: nowhere: no such folder" in good("doctor").stdout

    def test_what_scoring_needs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("own.toml").write_text("[x")
        monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")
        result = sodbench("doctor")
        assert result.exit_code == 1
        assert "\ndatasets  FAILS: own.toml: this is not valid TOML" in result.stdout
        assert result.stderr == "Scoring needs what fails here: datasets.\n"
        assert "\nweights " in result.stdout

    @pytest.mark.parametrize("package", ["numba", "numpy", "torch", "platformdirs", "PIL"])
    def test_a_package_that_cannot_be_imported(self, package: str) -> None:
        done = process("doctor", before=f"sys.modules[{package!r}] = None")
        assert (done.returncode, b"Traceback" in done.stderr) == (int(package != "torch"), False)
        assert b"FAILS: " in done.stdout
        assert package in done.stdout.decode().partition("FAILS: ")[2]
        assert b"\nweights " in done.stdout


def test_the_help_says_where_the_documentation_is() -> None:
    assert re.search(r"\nDocumentation: https://\S+/docs\n$", good("--help").stdout)
