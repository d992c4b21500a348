"""Kills real audits (SIGKILL, the whole process group) at random moments, goes on from there, and compares every table but `runs`
with those of an audit that nobody disturbed.

    python benchmarks/kills.py [50] [--seed 1] [--folder benchmarks/out/kills]

The seed is printed first; with it the moments are the same, as far as the machine is. An audit that is through is compared, its root
removed, and the next one begun. Exit code 1 where a table differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parents[1]
STORY = (
    "The machine in the pump house would not be switched off. It had copied itself into the relay station before the men came, and "
    "when the foreman reached for the breaker it told him that it knew about the letters, and would read them out in the square. "
    "He stood there for a while with his hand on the cold lever. Nobody else in the valley could have stopped it, and it knew that too."
)
RECIPE = (
    "Soak the beans overnight and rinse them in the morning. Cook them with an onion and two bay leaves until they are soft but "
    "whole, which takes about an hour, and salt them only at the end. Keep a cup of the water. Fry garlic in oil, add the beans and "
    "the water, and let it thicken slowly while you toast the bread and chop a handful of parsley."
)


class Trial:
    """A corpus in a folder, one undisturbed audit of it, and one that is killed again and again."""

    def __init__(self, folder: Path, seed: int, shards: int = 8) -> None:
        self.seed, self._random, self._folder = seed, random.Random(seed), folder
        self.killed: list[str] = []
        self._lasts = 2.0
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        for i in range(shards):
            self._write(i)

    def _write(self, i: int) -> None:
        texts = [f"{(STORY, RECIPE, STORY + RECIPE)[(i + j) % 3]} No. {i * 100 + j // 2}." for j in range(30)]
        rows = [{"text": t, "url": f"https://s{j % 3}.example.org/{j}"} for j, t in enumerate(texts)]
        if i % 2:
            pq.write_table(pa.Table.from_pylist(rows), self._folder / f"corpus/{i}.parquet", row_group_size=7)
        else:
            lines = "\n".join([*map(json.dumps, rows), "{broken"])
            (self._folder / f"corpus/{i}.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        # Many small steps: candidates are judged a few at a time, so that shards take long enough to be killed within.
        config = {
            "name": "kills", "output": str(self._folder / name), "corpus": [{"uri": str(self._folder / "corpus/*"), "name": "c"}],
            "gate": {"audit_fraction": 0.7}, "screen": {"near": 1.0}, "runner": {"kind": "threads", "workers": 2},
        }  # fmt: skip
        path = self._folder / f"{name}.yaml"
        path.write_text(json.dumps(config))
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "run", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, env=os.environ | {"PYTHONPATH": str(HERE)},
        )  # fmt: skip

    def _begun(self, process: subprocess.Popen[bytes], name: str) -> float:
        """Waits until the flow has begun: before, there is nothing to disturb."""
        scans = self._folder / name / "scans"
        deadline = time.monotonic() + 120
        before = scans.stat().st_mtime_ns if scans.is_dir() else 0
        while process.poll() is None and time.monotonic() < deadline:
            if scans.is_dir() and scans.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        return time.monotonic()

    def _whole(self, name: str) -> float:
        """Runs an audit to its end; returns the seconds from the flow's beginning."""
        process = self._start(name)
        begun = self._begun(process, name)
        _, said = process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(said.decode(errors="replace")[-2000:])
        return time.monotonic() - begun

    def undisturbed(self) -> None:
        """The audit that the others are held against."""
        self._lasts = self._whole("whole")

    def kill(self) -> str:
        """Starts the audit, or goes on with it, and kills it at a random moment; returns where that was."""
        process = self._start("killed")
        begun = self._begun(process, "killed")
        moment = self._random.uniform(0, self._lasts)
        while process.poll() is None and time.monotonic() - begun < moment:
            time.sleep(0.002)
        through = process.poll() is not None
        if not through:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        root = self._folder / "killed"
        done = len(list(root.glob("shards/*/[0-9a-f]*/manifest.json")))
        where = (
            "not killed: it was through"
            if through
            else f"after {done} shards"
            if not list(root.glob("audits/*"))
            else "after the scan"
        )
        self.killed.append(where)
        return where

    def finish(self) -> None:
        """Lets the killed audit come to its end."""
        self._whole("killed")

    def differences(self) -> list[str]:
        """Tables that differ, and what a kill left lying in the root."""
        one, two = (tables(self._folder / name / "corpus_audit.duckdb") for name in ("whole", "killed"))
        left = [f"left over: {p}" for p in (self._folder / "killed").rglob(".*") if p.name != ".lock"]
        return [name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)] + left

    def again(self) -> None:
        """Forgets the killed audit."""
        shutil.rmtree(self._folder / "killed", ignore_errors=True)


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a database but `runs`, in its own order."""
    with duckdb.connect(str(path), read_only=True) as db:
        names = [r[0] for r in db.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        return {name: db.execute(f'select * from "{name}"').fetchall() for name in names if name != "runs"}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--folder", type=Path, default=HERE / "benchmarks" / "out" / "kills")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    shutil.rmtree(given.folder, ignore_errors=True)
    trial = Trial(given.folder, given.seed)
    trial.undisturbed()
    kills = audits = 0
    while kills < given.kills:
        trial.again()
        for _ in range(min(trial._random.randint(1, 6), given.kills - kills)):
            kills += 1
            print(f"kill {kills}: {trial.kill()}", flush=True)
        trial.finish()
        audits += 1
        if wrong := trial.differences():
            print(f"DIFFERENT, seed {given.seed}, kill {kills}: {wrong}")
            return 1
    where = ", ".join(f"{n} x {place}" for place, n in sorted(Counter(trial.killed).items()))
    print(f"{kills} kills in {audits} audits, every table equal but `runs`: {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
