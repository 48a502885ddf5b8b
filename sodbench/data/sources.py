"""Where image files come from: a folder, or a zip as published; on this disk, or elsewhere by their address.

A source lists its image files once, folder by folder, and reads each as bytes. Archives are never
extracted, so none of their members can be written anywhere.
"""

import hashlib
import os
import re
import stat
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol
from unicodedata import normalize

from sodbench.data.archives import check_members, list_members, read_member
from sodbench.data.registry import lookup
from sodbench.errors import FileError, PredictionError, SodbenchError, escaped, first_few
from sodbench.utils.files import check_regular, read_file
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl, Url

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "tif", "tiff", "npy", "gif", "webp"),
        *("pgm", "ppm", "pbm", "pnm", "pfm", "avif", "jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "tga"),
    )
)
MAX_DEPTH = 3
RUN_FILE = "run.json"
"""What `sodbench run` writes beside its maps."""


class Origin(Protocol):
    """Where image files come from: what is alike for many of them, which are hundred thousands at times."""

    def where(self, name: str) -> str:
        """Return what messages call a file."""

    def read(self, name: str) -> bytes:
        """Return what a file holds, or raise FileError."""

    def seen_from(self, directory: str) -> "Origin":
        """Return the same for a process whose working directory is not `directory`."""


@dataclass(frozen=True, slots=True)
class InFolder:
    """Files below a folder of this disk, which is relative to `directory`, or to the working directory."""

    root: str
    directory: str = ""

    def where(self, name: str) -> str:
        """Return the path as the user wrote it."""
        return escaped(os.path.join(self.root, name))  # noqa: PTH118 (called for each image)

    def read(self, name: str) -> bytes:
        """Return what the file holds."""
        path = os.path.join(self.directory, self.root, name)  # noqa: PTH118 (the same)
        return read_file(path, FileError, "an image file")

    def seen_from(self, directory: str) -> "InFolder":
        """Return the folder with its whole path."""
        return replace(self, directory=directory)


@dataclass(frozen=True, slots=True)
class InZip:
    """A member of a zip."""

    path: PathOrUrl
    info: zipfile.ZipInfo

    def where(self, name: str) -> str:
        """Return ``archive.zip!member``."""
        return escaped(f"{self.path}!{name}")

    def read(self, name: str) -> bytes:
        """Return what the member holds."""
        return read_member(self.path, self.info, self.where(name))

    def seen_from(self, directory: str) -> "InZip":
        """Return the member of the zip with its whole path."""
        return self if isinstance(self.path, Url) else replace(self, path=Path(directory, self.path))


