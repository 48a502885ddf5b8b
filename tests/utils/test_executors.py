"""Chunks of work on threads, processes and Dask; what happens when a worker dies or cannot be reached."""

import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Event

import cloudpickle
import psutil
import pytest
from workers import deadly, failing, ignores_interrupt, killing, squared

import sodbench.utils.dask_workers as dask_workers
import sodbench.utils.executors as executors
from sodbench.errors import DatasetError, SodbenchError, WorkerError
from sodbench.scoring.storage import DamageError
from sodbench.utils.dask_workers import worker_name
from sodbench.utils.executors import Workers, streamed
from sodbench.utils.worker_processes import _one_thread_each

NUMBERS = range(200)
SQUARES = {number: number * number for number in NUMBERS}


def squares_on(executor):
    """Return the squares that an executor makes, and the processes in which it did."""
    done = list(streamed(executor, squared, NUMBERS))
    assert len(done) == len(NUMBERS)
    return {item: value for item, (value, _) in done}, {process for _, (_, process) in done}


def test_threads():
    with Workers("threads", jobs=2) as workers:
        assert squares_on(workers.executor(200))[0] == SQUARES


def test_processes():
    with Workers("processes", jobs=2) as workers:
        executor = workers.executor(1)
        assert workers.executor(10**6) is executor
        squares, processes = squares_on(executor)
        assert squares == SQUARES
        assert len(processes) == 2
        assert list(streamed(executor, ignores_interrupt, [1])) == [(1, True)]
        with pytest.raises(DatasetError, match=r"^a mask$") as caught:
            list(streamed(executor, partial(failing, error=DatasetError("a mask")), NUMBERS))
        assert type(caught.value) is DatasetError
        with pytest.raises(WorkerError, match="a worker process died: it was killed, or the memory was full"):
            list(streamed(executor, deadly, NUMBERS))


def test_worker_processes_have_one_thread_each_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with _one_thread_each():
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("3", "1")
    assert dict(os.environ) == before


def test_dask_computes_again_what_a_dead_worker_had(cluster, tmp_path):
    with Workers("dask", scheduler=cluster.scheduler_address) as workers:
        work = partial(killing, marker=tmp_path / "killed")
        done = list(streamed(workers.executor(200), work, NUMBERS))
        assert (tmp_path / "killed").exists()
        assert sorted(done) == [(number, number) for number in NUMBERS]


def test_dask_gives_a_chunk_up_that_kills_each_worker(cluster, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with Workers("dask", scheduler=cluster.scheduler_address) as workers:
        executor = workers.executor(1)
        assert squares_on(executor)[0] == SQUARES
        with pytest.raises(WorkerError, match="each of the Dask workers that had it died"):
            list(streamed(executor, deadly, [1]))


def test_dask_takes_no_result_for_that_of_equal_items(cluster):
    with Workers("dask", scheduler=cluster.scheduler_address) as workers:
        drawn = [value for _, value in streamed(workers.executor(1), os.urandom, [16] * 50)]
    assert len({*drawn}) == 50


def test_a_local_cluster_leaves_nothing(here, capfd):
    with Workers("dask", jobs=2) as workers:
        squares, processes = squares_on(workers.executor(1))
        assert squares == SQUARES
        assert len(processes) == 2
    assert list(here.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "http://127.0.0.1:9", "tcp://a:b:c"])
def test_a_scheduler_that_is_not_there(monkeypatch, address):
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 0.5)
    with (
        Workers("dask", scheduler=address) as workers,
        pytest.raises(
            WorkerError, match=f"--scheduler {address}: no Dask scheduler answers there.*tcp://host:8786"
        ),
    ):
        workers.executor(1)


