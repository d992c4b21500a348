"""A POST of JSON to an address that may hold a secret: nothing here, and nothing it calls, says more of it than the host."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from corpus_tools.errors import CorpusAuditError
from pipelines.deployments import POST_SECONDS

_posting = threading.local()


class WebhookFailed(CorpusAuditError):
    """The webhook was not told. `retry`: trying again may help."""

    def __init__(self, what: str, *, where: str, retry: bool) -> None:
        super().__init__(
            what, where=where, expected="an answer 2xx", todo="The audit stands; look at `notify.webhook`."
        )
        self.retry = retry


class _Unsaid(logging.Filter):
    """httpx logs the whole address of each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_posting, "now", False)


logging.getLogger("httpx").addFilter(_Unsaid())


def post(address: SecretStr, payload: Mapping[str, Any]) -> int:
    """Sends JSON; returns the status of the answer. Raises WebhookFailed; a redirect is a failure, for it would send the JSON elsewhere."""
    where = shown(address)
    _posting.now = True
    try:
        answer = httpx.post(address.get_secret_value(), json=payload, timeout=POST_SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise WebhookFailed(f"no answer ({type(error).__name__})", where=where, retry=True) from None
    finally:
        _posting.now = False
    if not answer.is_success:
        again = answer.status_code in (408, 425, 429) or answer.status_code >= 500
        raise WebhookFailed(f"answered {answer.status_code}", where=where, retry=again)
    return answer.status_code


def shown(address: SecretStr) -> str:
    """What may be said of an address: 'https://hooks.example.org/…'."""
    parts = urlsplit(address.get_secret_value())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
