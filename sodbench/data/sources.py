"""Where image files come from: a folder, or a zip as published.

A source lists its image files once, folder by folder, and reads each as bytes. Archives are never
extracted, so none of their members can be written anywhere.
"""

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

from sodbench.errors import FileError, PredictionError, SodbenchError, escaped, first_few
from sodbench.utils.files import check_regular, read_file
from sodbench.utils.text import counted

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "tif", "tiff", "npy", "gif", "webp"),
        *("pgm", "ppm", "pbm", "pnm", "pfm", "avif", "jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "tga"),
    )
)
MAX_DEPTH = 3
MAX_MEMBER_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file of a source.

    Parameters
    ----------
    name
        POSIX path relative to the source, e.g. ``"SOD/0001.png"``.
    where
        Its name in messages: the path, or ``archive.zip!member``.
    read
        Returns the file's bytes, or raises FileError. Callers use `content`.
    """

    name: str
    where: str
    read: Callable[[], bytes]

    @property
    def stem(self) -> str:
        """File name without folders and suffix, by which predictions and masks are paired.

        It is composed (Unicode's NFC): macOS used to write ``é`` as ``e`` and an accent.
        """
        base = self.name.rpartition("/")[2]
        return normalize("NFC", base.rpartition(".")[0] or base)

    @property
    def folder(self) -> str:
        """Folder inside the source, ``""`` at its top."""
        return self.name.rpartition("/")[0]

    def content(self, error: type[SodbenchError]) -> bytes:
        """Read the file.

        Parameters
        ----------
        error
            Exception to raise if it cannot be read.
        """
        try:
            return self.read()
        except FileError as cause:
            raise error(str(cause)) from cause


@dataclass(frozen=True, slots=True)
class Source:
    """The image files of a folder or a zip, and what was skipped.

    Parameters
    ----------
    path
        The folder or zip.
    groups
        Folder inside the source (``""`` for its top) -> its image files, both sorted by name.
        A directory with an image's suffix is listed among the files, and cannot be read.
    ignored
        Names of files that are not images, unsafe or junk (``Thumbs.db``, ``run.json``, ``../x.png`` ...),
        and of folders that were not entered, as ``name/``: hidden ones, ``__MACOSX``, and those too deep.
    """

    path: Path
    groups: dict[str, tuple[ImageFile, ...]]
    ignored: tuple[str, ...]


def told_apart(entries: Sequence[ImageFile]) -> str:
    """List files, with escapes where their names look alike (``é`` in one or in two letters)."""
    names = [entry.where for entry in entries]
    alike = len({normalize("NFC", name) for name in names}) < len(names)
    return " and ".join(map(ascii, names) if alike else names)


class PassedOver(NamedTuple):
    """What of a folder or zip is not used: files that are not images, and folders that hold images."""

    files: tuple[str, ...]
    folders: tuple[str, ...]

    def notices(self, path: Path, kind: str, why: str = "") -> list[str]:
        """Say what is not used, and the way to use a folder.

        Parameters
        ----------
        path
            The folder or zip.
        kind
            What its images are: maps, masks, photos.
        why
            Why folders are passed over.

        Examples
        --------
        >>> PassedOver(("a.txt",), ("more",)).notices(Path("m"), "masks")  # doctest: +NORMALIZE_WHITESPACE
        ['m: files that are no masks, passed over: 1 (a.txt)',
         'm: folders of images beside the masks, passed over: 1 (more); to use one, pass m/more']
        """
        lines = []
        if self.files:
            files = f"{len(self.files)} ({first_few(self.files)})"
            lines.append(f"{path}: files that are no {kind}, passed over: {files}")
        if self.folders:
            names = [folder or "the top folder" for folder in self.folders]
            why = why or f"beside the {kind}"
            line = f"{path}: folders of images {why}, passed over: {len(names)} ({first_few(names)})"
            below = [f"pass {path / folder}" for folder in self.folders if folder]
            way = "unpack the zip and pass it" if path.is_file() else "".join(below[:1])
            lines.append(f"{line}; to use one, {way}" if way else line)
        return lines


def open_source(path: Path) -> Source:
    """List the images of a folder (to a depth of 3 folders) or of a zip.

    Raises
    ------
    PredictionError
        The path does not exist, is neither a folder nor a zip, the zip is damaged, or a file's
        name is not valid Unicode.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise PredictionError(f"{path}: no such folder or zip file.")
    check_regular(path, PredictionError, "a folder or a zip")
    if not zipfile.is_zipfile(path):
        raise PredictionError(
            f"{path}: found a file that is not a zip (or a damaged one), expected a folder or a zip of maps. "
            "Unpack other archives first; download a damaged one again."
        )
    return _zip(path)


def _is_image(name: str) -> bool:
    *folders, base = name.split("/")
    if base.startswith(".") or any(map(_is_hidden, folders)):
        return False
    return os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (a listing has thousands)


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder == "__MACOSX"


def _source(path: Path, entries: list[ImageFile], ignored: list[str]) -> Source:
    if strange := [ascii(e.name) for e in entries if not is_unicode(e.name)]:
        raise PredictionError(
            f"{path}: found {counted(len(strange), 'image')} whose name is not valid Unicode "
            f"({first_few(sorted(strange))}). Rename them, or set a UTF-8 locale."
        )
    groups: dict[str, list[ImageFile]] = {}
    for entry in sorted(entries, key=lambda e: e.name):
        groups.setdefault(entry.folder, []).append(entry)
    return Source(path, {k: tuple(groups[k]) for k in sorted(groups)}, tuple(sorted(ignored)))


def _folder(root: Path) -> Source:
    entries: list[ImageFile] = []
    ignored: list[str] = []

    def walk(folder: Path, prefix: str, depth: int) -> None:
        with os.scandir(folder) as items:
            for item in items:
                name = prefix + item.name
                if _is_image(name):
                    read = partial(read_file, item.path, FileError, "an image file")
                    entries.append(ImageFile(name, escaped(item.path), read))
                elif not item.is_dir():
                    ignored.append(name)
                elif depth < MAX_DEPTH and not _is_hidden(item.name):
                    walk(Path(item.path), name + "/", depth + 1)
                else:
                    ignored.append(name + "/")

    try:
        walk(root, "", 0)
    except OSError as error:
        raise PredictionError(f"{error.filename}: cannot list this folder ({error.strerror}).") from error
    return _source(root, entries, ignored)


def is_unicode(name: str) -> bool:
    """Tell whether a name from the disk can be written as UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _archive(path: Path) -> zipfile.ZipFile:
    state = path.stat()
    return _opened(path, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _opened(path: Path, *state: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, LZMAError, OSError, EOFError, KeyError),
    *(NotImplementedError, RuntimeError),
)


def _read_member(path: Path, member: str) -> bytes:
    try:
        return _archive(path).read(member)
    except _DAMAGED as error:
        raise FileError(
            f"{path}!{member}: cannot read this member of the zip ({error}). "
            "Download the zip again, or unpack it yourself."
        ) from error


def _is_unsafe(info: zipfile.ZipInfo) -> bool:
    pure = PurePosixPath(info.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return pure.is_absolute() or ".." in pure.parts or is_link or info.file_size > MAX_MEMBER_BYTES


def _zip(path: Path) -> Source:
    entries: list[ImageFile] = []
    ignored: list[str] = []
    try:
        members = _archive(path).infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise PredictionError(f"{path}: cannot read this zip ({error}). Download it again.") from error
    for info in members:
        name = info.filename.replace("\\", "/")  # some archives made on Windows violate the format
        if name.endswith("/"):
            continue
        if _is_image(name) and not _is_unsafe(info):
            entries.append(
                ImageFile(name, escaped(f"{path}!{name}"), partial(_read_member, path, info.filename))
            )
        else:
            ignored.append(name)
    return _source(path, entries, ignored)


def digest_of(data: bytes) -> str:
    """Return the digest by which stored rows identify a file's content."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