def test_a_scheduler_without_workers(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(dask_workers, "WORKERS_SECONDS", 0.2)
    said = []
    with LocalCluster(
        n_workers=0, dashboard_address=None, scheduler_kwargs=dask_workers.NO_PORT, silence_logs=50
    ) as empty:
        address = empty.scheduler_address
        with (
            Workers("dask", scheduler=address, say=said.append) as workers,
            pytest.raises(WorkerError, match="this scheduler has no workers, waited 0.2 s"),
        ):
            workers.executor(1)
    assert said == [f"{address}: waiting for workers, at most 0.2 s ..."]


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with Workers("dask") as workers, pytest.raises(WorkerError, match=r"pip install 'sodbench\[dask\]'"):
        workers.executor(1)


def test_workers_with_other_versions_are_refused(monkeypatch):
    here = executors._versions()
    answers = iter([{**here, "sodbench": "9.9.9"}, here])
    monkeypatch.setattr(executors, "_versions", lambda: next(answers))
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(WorkerError, match=r"has sodbench .*, not 9\.9\.9 as here"),
    ):
        list(streamed(executor, squared, [1]))


def test_few_items_take_threads_and_many_processes():
    with Workers(jobs=2) as workers:
        assert isinstance(workers.executor(executors.MANY_ITEMS - 1), ThreadPoolExecutor)
    with Workers(jobs=1) as workers:
        assert isinstance(workers.executor(10**6), ThreadPoolExecutor)


def test_processes_load_apart_what_threads_and_dask_share_with_this_one(monkeypatch):
    many, few = executors.MANY_ITEMS, executors.MANY_ITEMS - 1
    monkeypatch.setattr(executors, "start_method", lambda: "forkserver")
    apart = [Workers(kind, jobs=2).load_apart(few) for kind in (None, *executors.KINDS)]
    assert apart == [False, False, True, False]
    assert Workers(jobs=2).load_apart(many)
    monkeypatch.setattr(executors, "start_method", lambda: "spawn")
    assert not Workers("processes", jobs=2).load_apart(many)


def test_processes_that_were_ended_start_again():
    with Workers("processes", jobs=1) as workers:
        first = list(streamed(workers.executor(1), squared, [2]))
        workers.end_processes()
        assert not psutil.pid_exists(first[0][1][1])
        again = list(streamed(workers.executor(1), squared, [2]))
        assert (first[0][1][0], again[0][1][0]) == (4, 4)
    with Workers("threads", jobs=1) as workers:
        threads = workers.executor(1)
        workers.end_processes()
        assert workers.executor(1) is threads


@pytest.mark.parametrize(("seconds", "said"), [(0.05, []), (0, [executors.SLOW_START])])
def test_a_slow_start_is_said(monkeypatch, seconds, said):
    told, spoken = [], Event()

    def say(line):
        told.append(line)
        spoken.set()

    def pool(jobs, preload):
        if said:
            assert spoken.wait(60)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(executors, "STARTED_SECONDS", seconds)
    monkeypatch.setattr(executors, "process_pool", pool)
    with Workers("processes", jobs=1, say=say) as workers:
        workers.executor(1)
    assert spoken.wait(0.2) == bool(said)
    assert told == said


