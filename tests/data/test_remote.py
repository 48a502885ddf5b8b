"""Files on web servers are read as those on this disk, and every failure is told in a line."""

import pickle
import socket
import ssl
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from multiprocessing import get_context
from pathlib import Path

import pytest
from requests import Response
from webserver import Behaviour, serving
from workspace import map_of, plant_maps, plant_masks, save

from sodbench.data.archives import MAX_MEMBER_BYTES
from sodbench.data.discovery import discover
from sodbench.data.locations import from_masks, list_images
from sodbench.data.remote import reading, web, zips
from sodbench.data.run_files import made_with
from sodbench.data.sources import ImageFile, Source, open_source
from sodbench.errors import DatasetError, FileError, PredictionError
from sodbench.models.photo_sets import Target, photo_sets
from sodbench.utils.urls import Url, path_or_url


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of maps and masks, as folders and as zips."""
    root = tmp_path_factory.mktemp("served")
    plant_maps(root / "preds" / "A" / "SOD")
    plant_maps(root / "preds" / "B" / "SOD", seed=1)
    plant_masks(root / "own" / "masks")
    odd = root / "odd" / "more é"
    for name in ("a b", "50%25", "á", "a+b", "a&amp;b", "#1"):
        save(map_of(1), odd / f"{name}.png")
    (odd / "notes.txt").write_text("x")
    (odd / ".hidden").mkdir()
    (root / "empty").mkdir()
    deep = root / "deep" / "1" / "2" / "3" / "4"
    save(map_of(0), deep / "a.png")
    for name, compression in (("maps.zip", zipfile.ZIP_DEFLATED), ("stored.zip", zipfile.ZIP_STORED)):
        with zipfile.ZipFile(root / name, "w", compression) as archive:
            for file in sorted((root / "preds" / "A" / "SOD").iterdir()):
                archive.write(file, f"SOD/{file.name}")
    return root


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[tuple[str, Behaviour]]:
    """One server for all tests of this file."""
    with serving(files) as running:
        yield running


@pytest.fixture
def web_of(
    server: tuple[str, Behaviour], files: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Behaviour]:
    """The server's behaviour, which is that of a good one again after the test; waits are short."""
    monkeypatch.setattr(web, "WAITS", (0.01, 0.01))
    monkeypatch.setenv("NO_PROXY", "*")
    _, behaviour = server
    behaviour.asked.clear()
    yield behaviour
    behaviour.__init__(files)  # type: ignore[misc]


@pytest.fixture
def at(server: tuple[str, Behaviour], web_of: Behaviour) -> Url:
    """The server's address."""
    url = path_or_url(server[0])
    assert isinstance(url, Url)
    return url


def contents(source: Source) -> dict[str, bytes]:
    return {entry.name: entry.read() for entries in source.groups.values() for entry in entries}


def no_secret(error: BaseException, *secrets: str) -> None:
    """Neither a message nor what it was raised from has a secret."""
    while error:
        assert not [secret for secret in secrets if secret in f"{error} {error!r}"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)  # type: ignore[assignment]


