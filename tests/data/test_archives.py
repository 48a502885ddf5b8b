"""Zips that break the format's rules, hide their names or would fill the memory."""

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sodbench.data import archives
from sodbench.data.sources import PassedOver, open_source
from sodbench.errors import PredictionError

PLAIN = b"pixels"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def zipped(names: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return bytearray(file.getvalue())


def in_raw_bytes(*names: bytes) -> bytearray:
    """A zip of names in any encoding, of which it does not say which."""
    stands_for = {"qxz"[k] * len(name): name for k, name in enumerate(names)}
    data = zipped(dict.fromkeys(stands_for, PLAIN))
    for ascii_name, name in stands_for.items():
        data = data.replace(ascii_name.encode(), name)
    return data


def listed(data: bytes) -> list[str]:
    Path("maps.zip").write_bytes(data)
    return [entry.name for entries in open_source(Path("maps.zip")).groups.values() for entry in entries]


def refused(data: bytes, match: str) -> None:
    """Check that the zip, or a file in it, is one error of one line."""
    Path("maps.zip").write_bytes(data)
    with pytest.raises(PredictionError, match=rf"\A{match}\Z"):
        open_source(Path("maps.zip")).groups[""][0].content(PredictionError)


def patched(data: bytearray, at: int, value: int, *, local: bool = True, central: bool = True) -> bytearray:
    """Set 16 bits that both of a member's headers have; `at` is their place in the local one."""
    for magic, shift, wanted in ((b"PK\3\4", 0, local), (b"PK\1\2", 2, central)):
        start = data.index(magic)
        if wanted:
            struct.pack_into("<H", data, start + at + shift, value)
    return data


def test_names_said_to_be_utf_8_that_are_not() -> None:
    data = patched(in_raw_bytes(b"\xff\xfe.png"), 6, 1 << 11)
    refused(data, "maps.zip: cannot read this zip .a name that is said to be UTF-8 is not.. Download it .*")
    data = patched(zipped({"ab.png": PLAIN}), 6, 1 << 11, central=False)
    data[data.index(b"ab.png")] = 0xFF
    refused(data, "maps.zip!ab.png: cannot read this member of the zip .a name that is said to be UTF-8 .*")


def test_a_version_to_come() -> None:
    data = patched(zipped({"a.png": PLAIN}), 4, 99)
    refused(data, r"maps\.zip: cannot read this zip \(not supported: zip file version 9\.9\)\. .*")


def test_encrypted() -> None:
    refused(
        patched(zipped({"a.png": PLAIN}), 6, 1),
        r"maps\.zip: 1 image encrypted \(a\.png\), expected a zip without a password\. Unpack it, and .*",
    )


@pytest.mark.parametrize(
    ("method", "name"), [(9, "deflate64"), (12, "bzip2"), (14, "LZMA"), (77, "method 77")]
)
def test_compressed_in_another_way(method: int, name: str) -> None:
    refused(
        patched(zipped({"a.png": PLAIN}), 8, method),
        rf"maps\.zip: 1 image compressed by {name} \(a\.png\), expected deflate\. Unpack it, and .*",
    )


def test_names_that_are_utf_8_and_not_said_to_be() -> None:
    assert listed(in_raw_bytes("图/é.png".encode(), b"a\\b.png")) == ["a/b.png", "图/é.png"]
    assert open_source(Path("maps.zip")).encoding == ""


def test_names_that_are_utf_8_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "gbk")
    data = zipped({"图.png": PLAIN, "é.png": PLAIN})
    assert listed(data) == ["é.png", "图.png"]
    assert open_source(Path("maps.zip")).encoding == ""


def test_names_end_at_a_null_character() -> None:
    assert listed(in_raw_bytes(b"\x82.png\0.txt", b"a.png\0.txt")) == ["a.png", "é.png"]


