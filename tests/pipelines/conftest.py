"""One temporary Prefect server for the session, with a database of its own, and one audit of the bundled sample."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.demo import Demo, run_demo


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def demo(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, both states. For reading: whoever writes takes a copy of its root."""
    return run_demo(tmp_path_factory.mktemp("demo") / "demo-audit")