class TestFolders:
    def test_as_on_this_disk(self, at: Url, files: Path) -> None:
        there, here = open_source(at / "preds"), open_source(files / "preds")
        assert contents(there) == contents(here)
        assert list(there.groups) == list(here.groups) == ["A/SOD", "B/SOD"]

    def test_names_that_are_escaped(self, at: Url, files: Path) -> None:
        there, here = open_source(at / "odd"), open_source(files / "odd")
        assert contents(there) == contents(here)
        assert there.ignored == here.ignored == ("more é/.hidden/", "more é/notes.txt")
        (entry,) = (e for e in there.groups["more é"] if e.stem == "50%25")
        assert entry.where == f"{at}/odd/more%20%C3%A9/50%2525.png"

    def test_no_deeper_than_on_this_disk(self, at: Url, files: Path) -> None:
        assert open_source(at / "deep").ignored == open_source(files / "deep").ignored == ("1/2/3/4/",)

    def test_methods_and_datasets(self, at: Url) -> None:
        sets, notices = discover(at / "preds")
        assert [(s.method, s.dataset.name if s.dataset else "", len(s.entries)) for s in sets] == [
            ("A", "SOD", 4),
            ("B", "SOD", 4),
        ]
        assert notices == []
        sets, _ = discover(at / "preds" / "A" / "SOD")
        assert [(s.method, s.dataset.name if s.dataset else "") for s in sets] == [("A", "SOD")]

    def test_masks_make_a_dataset_of_their_own(self, at: Url) -> None:
        location = from_masks(at / "own" / "masks")
        assert (location.dataset.name, location.dataset.count) == ("own", 4)
        assert location.root_passed_over == location.passed_over == []

    def test_masks_in_a_folder_for_each_group(self, at: Url) -> None:
        listing = list_images(at / "preds" / "*" / "SOD", "masks")
        assert [entry.stem for entry in listing.entries][:2] == ["A/im0", "A/im1"]
        with pytest.raises(DatasetError, match="expected a folder GT of them in each folder of .*/preds"):
            list_images(at / "preds" / "*" / "GT", "masks")

    def test_what_was_passed_over_is_told(self, at: Url) -> None:
        (line, *_) = list_images(at / "odd" / "more é", "masks").notices("masks")
        assert (
            line == f"{at}/odd/more%20%C3%A9: files that are no masks, passed over: 2 (.hidden/, notes.txt)"
        )

    def test_photos(self, at: Url, tmp_path: Path) -> None:
        (photos,) = photo_sets(Target(at / "preds" / "A" / "SOD"), tmp_path, "u2net")
        assert (photos.name, len(photos.photos)) == ("SOD", 4)
        (photos,) = photo_sets(Target(at / "preds" / "A" / "SOD" / "im1.png"), tmp_path, "u2net")
        assert [photo.stem for photo in photos.photos] == ["im1"]

    @pytest.mark.parametrize("path", ["empty", "nothing"])
    def test_nothing_there(self, at: Url, path: str) -> None:
        with pytest.raises(PredictionError, match=r"/(empty|nothing): .*Pass a zip"):
            open_source(at / path)

    def test_a_server_that_lists_nothing(self, at: Url, web_of: Behaviour) -> None:
        web_of.listing = False
        with pytest.raises(
            PredictionError, match="answered 403.*Web servers may list the files of a folder or"
        ):
            open_source(at / "preds")

    def test_a_page_that_is_no_list(self, at: Url) -> None:
        """A file is asked for as if it were a folder: it has no links."""
        with pytest.raises(PredictionError, match="im0.png: found no list of files here"):
            open_source(at / "preds" / "A" / "SOD" / "im0.png")

    def test_links_with_the_host_in_capitals(self, at: Url, files: Path) -> None:
        port = at.host.rpartition(":")[2]
        (files / "page").write_text(f'<a href="HTTP://LOCALHOST:{port}/page/a.png">a</a>')
        there = path_or_url(f"http://localhost:{port}/page")
        assert [file.name for file in open_source(there).groups[""]] == ["a.png"]

    def test_a_folder_that_has_moved(self, at: Url, web_of: Behaviour, files: Path) -> None:
        web_of.moved["/old/"] = "/own/masks/"
        assert open_source(at / "old").groups[""][0].where == f"{at}/old/im0.png"


