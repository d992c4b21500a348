"""Where tasks run: threads of this process, a pool of processes beside it, or a Dask or Ray cluster. No steps here.

A Prefect process pool takes 20 to 30 s for its first task; so for `processes` the tasks are Prefect's threads, each of which hands
its work to one pool of ours and waits.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect.task_runners import ThreadPoolTaskRunner

from corpus_tools.config import RunnerConfig
from corpus_tools.errors import ConfigError

T = TypeVar("T")
Told = Callable[[str, int], None]
"""progress(shard_id, bytes of text)"""

_pool: ProcessPoolExecutor | None = None
_told: Told | None = None
_channel: Any = None


def task_runner(config: RunnerConfig) -> Any:
    """The task runner that a configuration asks for. Raises ConfigError with the extra to install."""
    if config.kind in ("threads", "processes"):
        return ThreadPoolTaskRunner(max_workers=config.workers)
    try:
        if config.kind == "dask":
            from prefect_dask import DaskTaskRunner

            if config.address:
                return DaskTaskRunner(address=config.address)
            return DaskTaskRunner(
                cluster_kwargs={"n_workers": config.workers, "threads_per_worker": 1, "processes": True}
            )
        from prefect_ray import RayTaskRunner

        return RayTaskRunner(
            address=config.address or None, init_kwargs=None if config.address else {"num_cpus": config.workers}
        )
    except ImportError:
        raise ConfigError(
            [f"runner.kind {config.kind}: not installed; pip install 'corpus-audit[{config.kind}]'"]
        ) from None


def _start_worker(channel: Any) -> None:
    global _channel
    _channel = channel


def tell(shard_id: str, size: int) -> None:
    """From wherever a task runs: so many bytes of a shard's text were read. Lost silently on a cluster."""
    if _channel is not None:
        _channel.put((shard_id, size))
    elif _told is not None:
        _told(shard_id, size)


def call(function: Callable[..., T], *args: Any) -> T:
    """Runs a function in the pool, where there is one, else here."""
    return _pool.submit(function, *args).result() if _pool is not None else function(*args)


@contextmanager
def workers(config: RunnerConfig, told: Told | None) -> Iterator[None]:
    """Starts the pool that `call` uses, and the channel that `tell` uses; ends them, also on Ctrl-C."""
    global _pool, _told
    _told = told
    if config.kind != "processes" or config.workers < 2:
        try:
            yield
        finally:
            _told = None
        return
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

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    _pool = ProcessPoolExecutor(config.workers, mp_context=context, initializer=_start_worker, initargs=(channel,))
    try:
        yield
    except BaseException:
        end_workers()
        raise
    finally:
        _pool.shutdown(wait=True, cancel_futures=True)
        _pool, _told = None, None
        stop.set()
        listener.join()
        channel.close()


def end_workers() -> None:
    """Ends the pool's processes at once, if there is a pool."""
    for process in list((getattr(_pool, "_processes", None) or {}).values()):
        process.terminate()