@dataclass(frozen=True, slots=True)
class AtUrl:
    """A file elsewhere, with its size in bytes where the listing said so."""

    url: Url
    size: int | None = None

    def where(self, name: str) -> str:
        """Return the address."""
        return escaped(str(self.url))

    def read(self, name: str) -> bytes:
        """Return what the file holds."""
        from sodbench.data.remote.reading import read_url

        return read_url(self.url, self.size)

    def seen_from(self, directory: str) -> "AtUrl":
        """Return the same: an address is whole."""
        return self


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file of a source.

    Parameters
    ----------
    name
        POSIX path relative to the source, e.g. ``"SOD/0001.png"``.
    origin
        Where it lies, and how it is read.
    group
        The group or video that the image belongs to, where a dataset has one folder for each.
    """

    name: str
    origin: Origin
    group: str = ""

    @property
    def where(self) -> str:
        """Its name in messages: the path, ``archive.zip!member``, or the address."""
        return self.origin.where(self.name)

    @property
    def stem(self) -> str:
        """File name without folders and suffix, by which predictions and masks are paired.

        Of two suffixes of images (``a.jpg.png``) neither counts. In a group it is ``group/name``. It is
        composed (Unicode's NFC): macOS used to write ``é`` as ``e`` and an accent.

        >>> ImageFile("a.jpg.png", InFolder("")).stem, ImageFile("x/v1.2.png", InFolder(""), group="x").stem
        ('a', 'x/v1.2')
        """
        base = self.name.rpartition("/")[2]
        stem = base.rpartition(".")[0] or base
        rest, dot, suffix = stem.rpartition(".")
        if rest and f".{suffix.lower()}" in IMAGE_SUFFIXES:
            stem = rest
        # Interned, since the maps of all methods on an image have the same.
        return sys.intern(normalize("NFC", f"{self.group}/{stem}" if self.group else stem))

    @property
    def folder(self) -> str:
        """Folder inside the source, ``""`` at its top."""
        return self.name.rpartition("/")[0]

    @property
    def home(self) -> str:
        """Folder inside the source that holds the groups; without groups, the one that holds the image."""
        return self.folder.removesuffix(self.group).removesuffix("/") if self.group else self.folder

    def read(self) -> bytes:
        """Return the file's bytes, or raise FileError."""
        return self.origin.read(self.name)

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


def seen_from(entry: ImageFile, directory: str) -> ImageFile:
    """Return a file to be read in another process, which may have another working directory.

    >>> seen_from(ImageFile("a.png", InFolder("maps")), "/data").origin
    InFolder(root='maps', directory='/data')
    """
    if directory == os.getcwd():  # noqa: PTH109 (called for each image)
        return entry
    return replace(entry, origin=entry.origin.seen_from(directory))


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
    encoding
        How the names in a zip were read that are not UTF-8 and not said to be; else "".
    """

    path: PathOrUrl
    groups: dict[str, tuple[ImageFile, ...]]
    ignored: tuple[str, ...]
    encoding: str = ""


def told_apart(entries: Sequence[ImageFile]) -> str:
    """List files, with escapes where their names look alike (``é`` in one or in two letters)."""
    names = [entry.where for entry in entries]
    alike = len({normalize("NFC", name) for name in names}) < len(names)
    return " and ".join(map(ascii, names) if alike else names)


def of_group(entries: Sequence[ImageFile], group: str) -> tuple[ImageFile, ...]:
    """Return the images of one folder as those of a group."""
    return tuple(replace(entry, group=group) for entry in entries)


class PassedOver(NamedTuple):
    """What of a folder or zip is not used: files that are not images, and folders that hold images.

    `encoding` is that of a `Source`.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    encoding: str = ""

    def notices(self, path: PathOrUrl, kind: str, why: str = "") -> list[str]:
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
        if self.encoding:
            lines.append(f"{path}: it does not say how names are encoded; they are read as {self.encoding}")
        if files := [name for name in self.files if PurePosixPath(name).name != RUN_FILE]:
            lines.append(f"{path}: files that are no {kind}, passed over: {len(files)} ({first_few(files)})")
        if self.folders:
            names = [folder or "the top folder" for folder in self.folders]
            why = why or f"beside the {kind}"
            line = f"{path}: folders of images {why}, passed over: {len(names)} ({first_few(names)})"
            below = [f"pass {path / folder}" for folder in self.folders if folder]
            way = "unpack the zip and pass it" if path.is_file() else "".join(below[:1])
            lines.append(f"{line}; to use one, {way}" if way else line)
        return lines


def open_source(path: PathOrUrl) -> Source:
    """List the images of a folder (to a depth of 3 folders) or of a zip.

    Raises
    ------
    PredictionError
        The path does not exist, is neither a folder nor a zip, the zip is damaged, or a file's
        name is not valid Unicode; or what is elsewhere cannot be read.
    """
    if isinstance(path, Url):
        return _zip(path) if path.is_file() else _remote_folder(path)
    if os.path.isdir(path):  # noqa: PTH112 (a name that no file can have is no folder, too)
        return _folder(path)
    if not os.path.exists(path):  # noqa: PTH110
        dataset = lookup(str(path))
        way = f" The dataset is chosen by --dataset {dataset.name}." if dataset else ""
        if re.match("(https?|s3|gs|hf):/", str(path)):
            way = " An address is passed as text: a Path has lost one of its slashes."
        raise PredictionError(f"{path}: no such folder or zip file.{way}")
    check_regular(path, PredictionError, "a folder or a zip")
    if single_image(path):
        raise PredictionError(
            f"{path}: is a single image, expected a folder or a zip. Pass the folder that holds it."
        )
    if not zipfile.is_zipfile(path):
        raise PredictionError(
            f"{path}: found a file that is not a zip (or a damaged one), expected a folder or a zip. "
            "Unpack other archives first; download a damaged one again."
        )
    return _zip(path)


def single_image(path: PathOrUrl) -> ImageFile | None:
    """Return an image file given by itself; None for a folder and for a file with another suffix."""
    if isinstance(path, Url):
        return _remote_file(path, path.name) if _is_image(path.name) else None
    if os.path.isdir(path) or not _is_image(path.name):  # noqa: PTH112
        return None
    return file_at(path)


def file_at(path: Path) -> ImageFile:
    """Return one file of this disk.

    >>> file_at(Path("a.png")).where, file_at(Path("maps/a.png")).name
    ('a.png', 'a.png')
    """
    folder, name = os.path.split(path)
    return ImageFile(name, InFolder(folder))


def suffixes_read(kind: str) -> str:
    """List the suffixes of ``"maps"``, ``"masks"`` or ``"photos"`` for a message; no photo is an array."""
    suffixes = IMAGE_SUFFIXES - {".npy"} if kind == "photos" else IMAGE_SUFFIXES
    return f"Images are files named {', '.join(sorted(suffixes))}."


def _is_image(name: str) -> bool:
    *folders, base = name.split("/")
    if base.startswith(".") or any(map(_is_hidden, folders)):
        return False
    return os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (a listing has thousands)


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder == "__MACOSX"


def _source(path: PathOrUrl, entries: list[ImageFile], ignored: list[str], encoding: str = "") -> Source:
    if strange := [ascii(e.name) for e in entries if not is_unicode(e.name)]:
        raise PredictionError(
            f"{path}: found {counted(len(strange), 'image')} whose name is not valid Unicode "
            f"({first_few(sorted(strange))}). Rename them, or set a UTF-8 locale."
        )
    groups: dict[str, list[ImageFile]] = {}
    for entry in sorted(entries, key=lambda e: e.name):
        groups.setdefault(entry.folder, []).append(entry)
    return Source(path, {k: tuple(groups[k]) for k in sorted(groups)}, tuple(sorted(ignored)), encoding)


def _folder(root: Path) -> Source:
    entries: list[ImageFile] = []
    ignored: list[str] = []
    origin = InFolder(str(root))

    def walk(folder: Path, prefix: str, depth: int) -> None:
        with os.scandir(folder) as items:
            for item in items:
                name = prefix + item.name
                if _is_image(name):
                    entries.append(ImageFile(sys.intern(name), origin))
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


def _remote_folder(root: Url) -> Source:
    from sodbench.data.remote.reading import list_folder

    entries: list[ImageFile] = []
    ignored: list[str] = []

    def walk(folder: Url, prefix: str, depth: int) -> None:
        for item in list_folder(folder):
            name, url = prefix + item.name, folder.child(item.name)
            if not item.is_folder:
                if _is_image(name):
                    entries.append(_remote_file(url, name, item.size))
                else:
                    ignored.append(name)
            elif depth < MAX_DEPTH and not _is_hidden(item.name):
                walk(url, name + "/", depth + 1)
            else:
                ignored.append(name + "/")

    try:
        walk(root, "", 0)
    except FileError as error:
        raise PredictionError(str(error)) from error
    return _source(root, entries, ignored)


def _remote_file(url: Url, name: str, size: int | None = None) -> ImageFile:
    return ImageFile(name, AtUrl(url, size))


def is_unicode(name: str) -> bool:
    """Tell whether a name from the disk can be written as UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _is_unsafe(name: str, info: zipfile.ZipInfo) -> bool:
    pure = PurePosixPath(name)
    return pure.is_absolute() or ".." in pure.parts or stat.S_ISLNK(info.external_attr >> 16)


def _zip(path: PathOrUrl) -> Source:
    members = list_members(path)
    images = [m for m in members.files if _is_image(m.name) and not _is_unsafe(*m)]
    check_members(path, images)
    entries = [ImageFile(name, InZip(path, info)) for name, info in images]
    taken = {id(image.info) for image in images}
    ignored = [_shown(m.name) for m in members.files if id(m.info) not in taken]
    return _source(path, entries, list(dict.fromkeys(ignored)), members.encoding)


def _shown(name: str) -> str:
    """Name the hidden folder in which a member lies, instead of each file in it."""
    folders = name.split("/")[:-1]
    hidden = [k for k, folder in enumerate(folders, 1) if folder != ".." and _is_hidden(folder)]
    return "/".join(folders[: hidden[0]]) + "/" if hidden else name


def digest_of(data: bytes) -> str:
    """Return the digest by which stored rows identify a file's content."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
