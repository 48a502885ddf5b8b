"""What is printed arrives in every encoding, and a stream that cannot be written to is one line."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from workspace import command, good, plant, plant_maps, process, sodbench

from sodbench.cli.output import readable_streams, say, show
from sodbench.utils.text import readable

ENCODINGS = ("gbk", "cp437", "ascii")
SCORE = ("score", "maps", "--masks", "own/masks")


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """Arguments that score four maps, of which there are stored scores."""
    plant()
    good(*SCORE)
    return SCORE


def test_warnings_of_decoders_are_not_printed(score: tuple[str, ...]) -> None:
    """Pillow warns, with a path of its own, of a tag with two values."""
    image = Image.open("maps/im0.png")
    Path("maps/im0.png").unlink()
    image.save("maps/im0.tif")
    data = bytearray(Path("maps/im0.tif").read_bytes())
    at = data.index(struct.pack("<HHI", 259, 3, 1))
    data[at + 4] = 2
    Path("maps/im0.tif").write_bytes(data)
    found = process(*score, "--out", "s2")
    assert found.returncode == 0
    assert b"Warning" not in found.stderr


class TestNamesThatSteerATerminal:
    NAME = "a\x1b]0;x\x07\n\u202eb"
    ESCAPED = r"a\x1b]0;x\x07\n\u202eb"

    def test_in_errors_and_notices(self, score: tuple[str, ...]) -> None:
        Path(f"maps/{self.NAME}.png").write_bytes(b"")
        result = good(*score, "--out", "s2")
        assert f"maps without a mask, passed over: 1 ({self.ESCAPED}.png)" in result.stderr
        Path(f"own/masks/{self.NAME}.png").write_bytes(b"")
        result = sodbench(*score, "--out", "s3")
        assert result.stderr.startswith(f"Error: own/masks/{self.ESCAPED}.png: not an image (it is empty)")
        assert not set("\x1b\x07\u202e") & set(result.output)

    def test_in_what_was_typed(self, here: Path) -> None:
        for arguments in (("score", self.NAME, "--masks", "x"), ("rescore", self.NAME), (self.NAME,)):
            result = sodbench(*arguments)
            assert result.exit_code
            assert not set("\x1b\x07\u202e") & set(result.output)

    def test_in_tables(self, score: tuple[str, ...]) -> None:
        plant_maps("odd\x1b[31m")
        result = good("score", "odd\x1b[31m", *score[2:], "--out", "s2")
        assert "\x1b" not in result.output
        assert "\x1b" not in good("datasets", "verify", "demo", "--data", "odd\x1b[31m").output


class TestEncodings:
    @pytest.mark.parametrize("encoding", ENCODINGS)
    @pytest.mark.parametrize(
        "arguments",
        [
            ("models",),
            ("--help",),
            ("score", "--help"),
            ("table", "--help"),
            ("table", "--paper"),
            ("leaderboard", "show", "SOD"),
            ("weights", "path", "雪"),
            ("雪",),
            ("score", "--雪"),
        ],
        ids=" ".join,
    )
    def test_every_command_prints(self, here: Path, encoding: str, arguments: tuple[str, ...]) -> None:
        found = process(*arguments, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert b"Traceback" not in found.stderr
        assert found.returncode == (1 if "path" in arguments else 2 if "雪" in arguments[-1] else 0)
        text = (found.stdout + found.stderr).decode(encoding)
        if "雪" in arguments[-1] and encoding != "gbk":
            assert "\\u96ea" in text

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_models(self, encoding: str) -> None:
        text = process("models", PYTHONIOENCODING=encoding, PYTHONUTF8="0").stdout.decode(encoding)
        assert "U2-Net+" in text or "U²-Net+" in text
        assert len({line.index("Apache-2.0") for line in text.splitlines()[1:]}) == 1

    def test_a_name_that_is_escaped_widens_its_column(self, score: tuple[str, ...]) -> None:
        plant_maps("雪雪", seed=1)
        arguments = ("score", "maps", "雪雪", *score[2:], "--metrics", "mae")
        text = process(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="0").stdout.decode("ascii")
        assert "\\u96ea\\u96ea  " in text
        table = [line for line in text.splitlines() if "  " in line]
        assert len({len(line) for line in table}) == 1
        assert (
            len(
                {line.index(word) + len(word) for line, word in zip(table, (" n", "4/4", "4/4"), strict=True)}
            )
            == 1
        )

    def test_a_file_name_that_is_no_utf_8(self, score: tuple[str, ...]) -> None:
        name = os.fsdecode(b"m\xff")
        plant_maps(name)
        found = process("score", name, *score[2:], PYTHONIOENCODING="utf-8")
        assert b"Traceback" not in found.stderr

    def test_letters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True)
        monkeypatch.setattr(sys, "stderr", stream)
        with readable_streams():
            say("ü MAE↓ maxF↑ 雪")
        stream.seek(0)
        assert stream.read() == "ü MAEv maxF^ \\u96ea\n"

    def test_lines_that_are_no_table_stay_as_they_are(self) -> None:
        assert readable("雪 one\nname  n\n雪     3\n\n  雪", "ascii") == (
            "\\u96ea one\nname    n\n\\u96ea  3\n\n  \\u96ea"
        )
        assert readable("ab  雪  cd\n       e", "ascii") == "ab  \\u96ea  cd\n            e"


class TestStreams:
    def run(self, *arguments: str, closed: int | None = None, **streams: object) -> "Finished":
        done = subprocess.run(
            command(*arguments),
            check=False,
            text=True,
            preexec_fn=(lambda: os.close(closed)) if closed else None,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},  # type: ignore[call-overload]
        )
        return done.returncode, done.stdout or "", done.stderr or ""

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize(
        "arguments",
        [SCORE, ("rescore", "scores", "--csv", "-"), ("rescore", "scores", "--json"), ("score", "--help")],
        ids=" ".join,
    )
    def test_full_stdout(
        self,
        score: tuple[str, ...],
        arguments: tuple[str, ...],
        unbuffered: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
        with Path("/dev/full").open("w") as full:
            code, _, err = self.run(*arguments, stdout=full)
        assert code == 1
        assert err.splitlines()[-1] == "Error: stdout: cannot print the result (No space left on device)."
        assert "Traceback" not in err
        assert "Exception" not in err

    @pytest.mark.parametrize("arguments", [(), ("--help",)])
    def test_closed_stdout(self, score: tuple[str, ...], arguments: tuple[str, ...]) -> None:
        code, _, err = self.run(*score, *arguments, closed=1)
        assert (code, err.splitlines()[-1]) == (1, "Error: stdout: cannot print the result (it is closed).")
        assert "Traceback" not in err

    def test_stderr_costs_nothing(self, score: tuple[str, ...]) -> None:
        expected = good(*score).stdout
        assert self.run(*score, closed=2)[:2] == (0, expected)
        with Path("/dev/full").open("w") as full:
            assert self.run(*score, stderr=full)[:2] == (0, expected)
            assert self.run("score", stderr=full)[0] == 2

    def test_files_do_not_get_the_number_of_a_closed_stream(self, score: tuple[str, ...]) -> None:
        code = "import os, sys\nfrom sodbench.cli.output import readable_streams\n"
        code += "with readable_streams():\n file = open('a.csv', 'w')\nsys.exit(file.fileno() < 3)"
        done = subprocess.run([sys.executable, "-c", code], preexec_fn=lambda: os.close(1), check=False)
        assert done.returncode == 0

    @pytest.mark.parametrize("option", ["--csv", "--per-image"])
    def test_file_on_a_full_device(self, score: tuple[str, ...], option: str) -> None:
        result = sodbench(*score, option, "/dev/full")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Error: /dev/full: cannot write this file (No space left on device)." in result.stderr

    def test_broken_pipe(self, score: tuple[str, ...]) -> None:
        read, write = os.pipe()
        os.close(read)
        code, _, err = self.run(*score, stdout=write)
        os.close(write)
        assert code == 1
        assert err.splitlines() == ["own: reused stored results for 4 of 4 unchanged maps."]

    def test_streams_are_given_back(self) -> None:
        before = sys.stdout, sys.stderr
        with readable_streams():
            show("")
            assert sys.stdout is not before[0]
        assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("score", "Interrupted. Finished images are kept; run the same command to continue.\n"),
        ("explain", "Interrupted. Finished images are kept; run the same command to continue.\n"),
        ("run", "Interrupted. Finished maps are kept; run the same command to continue.\n"),
        ("train", "Interrupted. The last checkpoint is kept, if there is one; continue with --resume RUN.\n"),
        *(
            (name, "Interrupted.\n")
            for name in ("compare", "worst", "table", "plot-pr", "models", "datasets")
        ),
    ],
)
def test_interrupted(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.Command.invoke", interrupted)
    words = {"compare": ("a", "b"), "score": ("a",), "explain": ("a",), "worst": ("a",), "plot-pr": ("a",)}
    result = sodbench(name, *words.get(name, ()))
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", said)


Finished = tuple[int, str, str]
