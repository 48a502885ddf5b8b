"""Threads, processes and Dask give the same bits and the same errors, and what is done is kept."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
from workspace import IDS, good, map_of, mask_of, plant_maps, plant_masks, process, refused, save, whole
from workspace import listing as listed

from sodbench.errors import PredictionError
from sodbench.protocol import Protocol
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.plan import Plan
from sodbench.scoring.runs import IN_WORKERS, collect_jobs, score_jobs
from sodbench.scoring.scores import Scores
from sodbench.utils.executors import Workers
from sodbench.utils.worker_processes import start_method

pytestmark = pytest.mark.usefixtures("here")

DATASETS = ("one", "two", "three")
METHODS = ("A", "B", "C", "D")
IMAGES = tuple(f"im{k}" for k in range(12))


@pytest.fixture(scope="module")
def pools():
    """One pool of two processes for all tests of this file."""
    with Workers("processes", jobs=2, preload=IN_WORKERS) as workers:
        yield workers


def planted():
    """Write three datasets and four methods' maps; register the datasets."""
    for k, dataset in enumerate(DATASETS):
        plant_masks(f"data/{dataset}/masks", IMAGES)
        for j, method in enumerate(METHODS):
            plant_maps(f"preds/{method}/{dataset}", IMAGES, seed=10 * k + j)
    Path("own.toml").write_text("\n".join(f"[{name}]\nversion = 1\ncount = 12" for name in DATASETS))
    return [Path("preds")]


def run(out, workers, bar=None):
    """Score everything planted into a folder; return the bytes of all files but the date in meta.json."""
    jobs, _ = collect_jobs([Path("preds")], DATASETS, data=Path("data"))
    plan = Plan(Protocol())
    score_jobs(jobs, plan, Path(out), workers=workers, **({"bar": bar} if bar else {}))
    return stored(out)


def stored(out):
    """Return what the folders of a tree hold: images.csv and levels.npz as bytes, and the signature."""
    found = {}
    for meta in sorted(Path(out).rglob("meta.json")):
        home = meta.parent
        files = [(home / name).read_bytes() for name in ("images.csv", "levels.npz")]
        found[str(home.relative_to(out))] = [*files, Scores.load(home).signature]
    return found


class Killing:
    """A progress bar that kills one process when the first images are done."""

    def __init__(self, pid):
        self.pid, self.seen = pid, []

    def __call__(self, what):
        return self

    def __enter__(self):
        return self.update

    def __exit__(self, *exception):
        return None

    def update(self, done, total):
        self.seen.append((done, total))
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None


def test_three_datasets_and_four_methods_have_the_same_bits_everywhere(cluster, pools, monkeypatch):
    from distributed import Client

    planted()
    monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")
    expected = run("threads", None)
    assert len(expected) == len(DATASETS) * len(METHODS)
    assert run("processes", pools) == expected
    with Client(cluster, set_as_default=False) as client:
        worker = next(iter(client.run(os.getpid).values()))
    bar = Killing(worker)
    with Workers("dask", scheduler=cluster.scheduler_address) as workers:
        assert run("dask", workers, bar) == expected
    assert bar.pid is None
    assert bar.seen == [(done, 12) for done in range(1, 13)] * 3


def test_score_folder_takes_any_executor(cluster, here):
    from distributed import Client

    maps, masks = plant_maps(here / "maps"), plant_masks(here / "own/masks")
    expected = score_folder(maps, masks=masks)
    with Client(cluster, set_as_default=False) as client:
        on_dask = score_folder(maps, masks=masks, executor=client.get_executor())
    with ProcessPoolExecutor(1, get_context("forkserver")) as processes:
        in_a_process = score_folder(maps, masks=masks, executor=processes)
    with ThreadPoolExecutor(1) as thread:
        in_a_thread = score_folder(maps, masks=masks, executor=thread)
    for k, scores in enumerate((expected, on_dask, in_a_process, in_a_thread)):
        scores.save(f"scores/{k}")
    (files, *others) = stored("scores").values()
    assert others == [files] * 3