HELD = """
import os, signal, time
import sodbench.utils.executors as executors
from concurrent.futures import ThreadPoolExecutor
from sodbench.utils.worker_processes import no_interrupt

def pool(jobs, preload):
    with no_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        print("held", flush=True)
    return ThreadPoolExecutor(1)

signal.signal(signal.SIGINT, signal.default_int_handler)
executors.process_pool = pool
try:
    with executors.Workers("processes", jobs=1) as workers:
        workers.executor(1)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be held back here")
def test_ctrl_c_is_held_back_while_processes_are_started():
    """In a process of its own: any other thread would take the signal."""
    said = subprocess.check_output([sys.executable, "-c", HELD], text=True)
    assert said.split() == ["held", "interrupted"]


class Slow(Executor):
    """An executor that begins nothing, and counts what it was given."""

    def __init__(self):
        self.futures = []

    def submit(self, function, /, *arguments, **options):
        self.futures.append(Future())
        if len(self.futures) == 1:
            self.futures[0].set_result(function(*arguments))
        return self.futures[-1]


def test_what_has_not_begun_is_bounded_and_cancelled():
    executor = Slow()
    executor._max_workers = 3
    results = streamed(executor, squared, NUMBERS)
    assert next(results)[0] == 0
    assert len(executor.futures) == 6
    results.close()
    assert [future.cancelled() for future in executor.futures] == [False, *[True] * 5]


class AtOnce(Executor):
    """An executor whose chunks are all finished when they are looked at."""

    _max_workers = 4

    def submit(self, function, /, *arguments, **options):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except ValueError as error:
            future.set_exception(error)
        return future


def odd_only(number):
    if number % 2 == 0:
        raise ValueError(number)
    return number


def test_what_is_finished_is_told_before_an_error_ends_the_stream():
    results = streamed(AtOnce(), odd_only, NUMBERS)
    assert sorted(item for item, _ in islice(results, 4)) == [1, 3, 5, 7]
    with pytest.raises(ValueError, match=r"^\d+$"):
        next(results)


def test_items_that_come_one_by_one_are_taken_as_they_are_sent():
    taken = []
    results = streamed(AtOnce(), abs, (taken.append(k) or k for k in range(1000)), 1000)
    first, _ = next(results)
    assert len(taken) < 20
    assert sorted([first, *(item for item, _ in results)]) == list(range(1000))


def test_outside_dask_no_worker_has_a_name():
    assert worker_name() == ""


def every_error():
    """Return each class of errors, also of modules that are loaded here."""
    found, todo = [], [SodbenchError]
    while todo:
        found.append(todo.pop())
        todo += found[-1].__subclasses__()
    return found


@pytest.mark.parametrize("kind", every_error())
def test_errors_pass_between_processes(kind):
    error = kind("folder", "damaged somewhere") if kind is DamageError else kind("folder: what is wrong")
    error.__notes__ = ["a note"]
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.args, again.__dict__) == (str(error), error.args, error.__dict__)


class Deserted(Slow):
    """Dask's executor when all workers are gone."""

    def __init__(self):
        super().__init__()
        self._client = self

    def nthreads(self):
        return {}


def test_workers_that_are_all_gone_are_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 0.01)
    monkeypatch.setattr(dask_workers, "WORKERS_SECONDS", 0.05)
    executor = Deserted()
    with pytest.raises(WorkerError, match=r"all Dask workers are gone, waited 0\.05 s for one"):
        list(streamed(executor, squared, NUMBERS))
    assert [future.cancelled() for future in executor.futures] == [
        False,
        *[True] * (len(executor.futures) - 1),
    ]


def test_a_scheduler_that_is_gone():
    executor = Slow()
    results = streamed(executor, squared, NUMBERS)
    next(results)
    executor.futures[1].cancel()
    executor.futures[1].set_running_or_notify_cancel()
    with pytest.raises(WorkerError, match="the Dask scheduler ended, or the connection to it was lost"):
        list(results)


class WithoutSodbench:
    """A client of a scheduler with a worker that lacks sodbench."""

    def run_on_scheduler(self, function):
        assert pickle.loads(cloudpickle.dumps(function))()
        return function()

    def run(self, function):
        return {"tcp://a:1": function(), "tcp://b:2": False}


def test_workers_without_sodbench_are_named():
    with pytest.raises(WorkerError, match=r"^tcp://b:2: sodbench is not installed there\. Install the same"):
        dask_workers._check_installed(WithoutSodbench(), "tcp://s:3")


def test_workers_without_sodbench_are_sent_no_work(cluster, monkeypatch):
    def refuse(client, scheduler):
        raise WorkerError(f"{scheduler}: lacks it")

    monkeypatch.setattr(dask_workers, "_check_installed", refuse)
    with (
        Workers("dask", scheduler=cluster.scheduler_address) as workers,
        pytest.raises(WorkerError, match=f"^{cluster.scheduler_address}: lacks it"),
    ):
        workers.executor(1)


def test_a_client_that_never_was_does_not_hold_up_the_end(monkeypatch):
    import distributed

    monkeypatch.setattr(distributed, "Client", None)
    with Workers("dask", scheduler="nonsense") as workers, pytest.raises(WorkerError, match="missing port"):
        workers.executor(1)
