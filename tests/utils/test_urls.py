"""Addresses: what they name, and what they never show."""

import pickle
from pathlib import Path

import pytest

from sodbench.errors import FileError
from sodbench.utils.urls import Url, on_this_disk, path_or_url


def url(text: str) -> Url:
    parsed = path_or_url(text)
    assert isinstance(parsed, Url)
    return parsed


@pytest.mark.parametrize(
    "path", ["maps", "/maps", "C:\\maps", "C://maps", "s3:/maps", "./s3://maps", "a b", "~"]
)
def test_paths_are_paths(path: str) -> None:
    assert path_or_url(path) == Path(path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host", "https://host"),
        ("HTTPS://host/", "https://host"),
        ("https://host:8080//a/./b/", "https://host:8080/a/b"),
        ("https://host/a b/é/%23%2F", "https://host/a%20b/%C3%A9/%23%2F"),
        ("https://host/a%20b#part", "https://host/a%20b"),
        ("https://user:p%40ss@host/a.zip?X-Amz-Signature=1", "https://host/a.zip"),
        ("https://user:p@ss@host/a", "https://host/a"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("https://host/caf%E9/\udce9", "https://host/caf%E9/%E9"),
        ("s3://bucket/a b/é%20?x#y", "s3://bucket/a b/é%20?x#y"),
        ("s3://arn:aws:s3:eu-west-1:1:accesspoint/a", "s3://arn:aws:s3:eu-west-1:1:accesspoint/a"),
        ("hf://datasets/user/repo@main/maps", "hf://datasets/user/repo@main/maps"),
    ],
)
def test_written(text: str, shown: str) -> None:
    assert str(url(text)) == shown
    assert str(url(shown)) == shown


def test_the_whole_address_is_sent() -> None:
    text = "https://user:p%40ss@host/a%20b.zip?X-Amz-Signature=1%2F2&b"
    assert url(text).address == text
    assert url(text).folder_address == "https://user:p%40ss@host/a%20b.zip/?X-Amz-Signature=1%2F2&b"
    assert (url(text).parent / "c/d").address == "https://user:p%40ss@host/c/d?X-Amz-Signature=1%2F2&b"
    assert "ss" not in repr(url(text))
    assert "Signature" not in repr(url(text))
    assert pickle.loads(pickle.dumps(url(text))).address == text


def test_a_user_of_windows_is_sent_to_the_host() -> None:
    """Libraries end a host at a backslash, and would ask one named DOMAIN for the password."""
    assert url("https://DOMAIN\\me:p@host/a").address == "https://DOMAIN%5Cme:p@host/a"


def test_names() -> None:
    zipped = url("https://host/preds/SOD.ZIP")
    assert (zipped.name, zipped.stem, zipped.suffix, zipped.is_file()) == ("SOD.ZIP", "SOD", ".ZIP", True)
    assert [folder.name for folder in zipped.parents] == ["preds", "host"]
    assert zipped.parent.parent.parent == url("https://host")
    assert zipped.parts == ("https://host", "preds", "SOD.ZIP")
    assert url("s3://bucket").name == "bucket"
    assert not url("s3://bucket/v1.2").is_file()
    assert url("https://host/a").child("b/c").address == "https://host/a/b%2Fc"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "ftp://me:hunter2@host/a?hunter3",
            "^ftp://host/a: ftp:// cannot be read, expected https://, http://, s3://",
        ),
        ("file:///data/masks", "file:///data/masks: file:// cannot be read.* Pass the path itself"),
        ("memory://a", "memory:// cannot be read"),
        ("https://", "no name of a host, expected https://host/maps"),
        ("https:///maps", "no name of a host"),
        ("https://me:hunter2@/maps", "no name of a host"),
        ("https://host:port/maps", "no name of a host"),
        ("https://[::1/maps", "no name of a host"),
        ("https://ho st/maps", "no name of a host"),
        (
            "https://host/a/../b",
            r"https://host/...: expected an address such as https://host/maps, without \.\.",
        ),
        ("https://host/a/%2E%2E/b", r"without \.\."),
        ("s3:///maps", "such as s3://bucket/maps"),
        ("s3://key:hunter2@bucket/maps", r"^s3://bucket/\.\.\.: .*without a user"),
        ("s3://key:hunter/2@bucket/maps", r"^s3://\.\.\./\.\.\.: .*without a user"),
        ("https://me:hunter/2@host/maps", r"^https://\.\.\.: .* In a user and password, write / "),
        ("https://me:hunter#2@host/maps", r"^https://\.\.\.: .*no name of a host.* as %2F %3F %23"),
        ("https://host\\x/maps", "no name of a host"),
        ("ftp://me:pass@host/a?by=me@home&sig=hunter3", r"^ftp://\.\.\.: ftp:// cannot be read"),
        ("ftp://me:hunter?2@host/a", r"^ftp://\.\.\.: "),
    ],
)
def test_refused(text: str, match: str) -> None:
    with pytest.raises(FileError, match=match) as told:
        path_or_url(text)
    assert "hunter" not in str(told.value)


def test_a_path_on_this_disk_is_asked_for() -> None:
    assert on_this_disk(Path("a"), "--maps") == Path("a")
    with pytest.raises(
        FileError, match="^s3://b/a: is an address, expected a path on this disk for --maps. Addr"
    ):
        on_this_disk(url("s3://b/a"), "--maps")