def test_folders_with_backslashes_are_no_files() -> None:
    assert listed(zipped({"m\\": b"", "m\\a.png": PLAIN})) == ["m/a.png"]
    assert open_source(Path("maps.zip")).ignored == ()


def test_a_zip_that_is_written_anew_is_read_anew() -> None:
    assert listed(zipped({"a.png": PLAIN})) == ["a.png"]
    Path("maps.zip").write_bytes(zipped({"b.png": PLAIN}))
    os.utime("maps.zip", ns=(1, 1))
    assert [entry.name for entry in open_source(Path("maps.zip")).groups[""]] == ["b.png"]


def test_names_in_the_encoding_of_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "gbk")
    assert "乗".encode("gbk").endswith(b"\\")
    assert listed(in_raw_bytes("图乗.png".encode("gbk"), "夹\\乗a.png".encode("gbk"))) == [
        "图乗.png",
        "夹/乗a.png",
    ]
    source = open_source(Path("maps.zip"))
    assert PassedOver((), (), source.encoding).notices(source.path, "maps") == [
        "maps.zip: it does not say how names are encoded; they are read as gbk"
    ]


def test_names_in_no_encoding_known_here_keep_their_second_bytes() -> None:
    names = listed(in_raw_bytes("乗.png".encode("gbk"), b"a\\b.png"))
    assert names == ["ü\\.png", "a/b.png"]
    assert open_source(Path("maps.zip")).encoding == "cp437"


def test_larger_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 5)
    refused(
        zipped({"a.png": PLAIN}),
        r"maps\.zip!a\.png: has 6 bytes, expected at most 5\. Unpack it, and pass the folder\.",
    )


def test_just_as_large_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", len(PLAIN))
    Path("maps.zip").write_bytes(zipped({"a.png": PLAIN}))
    assert open_source(Path("maps.zip")).groups[""][0].content(PredictionError) == PLAIN


def test_no_more_is_read_than_stated() -> None:
    data = zipped({"a.png": bytes(60_000_000)}, zipfile.ZIP_DEFLATED)
    for magic, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(magic) + at, 100)
    tracemalloc.start()
    refused(
        data, r"maps\.zip!a\.png: cannot read this member of the zip \(Bad CRC-32 for file 'a\.png'\)\. .*"
    )
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_shorter_than_stated() -> None:
    data = zipped({"a.png": PLAIN * 9}, zipfile.ZIP_DEFLATED)
    for magic, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(magic) + at, 1000)
    refused(data, r"maps\.zip!a\.png: cannot read this member of the zip \(54 bytes, expected 1000\)\. .*")


def test_hidden_folders_are_named_once() -> None:
    members = [
        *(f"__MACOSX/m/._{k}.png" for k in range(9)),
        "m/.git/a.png",
        "m/a.png",
        "m/readme.txt",
        "../x.png",
    ]
    assert listed(zipped(dict.fromkeys(members, PLAIN))) == ["m/a.png"]
    assert open_source(Path("maps.zip")).ignored == ("../x.png", "__MACOSX/", "m/.git/", "m/readme.txt")


def test_names_that_no_file_can_have() -> None:
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(PredictionError, match="no such folder or zip file"):
            open_source(Path(name))


def test_zips_of_many_methods_are_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read in turn, image by image; opening one reads its whole list of members."""
    opened = []
    open_zip = zipfile.ZipFile

    def counted(path: Path) -> zipfile.ZipFile:
        opened.append(path.name)
        return open_zip(path)

    paths = [Path(f"{k}.zip") for k in range(40)]
    data = zipped({"a.png": PLAIN, "b.png": PLAIN})
    monkeypatch.setattr(archives.zipfile, "ZipFile", counted)
    for path in paths:
        path.write_bytes(data)
    sources = [open_source(path).groups[""] for path in paths]
    for image in range(2):
        assert [entries[image].content(PredictionError) for entries in sources] == [PLAIN] * 40
    assert opened == [path.name for path in paths]
