"""S3 by s3fs, against moto's server; collected where both are installed (`tests/conftest.py`)."""

import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import boto3
import fsspec.config
import pytest
from moto.server import ThreadedMotoServer

from sodbench.data.demo import demo_folder
from sodbench.data.remote import stores
from sodbench.data.sources import ImageFile, open_source
from sodbench.errors import PredictionError
from sodbench.scoring.pipeline import score_folder
from sodbench.utils.urls import path_or_url


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a bucket of the demo's files, as folders and as a zip."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket="bucket")
    for file in demo_folder().rglob("*.png"):
        client.upload_file(str(file), "bucket", f"my demo/{file.relative_to(demo_folder()).as_posix()}")
    maps = demo_folder() / "preds" / "blurred" / "demo"
    zipped = shutil.make_archive(str(tmp_path_factory.mktemp("zip") / "maps"), "zip", maps)
    client.upload_file(zipped, "bucket", "maps.zip", {"ACL": "public-read"})
    yield address
    server.stop()


@pytest.fixture(autouse=True)
def keys(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    stores._filesystem.cache_clear()
    yield
    stores._filesystem.cache_clear()


@pytest.mark.parametrize("path", ["my demo/preds/blurred", "my demo/preds/blurred/demo", "maps.zip"])
def test_the_same_scores(path: str) -> None:
    there = score_folder(f"s3://bucket/{path}", "demo", masks="s3://bucket/my demo/masks", metrics=["max_f"])
    here = score_folder(demo_folder() / "preds" / "blurred", "demo", metrics=["max_f"])
    assert there.summary() == here.summary()
    assert [row.digest for row in there.rows.values()] == [row.digest for row in here.rows.values()]


def test_threads_and_processes() -> None:
    sources = (open_source(path_or_url(f"s3://bucket/{path}")) for path in ("my demo/masks", "maps.zip"))
    files = [file for source in sources for file in source.groups[""]]
    here = [file.read() for file in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ImageFile.content, files, [PredictionError] * len(files))) == here
    for how in ("fork", "spawn"):
        with ProcessPoolExecutor(1, get_context(how)) as pool:
            there = pool.map(ImageFile.content, files, [PredictionError] * len(files), chunksize=99)
            assert list(there) == here


@pytest.mark.parametrize(
    "url", ["s3://bucket/none", "s3://bucket/none.zip", "s3://none/maps", "s3://none/a.zip"]
)
def test_nothing_there(url: str) -> None:
    with pytest.raises(PredictionError, match=f"{url}: there is nothing at this address"):
        open_source(path_or_url(url))


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PredictionError, match="may not be read with the credentials.*AWS_PROFILE"):
        open_source(path_or_url("s3://bucket/maps.zip"))
    monkeypatch.setattr(fsspec.config, "conf", {})
    fsspec.config.set_conf_env(fsspec.config.conf, {"FSSPEC_S3_ANON": "true"})
    stores._filesystem.cache_clear()
    assert len(open_source(path_or_url("s3://bucket/maps.zip")).groups[""]) == 8


@pytest.mark.parametrize(
    ("answers", "match"),
    [(False, r"cannot be read \(EndpointConnectionError"), (True, r"no answer within 0.2 s")],
)
def test_a_server_that_is_not_there(answers: bool, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if answers:
            silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("SODBENCH_TIMEOUT", "0.2")
        with pytest.raises(PredictionError, match=f"s3://bucket/maps.zip: {match}"):
            open_source(path_or_url("s3://bucket/maps.zip"))