class TestZips:
    @pytest.mark.parametrize("name", ["maps.zip", "stored.zip"])
    def test_only_what_is_asked_for_is_read(self, name: str, at: Url, web_of: Behaviour, files: Path) -> None:
        there = open_source(at / name)
        listed = len(web_of.asked)
        assert listed == 2
        assert contents(there) == contents(open_source(files / name))
        assert len(web_of.asked) == listed + 4
        assert all(span for _, _, span in web_of.asked)

    def test_a_long_list_is_read_in_one_piece(
        self, at: Url, web_of: Behaviour, files: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(zips, "TAIL_BYTES", 30)
        monkeypatch.setattr(zips, "_EXTRA_BYTES", 0)
        assert contents(open_source(at / "maps.zip")) == contents(open_source(files / "maps.zip"))
        assert len(web_of.asked) <= 2 + 3 + 4

    def test_more_before_a_member_than_in_the_list(self, at: Url, files: Path) -> None:
        """The header before a member may have more fields than that in the list."""
        info = zipfile.ZipInfo("a.png")
        info.extra = b"\x99\x99\xe8\x03" + bytes(1000)
        with zipfile.ZipFile(files / "extra.zip", "w") as archive:
            archive.writestr(info, b"pixels" * 100)
            info.extra = b""
        (entry,) = open_source(at / "extra.zip").groups[""]
        assert entry.read() == b"pixels" * 100

    def test_servers_without_parts(self, at: Url, web_of: Behaviour) -> None:
        web_of.ranges = False
        with pytest.raises(
            PredictionError, match="maps.zip: this server sends whole files only.*Download it"
        ):
            open_source(at / "maps.zip")

    def test_servers_that_send_another_part(self, at: Url, web_of: Behaviour) -> None:
        entry = open_source(at / "maps.zip").groups["SOD"][0]
        web_of.headers["Content-Range"] = "bytes 7-9/100"
        with pytest.raises(PredictionError, match="maps.zip: the server sent another part of the file"):
            entry.content(PredictionError)

    def test_damaged(self, at: Url, files: Path) -> None:
        (files / "html.zip").write_bytes(b"<html>" * 20)
        with pytest.raises(
            PredictionError, match=r"html\.zip: cannot read this zip \(File is not a zip file\)"
        ):
            open_source(at / "html.zip")
        data = bytearray((files / "stored.zip").read_bytes())
        data[60] ^= 1
        (files / "changed.zip").write_bytes(data)
        entry = open_source(at / "changed.zip").groups["SOD"][0]
        with pytest.raises(PredictionError, match=r"changed.zip!SOD/im0.png: cannot read .*\(Bad CRC-32"):
            entry.content(PredictionError)
        (files / "changed.zip").write_bytes(bytes(len(data)))
        with pytest.raises(PredictionError, match="as if the zip had changed"):
            entry.content(PredictionError)

    def test_a_list_without_end(self, at: Url, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(zips, "TAIL_BYTES", 30)
        monkeypatch.setattr(zips, "MAX_LIST_BYTES", 100)
        with pytest.raises(PredictionError, match=r"maps.zip: its list has \d+ bytes, expected at most 100"):
            open_source(at / "maps.zip")

    @pytest.mark.parametrize("field", [20, 24])
    def test_a_member_that_says_to_be_huge(self, field: int, at: Url, files: Path) -> None:
        """Compressed, which is read whole, or not."""
        data = bytearray((files / "stored.zip").read_bytes())
        at_list = data.index(b"PK\1\2") + field
        data[at_list : at_list + 4] = (MAX_MEMBER_BYTES + 1).to_bytes(4, "little")
        (files / "huge.zip").write_bytes(data)
        with pytest.raises(PredictionError, match="im0.png: has 134217729 bytes, expected at most 134217728"):
            open_source(at / "huge.zip").groups["SOD"][0].content(PredictionError)


class TestFailures:
    """What may pass is tried again; what will not is told at once."""

    def entry(self, at: Url) -> ImageFile:
        return open_source(at / "own" / "masks").groups[""][0]

    PATH = "/own/masks/im0.png"

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_passes(self, code: int, at: Url, web_of: Behaviour, files: Path) -> None:
        entry = self.entry(at)
        web_of.failing[self.PATH] = [code, code]
        assert entry.read() == (files / self.PATH[1:]).read_bytes()
        assert web_of.times(self.PATH) == 3

    def test_of_a_record_beside_maps(self, at: Url, web_of: Behaviour) -> None:
        """Without its record, maps made in half precision would pass for others."""
        maps = at / "preds" / "A"
        entries = open_source(maps).groups["SOD"]
        assert made_with(maps, entries) == {}
        web_of.failing["/preds/A/SOD/run.json"] = [403]
        assert made_with(maps, entries) == {}
        web_of.failing["/preds/A/SOD/run.json"] = [-503]
        with pytest.raises(FileError, match=r"SOD/run.json: the server answered 503 \(3 tries\)"):
            made_with(maps, entries)

    def test_does_not_pass(self, at: Url, web_of: Behaviour) -> None:
        entry = self.entry(at)
        web_of.failing[self.PATH] = [-502]
        with pytest.raises(
            DatasetError, match=r"im0.png: the server answered 502 \(3 tries\). Try again later"
        ):
            entry.content(DatasetError)
        assert web_of.times(self.PATH) == 3

    def test_waits_as_long_as_it_is_asked_to(
        self, at: Url, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[float] = []
        monkeypatch.setattr(web.time, "sleep", waited.append)
        entry = self.entry(at)
        web_of.retry_after = "7"
        web_of.failing[self.PATH] = [429]
        entry.read()
        web_of.retry_after = "9999"
        web_of.failing[self.PATH] = [429]
        entry.read()
        assert waited == [7, web.LONGEST_WAIT]

    @pytest.mark.parametrize(
        ("code", "match"),
        [
            (404, "there is nothing at this address"),
            (410, "there is nothing"),
            (401, r"answered 401: it wants credentials.*https://USER:PASSWORD@HOST/\.\.\., in ~/\.netrc"),
            (403, "answered 403: it wants credentials"),
            (418, "answered 418, expected 200. Download it"),
        ],
    )
    def test_is_told_at_once(self, code: int, match: str, at: Url, web_of: Behaviour) -> None:
        entry = self.entry(at)
        web_of.failing[self.PATH] = [-code]
        with pytest.raises(DatasetError, match=match):
            entry.content(DatasetError)
        assert web_of.times(self.PATH) == 1

    @pytest.mark.parametrize("chunked", [False, True])
    def test_broken_off(self, chunked: bool, at: Url, web_of: Behaviour, files: Path) -> None:
        entry = self.entry(at)
        web_of.chunked = chunked
        web_of.cut[self.PATH] = 2
        assert entry.read() == (files / self.PATH[1:]).read_bytes()
        web_of.cut[self.PATH] = 3
        with pytest.raises(FileError, match=r"im0.png: (the connection broke off|only \d+ of).*\(3 tries\)"):
            entry.read()

    def test_no_answer(self, at: Url, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
        entry = self.entry(at)
        monkeypatch.setenv("SODBENCH_TIMEOUT", "0.05")
        web_of.slow[self.PATH] = 0.3
        with pytest.raises(FileError, match=r"no answer within 0.05 s \(SODBENCH_TIMEOUT\) \(3 tries\)"):
            entry.read()

    def test_an_answer_that_drips(self, at: Url, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each byte comes in time, and all of them never."""
        entry = self.entry(at)
        monkeypatch.setenv("SODBENCH_TIMEOUT", "0.1")
        web_of.slow[self.PATH] = -0.02
        with pytest.raises(FileError, match=r"only \d+ bytes came in 0 s"):
            entry.read()

    def test_an_answer_without_end(self, at: Url, monkeypatch: pytest.MonkeyPatch) -> None:
        entry = self.entry(at)
        monkeypatch.setattr(reading, "MAX_FILE_BYTES", 50)
        with pytest.raises(FileError, match="im0.png: sends more than 50 bytes"):
            entry.read()

    def test_an_answer_without_end_that_sends_elsewhere(
        self, at: Url, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers: list[Response] = []
        monkeypatch.setattr(web, "_check_status", lambda url, answer, part: answers.append(answer))
        web_of.moved["/old.png"] = self.PATH
        web_of.said_of_moved = 1 << 20
        assert reading.read_url(at / "old.png") == reading.read_url(at / self.PATH)
        assert [len(moved.content) for moved in answers[0].history] == [0]

    def test_a_number_of_5000_digits(self, at: Url, web_of: Behaviour) -> None:
        """Python refuses to read it."""
        web_of.headers["Content-Range"] = f"bytes 0-0/{'9' * 5000}"
        with pytest.raises(FileError, match="the server sent another part of the file"):
            reading.size_of(at / "maps.zip")

    def test_a_timeout_that_is_no_number(self, at: Url, monkeypatch: pytest.MonkeyPatch) -> None:
        for value in ("soon", "0", "-1", "inf", "nan"):
            monkeypatch.setenv("SODBENCH_TIMEOUT", value)
            with pytest.raises(FileError, match=f"SODBENCH_TIMEOUT is '{value}', expected a positive number"):
                reading.read_url(at / "x.png")

    def test_refused(self, web_of: Behaviour) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = path_or_url(f"http://me:hunter2@127.0.0.1:{port}/maps.zip?sig=hunter3")
        with pytest.raises(
            PredictionError, match=f"127.0.0.1:{port} does not take the connection.*refused"
        ) as told:
            open_source(url)
        no_secret(told.value, "hunter2", "hunter3")

    def test_no_such_host(self, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        url = path_or_url("https://me:hunter2@no.such.host/maps.zip?sig=hunter3")
        with pytest.raises(
            PredictionError, match="zip: there is no host no.such.host, or no network"
        ) as told:
            open_source(url)
        no_secret(told.value, "hunter2", "hunter3")

    def test_round_in_circles(self, at: Url, web_of: Behaviour) -> None:
        web_of.moved["/a.zip"] = "/b.zip"
        web_of.moved["/b.zip"] = "/a.zip"
        with pytest.raises(PredictionError, match="from one address to another without end"):
            open_source(at / "a.zip")

    def test_moved_to_what_is_no_web_address(self, at: Url, web_of: Behaviour) -> None:
        web_of.moved["/a.zip"] = "file:///etc/passwd"
        with pytest.raises(PredictionError, match="the one that the server sends to, is not valid"):
            open_source(at / "a.zip")

    def test_a_certificate_of_nobody(self, files: Path, tmp_path: Path, web_of: Behaviour) -> None:
        with (
            serving(files, own_certificate(tmp_path)) as (host, _),
            pytest.raises(
                PredictionError, match="certificate is not valid here .*self.signed.*REQUESTS_CA_BUNDLE"
            ),
        ):
            open_source(path_or_url(f"{host}/maps.zip"))

    def test_a_certificate_that_the_user_trusts(
        self, files: Path, tmp_path: Path, web_of: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        context = own_certificate(tmp_path)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "own.pem"))
        with serving(files, context) as (host, _):
            assert len(open_source(path_or_url(f"{host}/maps.zip")).groups["SOD"]) == 4


class TestSecrets:
    def test_are_sent_and_not_shown(self, at: Url, web_of: Behaviour) -> None:
        web_of.user = "me:hunter2"
        url = path_or_url(f"http://me:hunter2@{at.host}/preds/A/SOD?signature=hunter3")
        assert isinstance(url, Url)
        source = open_source(url)
        entry = source.groups[""][0]
        assert entry.read()
        assert {query for _, query, _ in web_of.asked} == {"signature=hunter3"}
        for shown in (str(url), repr(url), f"{url}", entry.where, repr(entry), repr(source), url.name):
            assert "hunter" not in shown

    def test_that_are_wrong(self, at: Url, web_of: Behaviour) -> None:
        web_of.user = "me:hunter2"
        for path in ("maps.zip", "preds"):
            url = path_or_url(f"http://me:hunter3@{at.host}/{path}?signature=hunter4")
            with pytest.raises(PredictionError, match="answered 401") as told:
                open_source(url)
            no_secret(told.value, "hunter")

    def test_of_a_file(self, at: Url, web_of: Behaviour, isolated: Path) -> None:
        web_of.user = "me:hunter2"
        netrc = isolated / ".netrc"
        netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
        netrc.chmod(0o600)
        assert len(open_source(at / "maps.zip").groups["SOD"]) == 4


class TestWorkers:
    def test_threads(self, at: Url, files: Path) -> None:
        entries = open_source(at / "preds").groups["A/SOD"] * 10
        with ThreadPoolExecutor(8) as pool:
            there = list(pool.map(ImageFile.content, entries, [PredictionError] * 40))
        assert there == [
            (files / "preds" / "A" / "SOD" / e.name.split("/")[-1]).read_bytes() for e in entries
        ]

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    @pytest.mark.parametrize("how", ["fork", "spawn"])
    def test_processes(self, how: str, at: Url) -> None:
        """A forked process does not share the connections that its parent has open."""
        entries = [*open_source(at / "own" / "masks").groups[""], *open_source(at / "maps.zip").groups["SOD"]]
        here = [entry.read() for entry in entries]
        with ProcessPoolExecutor(1, get_context(how)) as pool:
            there = list(pool.map(ImageFile.content, entries, [PredictionError] * len(entries), chunksize=99))
        assert there == here

    def test_an_error_goes_through_a_pipe(self, at: Url) -> None:
        entry = pickle.loads(pickle.dumps(open_source(at / "own" / "masks").groups[""][0]))
        assert entry.read() == entry.content(PredictionError)


def own_certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that no authority has signed, in ``own.pem``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "own.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "own.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    return context