def test_unusable_files_are_said_alike(cluster, pools, here):
    maps, masks = plant_maps(here / "maps"), plant_masks(here / "own/masks")
    Path("maps/im0.png").write_bytes(b"no image")
    save(map_of(2)[:-1], maps / "im2.png")
    expected = refused("score", maps, "--masks", masks, match="2 files cannot be used").stderr
    assert "im0.png" in expected
    assert "im2.png" in expected
    for words in (("processes", "--jobs", "1"), ("dask", "--scheduler", cluster.scheduler_address)):
        found = refused("score", maps, "--masks", masks, "--executor", *words, match="2 files cannot be used")
        assert [line for line in found.stderr.splitlines() if "reused" not in line] == expected.splitlines()


def test_explain_says_the_same_everywhere(cluster):
    masks = plant_masks("own/masks")
    grey = mask_of(1)
    grey[5:7, 5:9] = 130
    save(grey, masks / "im1.png")
    plant_maps("maps")
    words = ("explain", "maps", "--masks", masks, "--claimed", "max_f=.951", "--scores")
    expected = good(*words, "threads", "--executor", "threads").stdout
    assert good(*words, "processes", "--executor", "processes", "--jobs", "1").stdout == expected
    on_dask = ("--executor", "dask", "--scheduler", cluster.scheduler_address)
    assert good(*words, "dask", *on_dask).stdout == expected


def test_dask_says_which_worker_cannot_read_a_file(cluster):
    """The links lead into a process's working directory, which is another one of each process."""
    plant_maps("true")
    masks = plant_masks("own/masks")
    Path("maps").mkdir()
    for name in IDS:
        Path(f"maps/{name}.png").symlink_to(f"/proc/self/cwd/true/{name}.png")
    good("score", "maps", "--masks", masks, "--executor", "processes", "--jobs", "1", "--scores", "here")
    found = refused(
        *("score", "maps", "--masks", masks, "--executor", "dask", "--scheduler", cluster.scheduler_address),
        match="4 files cannot be used",
    )
    assert found.stderr.count("/maps/im") == 4
    reason = "cannot read this file (No such file or directory). This is the worker tcp://127.0.0.1:"
    assert found.stderr.count(reason) == 4
    assert "it needs the same files under the same paths." in found.stderr


FIRST = """
from sodbench.scoring.runs import IN_WORKERS
from sodbench.utils.executors import Workers
from workers import has_kernels
with Workers("processes", jobs=1, preload=IN_WORKERS) as workers:
    print(workers.executor(1).submit(has_kernels).result())
"""


@pytest.mark.skipif(start_method() != "forkserver", reason="worker processes are not forked here")
def test_worker_processes_share_kernels_that_are_loaded_before():
    """In a process of its own: what workers are forked from is started once in each."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    found = subprocess.run([sys.executable, "-c", FIRST], env=environment, capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("True\n", "")


APART = """
import sys
from sodbench.cli import main
from workers import has_kernels
main(sys.argv[1:], standalone_mode=False)
print(has_kernels(), file=sys.stderr)
"""


@pytest.mark.skipif(start_method() != "forkserver", reason="worker processes are not forked here")
def test_a_command_whose_work_is_done_by_processes_loads_no_kernel_that_is_compiled(here):
    """They take 70 MB; where none is compiled yet, it is done here, and said."""
    maps, masks = plant_maps("maps"), plant_masks("own/masks")
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(here / "kernels")}
    scores = iter("abc")

    def said(executor):
        words = ("score", maps, "--masks", masks, "--executor", executor, "--scores", next(scores))
        command = [sys.executable, "-c", APART, *map(str, words)]
        found = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert found.returncode == 0, found.stderr
        return found.stderr

    first, second, third = said("processes"), said("processes"), said("threads")
    assert "Compiling kernels, once after installing ..." in first
    assert "Compiling kernels" not in second + third
    assert [text.splitlines()[-1] for text in (first, second, third)] == ["True", "False", "True"]


def test_processes_are_ended_before_scores_are_stored(here, monkeypatch):
    """Their memory is free then; another dataset starts them again."""
    from sodbench.scoring import runs

    planted()
    monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")
    store, running = runs._store, []

    def storing(*args):
        running.append(children() - before)
        return store(*args)

    before = children()
    monkeypatch.setattr(runs, "_store", storing)
    with Workers("processes", jobs=2, preload=IN_WORKERS) as workers:
        run("scores", workers)
    assert running == [set()] * len(DATASETS) * len(METHODS)


def children():
    return {child.pid for child in multiprocessing.active_children()}


def test_an_executor_by_name_is_refused():
    with pytest.raises(
        PredictionError, match="^executor='threads': expected one of concurrent.futures, such"
    ):
        score_folder("maps", masks="masks", executor="threads")


CUT = """
import os, signal
os.setsid()
print(os.getpid(), flush=True)
from sodbench.scoring import pipeline, warm_up
warm_up.compile_kernels = lambda: None
streamed = pipeline.streamed
def cut(*args):
    for k, pair in enumerate(streamed(*args)):
        if k == 3:
            os.killpg(0, signal.{name})
            signal.pause()
        yield pair
