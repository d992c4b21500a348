"""Where tasks run: threads of this process, a pool of processes beside it, or a Dask or Ray cluster. No steps here.

A Prefect process pool takes 20 to 30 s for its first task; so for `processes` the tasks are Prefect's threads, each of which hands
its work to one pool of ours and waits.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect.task_runners import ThreadPoolTaskRunner

from corpus_tools.config import RunnerConfig
from corpus_tools.errors import ConfigError, ShardFailed

ANSWER_SECONDS = 20
"""How long a cluster may take to answer before its address is called wrong."""

T = TypeVar("T")
Told = Callable[[str, int], None]
"""progress(shard_id, bytes of text)"""

_pool: ProcessPoolExecutor | None = None
_make_pool: Callable[[], ProcessPoolExecutor] | None = None
_renewing = threading.Lock()
_told: Told | None = None
_channel: Any = None


def task_runner(config: RunnerConfig) -> Any:
    """The task runner that a configuration asks for. Raises ConfigError with the extra to install, or where no cluster answers."""
    if config.kind in ("threads", "processes"):
        return ThreadPoolTaskRunner(max_workers=config.workers)
    try:
        return _dask(config) if config.kind == "dask" else _ray(config)
    except ImportError:
        raise ConfigError(
            [f"runner.kind {config.kind}: not installed; pip install 'corpus-audit[{config.kind}]'"]
        ) from None


def _dask(config: RunnerConfig) -> Any:
    from prefect_dask import DaskTaskRunner

    if not config.address:  # one process a worker, one task at a time in it; a worker that dies is started again
        local = {"n_workers": config.workers, "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
        return DaskTaskRunner(cluster_kwargs=local | {"dashboard_address": None, "memory_limit": 0})
    from distributed import Client

    try:
        client = Client(config.address, timeout=ANSWER_SECONDS, set_as_default=False)
        client.close()
    except (OSError, ValueError) as error:
        raise _no_cluster(config, error, "tcp://host:8786, of a running `dask scheduler`") from None
    return DaskTaskRunner(address=config.address)


def _ray(config: RunnerConfig) -> Any:
    import ray
    from prefect_ray import RayTaskRunner

    if not config.address:  # `local`: never somebody else's cluster that happens to run here
        quiet = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
        gpus = {"num_gpus": math.ceil(config.workers * config.gpus)} if config.gpus else {}
        cores = config.workers * (config.threads or 1)
        return RayTaskRunner(
            address="local", init_kwargs={"num_cpus": cores, "_node_ip_address": "127.0.0.1"} | gpus | quiet
        )
    if not ray.is_initialized():
        try:
            ray.init(config.address, namespace="prefect", log_to_driver=False, configure_logging=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise _no_cluster(config, error, "ray://host:10001, or `auto` on a machine of the cluster") from None
    return RayTaskRunner(address=config.address)


def _no_cluster(config: RunnerConfig, error: Exception, expected: str) -> ConfigError:
    said = " ".join(str(error).split())[:200]
    return ConfigError(
        [f"runner.address {config.address!r}: no {config.kind} cluster answers ({said}); expected {expected}"]
    )


def _start_worker(channel: Any) -> None:
    global _channel
    _channel = channel


@contextmanager
def _shared_out(threads: int) -> Iterator[None]:
    """Processes started meanwhile take so many cores each: libraries that bring threads of their own are told on starting."""
    told = {name: str(threads) for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update({name: value for name, value in told.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def tell(shard_id: str, size: int) -> None:
    """From wherever a task runs: so many bytes of a shard's text were read. Lost silently on a cluster."""
    if _channel is not None:
        _channel.put((shard_id, size))
    elif _told is not None:
        _told(shard_id, size)


def call(function: Callable[..., T], *args: Any) -> T:
    """Runs a function in the pool, where there is one, else here. Raises ShardFailed (try again) where the process died under it."""
    global _pool
    pool = _pool
    if pool is None:
        return function(*args)
    try:
        return pool.submit(function, *args).result()
    except BrokenProcessPool:
        with _renewing:
            if _pool is pool and _make_pool is not None:  # else another task has renewed it, or the run ends
                pool.shutdown(wait=False)
                _pool = _make_pool()
        raise ShardFailed(
            "a worker process ended abruptly", expected="one that is not killed",
            todo="If the system killed it for want of memory, take fewer workers (runner.workers).", retry=True,
        ) from None  # fmt: skip


@contextmanager
def workers(config: RunnerConfig, threads: int, told: Told | None) -> Iterator[None]:
    """Starts the pool that `call` uses, and the channel that `tell` uses; ends them, also on Ctrl-C.

    `threads`: cores that each worker takes.
    """
    global _told
    _told = told
    try:
        with _shared_out(threads):
            if config.kind == "ray":
                with _remote_options(num_cpus=threads, num_gpus=config.gpus, max_retries=3):
                    yield
            elif config.kind == "processes" and config.workers > 1:
                with _processes(config.workers, told):
                    yield
            else:
                yield
    finally:
        _told = None


def _remote_options(**options: Any) -> Any:
    from prefect_ray.context import remote_options

    return remote_options(**options)


@contextmanager
def _processes(count: int, told: Told | None) -> Iterator[None]:
    global _pool, _make_pool
    context = multiprocessing.get_context("spawn")
    channel = context.Queue()
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                event = channel.get(timeout=0.2)
            except queue.Empty:
                continue
            if told:
                told(*event)

    def make() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker, initargs=(channel,))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    _make_pool = make
    _pool = make()
    try:
        yield
    except BaseException:
        end_workers()
        raise
    finally:
        _pool.shutdown(wait=True, cancel_futures=True)
        _pool = _make_pool = None
        stop.set()
        listener.join()
        channel.close()


def end_workers() -> None:
    """Ends the pool's processes at once, if there is a pool."""
    for process in list((getattr(_pool, "_processes", None) or {}).values()):
        process.terminate()
