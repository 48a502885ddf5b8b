"""Object stores, by way of fsspec: here one in memory has the place of S3; `test_s3` asks a real server."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fsspec
import pytest
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.memory import MemoryFileSystem
from workspace import plant_maps

from sodbench.data.discovery import discover
from sodbench.data.remote import reading, stores
from sodbench.data.sources import open_source
from sodbench.errors import FileError, PredictionError
from sodbench.utils.urls import path_or_url


class Store(MemoryFileSystem):
    """A store whose `error`, if there is one, is raised by whatever is asked; `asked` counts."""

    protocol = "s3"
    store: dict[str, Any] = {}
    pseudo_dirs = [""]
    error: Exception | None = None
    spans: list[tuple[int | None, int | None]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("s3://").strip("/")

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if self.error:
            raise self.error
        return super().ls(path, detail, **options)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        if self.error:
            raise self.error
        self.spans.append((start, end))
        return super().cat_file(path, start=start, end=end, **options)


@pytest.fixture
def store(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Store]]:
    """A bucket with maps, as a folder and as a zip."""
    fsspec.register_implementation("s3", Store, clobber=True)
    stores._filesystem.cache_clear()
    content = BytesIO()
    filesystem = Store()
    with zipfile.ZipFile(content, "w") as archive:
        for file in plant_maps(tmp_path / "maps").iterdir():
            filesystem.pipe(f"bucket/my maps/A%20/SOD/{file.name}", file.read_bytes())
            archive.write(file, file.name)
    filesystem.pipe("bucket/my maps/read?me#1.txt", b"x")
    filesystem.pipe("bucket/maps.zip", content.getvalue())
    Store.spans.clear()
    yield Store
    Store.store.clear()
    monkeypatch.setattr(Store, "error", None)
    stores._filesystem.cache_clear()


def test_folders(store: type[Store], tmp_path: Any) -> None:
    """Names in a store have no escapes: ``A%20`` is called so."""
    sets, notices = discover(path_or_url("s3://bucket/my maps"))
    assert [(s.method, len(s.entries)) for s in sets] == [("A%20", 4)]
    assert notices == ["s3://bucket/my maps: files that are no maps, passed over: 1 (read?me#1.txt)"]
    for entry in sets[0].entries:
        assert entry.where == f"s3://bucket/my maps/A%20/SOD/{entry.name.split('/')[-1]}"
        assert entry.read() == (tmp_path / "maps" / entry.name.split("/")[-1]).read_bytes()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_folder_that_lists_itself(store: type[Store], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made in a console is an object, too."""
    ls = Store.ls

    def with_itself(self: Store, path: str, detail: bool = True, **options: Any) -> Any:
        return [{"name": f"{path}/", "type": kind, "size": 0}, *ls(self, path, detail, **options)]

    monkeypatch.setattr(Store, "ls", with_itself)
    found = open_source(path_or_url("s3://bucket/my maps/A%20/SOD"))
    assert (len(found.groups[""]), found.ignored) == (4, ())


def test_zips_by_parts(store: type[Store]) -> None:
    entries = open_source(path_or_url("s3://bucket/maps.zip")).groups[""]
    assert len({entry.read() for entry in entries}) == len(entries) == 4
    assert len(store.spans) == 5
    assert (None, None) not in store.spans


def test_bounds(store: type[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 50)
    entry = open_source(path_or_url("s3://bucket/my maps/A%20/SOD")).groups[""][0]
    with pytest.raises(FileError, match=r"im0.png: has \d+ bytes, expected at most 50"):
        entry.read()
    with pytest.raises(FileError, match=r"im0.png: has \d+ bytes, expected at most 50"):
        reading.read_url(path_or_url("s3://bucket/my maps/A%20/SOD/im0.png"))  # type: ignore[arg-type]
    assert store.spans == []


def test_nothing_there(store: type[Store]) -> None:
    for path in ("nothing", "nothing.zip"):
        with pytest.raises(PredictionError, match=rf"s3://bucket/{path}: there is nothing at this address"):
            open_source(path_or_url(f"s3://bucket/{path}"))


class NoCredentialsError(Exception):
    """As botocore calls it."""


@pytest.mark.parametrize(
    ("error", "match"),
    [
        (
            PermissionError("Forbidden"),
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE",
        ),
        (NoCredentialsError(), "may not be read with the credentials that were found"),
        (FSTimeoutError(), r"no answer within 30 s \(SODBENCH_TIMEOUT\). Try again later"),
        (IsADirectoryError(), "is a folder, expected a file"),
        (OSError(5, "slow\ndown"), r"cannot be read \(OSError: '\[Errno 5\] slow'\). Check the address"),
        (
            ValueError("403 for url: https://cdn.host/a?X-Amz-Signature=hunter2, or so?"),
            r"403 for url: https://cdn.host/a or so\?",
        ),
        (ImportError("Install s3fs"), r"not installed. Run: pip install 'sodbench\[remote\]' s3fs"),
    ],
)
def test_failures(store: type[Store], error: Exception, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = open_source(path_or_url("s3://bucket/my maps/A%20/SOD")).groups[""][0]
    monkeypatch.setattr(Store, "error", error)
    with pytest.raises(PredictionError, match=f"^s3://bucket/my maps/A%20/SOD/im0.png: .*{match}"):
        entry.content(PredictionError)
    with pytest.raises(PredictionError, match=f"^s3://bucket/my maps: .*{match}"):
        open_source(path_or_url("s3://bucket/my maps"))


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("hf", "huggingface_hub")])
def test_not_installed(scheme: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError(f"Install {package}")

    monkeypatch.setattr(fsspec, "filesystem", absent)
    stores._filesystem.cache_clear()
    with pytest.raises(PredictionError, match=rf"Run: pip install 'sodbench\[remote\]' {package}$"):
        open_source(path_or_url(f"{scheme}://bucket/maps"))