pipeline.streamed = cut
"""


@pytest.mark.parametrize(
    ("executor", "name", "words"),
    [
        ("processes", "SIGINT", "Interrupted."),
        ("processes", "SIGTERM", "Ended by SIGTERM."),
        ("dask", "SIGINT", "Interrupted."),
    ],
)
def test_a_signal_to_all_processes_keeps_what_is_finished(here, executor, name, words):
    plant_maps("maps", IMAGES)
    plant_masks("own/masks", IMAGES)
    score = ("score", "maps", "--masks", "own/masks")
    found = process(*score, "--executor", executor, "--jobs", "2", before=CUT.format(name=name))
    assert found.returncode == 128 + getattr(signal, name)
    kept = "Finished images are kept; run the same command to continue."
    assert found.stderr.decode() == f"{words} {kept}\n"
    assert listed("scores") == whole("maps/.own.partial")
    assert len(Scores.load(Path("scores/maps/.own.partial")).rows) == 3
    session = int(found.stdout)
    until = time.monotonic() + 10
    while left := [pid for pid in psutil.pids() if in_session(pid, session)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)
    assert "reused stored results for 3 of 12" in good(*score).stderr


def in_session(pid, session):
    """Tell whether a process is of a session, and not a dead one that nobody waits for."""
    try:
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.NoSuchProcess):
        return False


def test_a_process_that_dies_is_said_and_what_is_finished_is_kept(pools, here, monkeypatch):
    from sodbench.scoring import pipeline

    maps, masks = plant_maps("maps"), plant_masks("own/masks")
    streamed = pipeline.streamed

    def dying(executor, work, items, count):
        for k, pair in enumerate(streamed(executor, work, items, count)):
            if k == 2:
                for pid in psutil.Process().children(recursive=True):
                    with suppress(psutil.NoSuchProcess):  # one of an earlier test may have just ended
                        if "forkserver" in " ".join(pid.cmdline()) and pid.ppid() != os.getpid():
                            pid.kill()
                list(streamed(executor, work, [pair[0]]))
            yield pair

    monkeypatch.setattr(pipeline, "streamed", dying)
    refused(
        *("score", maps, "--masks", masks, "--executor", "processes", "--jobs", "1"),
        match="a worker process died.*Finished images are kept; run the same command to continue",
    )
    assert len(Scores.load(Path("scores/maps/.own.partial")).rows) == 2
    assert set(Scores.load(Path("scores/maps/.own.partial")).rows) < set(IDS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheduler", "tcp://a:1"], "--scheduler is for --executor dask"),
        (["--executor", "dask", "--scheduler", "tcp://a:1", "--jobs", "2"], "--jobs is for workers of this"),
    ],
)
def test_options_that_do_not_fit(words, message):
    from workspace import sodbench

    result = sodbench("score", "--dataset", "demo", *words)
    assert result.exit_code == 2
    assert message in result.stderr
