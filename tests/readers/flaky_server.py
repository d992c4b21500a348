"""A web server on loopback that serves one folder's files by ranges, and misbehaves as it is told, answer by answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.loopback import served


class Behaviour:
    """What the next answers to GET do ('' is well), and what was asked."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.always = ""
        self.ranges: list[tuple[int, int]] = []
        self.given: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def take(self) -> str:
        with self.lock:
            how = self.next.pop(0) if self.next else self.always
            self.given.append(how)
            return how


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    behaviour: Behaviour

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        data = self._data()
        if data is not None:
            self._head(200, len(data))

    def do_GET(self) -> None:
        b = self.behaviour
        with b.lock:
            b.at_once += 1
            b.most_at_once = max(b.most_at_once, b.at_once)
        try:
            self._get(b)
        finally:
            with b.lock:
                b.at_once -= 1

    def _data(self) -> bytes | None:
        path = self.folder / self.path.lstrip("/").split("?")[0]
        if path.is_file():
            return path.read_bytes()
        self._head(404, 0)
        return None

    def _head(self, status: int, size: int, **more: str) -> None:
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def _get(self, b: Behaviour) -> None:
        data = self._data()
        if data is None:
            return
        how = b.take()
        if how.isdigit():
            self._head(int(how), 0, Retry_After="0")
            return
        first, last = 0, len(data) - 1
        wanted = self.headers.get("Range", "")
        if wanted and how != "whole":
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end or last), last)
            b.ranges.append((first, last + 1))
        part = data[first : last + 1]
        if how == "short":  # fewer bytes than asked for, and says so
            part = part[: len(part) // 2]
        status, more = (206, {"Content_Range": f"bytes {first}-{last}/{len(data)}"}) if how != "whole" else (200, {})
        self._head(status, len(part), **more)
        if how == "drop" or (how.startswith("drop>") and len(part) > int(how[5:])):  # says more than it sends
            self.wfile.write(part[: len(part) // 2])
            self.close_connection = True
            return
        if how == "slow":
            half = len(part) // 2
            self.wfile.write(part[:half])
            self.wfile.flush()
            time.sleep(0.05)
            part = part[half:]
        self.wfile.write(part)


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, Behaviour]]:
    """A folder -> its address, and the server's behaviour."""
    behaviour = Behaviour()
    handler = type("Handler", (_Handler,), {"folder": folder, "behaviour": behaviour})
    with served(handler) as address:
        yield address, behaviour
