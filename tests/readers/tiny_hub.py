"""A hub on loopback that serves a folder's files: what the hub's file system and the `datasets` library ask of the real one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import served

SHA = "1" * 40


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path  # owner/name/path…; a name that begins with 'gated' lists but gives no file, one with 'private' gives nothing
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, message.encode(), X_Error_Code=code, X_Error_Message=message)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), Content_Type="application/json")

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.asked.append(f"{self.command} {url.path}")
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
            self._api(f"{parts[2]}/{parts[3]}", parts[4:], body)
        elif parts[0] == "datasets" and len(parts) > 5 and parts[3] == "resolve":
            self._file(f"{parts[1]}/{parts[2]}", parts[4], "/".join(parts[5:]))
        else:
            self._refuse(404, "EntryNotFound", "nothing here")

    do_GET = do_POST = do_HEAD = _answer

    def _api(self, name: str, rest: list[str], body: bytes) -> None:
        folder = self.root / name
        if not folder.is_dir() or "/private" in name:
            self._refuse(401, "RepoNotFound", "Repository not found")
            return
        kind, revision = rest[0] if rest else "", rest[1] if len(rest) > 1 else "main"
        if revision not in ("main", SHA, "v1"):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        if kind in ("", "revision"):
            siblings = [{"rfilename": str(p.relative_to(folder))} for p in sorted(folder.rglob("*")) if p.is_file()]
            self._json({"id": name, "sha": SHA, "private": False, "gated": False, "tags": [], "siblings": siblings})
        elif kind == "tree":
            top = folder / "/".join(rest[2:])
            if not top.is_dir():
                self._refuse(404, "EntryNotFound", f"{top.name} does not exist")
                return
            deep = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
            self._json([_info(p, folder) for p in sorted(top.rglob("*") if deep else top.iterdir())])
        elif kind == "paths-info":
            paths = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
            self._json([_info(folder / p, folder) for p in paths if (folder / p).exists()])
        else:
            self._refuse(404, "EntryNotFound", "nothing here")

    def _file(self, name: str, revision: str, path: str) -> None:
        file = self.root / name / path
        if "/gated" in name:
            self._refuse(403, "GatedRepo", f"Access to dataset {name} is restricted.")
        elif not file.is_file():
            self._refuse(404, "EntryNotFound", "no such file")
        else:
            data = file.read_bytes()
            headers = {"ETag": f'"{_digest(data)}"', "X_Repo_Commit": SHA, "Accept_Ranges": "bytes"}
            wanted = self.headers.get("Range", "")
            if wanted.startswith("bytes="):
                first, _, last = wanted[6:].partition("-")
                start = int(first or 0)
                end = min(int(last) + 1 if last else len(data), len(data))
                self._send(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}", **headers)
            else:
                self._send(200, data, **headers)


def _digest(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _info(path: Path, folder: Path) -> dict[str, object]:
    name = str(path.relative_to(folder))
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": "2" * 40, "size": 0}
    data = path.read_bytes()
    return {"type": "file", "path": name, "oid": _digest(data), "size": len(data)}


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """A folder `owner/name/…` -> its endpoint, and the list of what is asked of it."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"root": root, "asked": asked})
    with served(handler) as address:
        yield address, asked
