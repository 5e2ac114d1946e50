"""The server of the page: one that does not wait for ever for a request that never comes.

A connection that is opened and says nothing, or half of a request, counts among those that are
served at once. Some sixty of them, such as a port scanner leaves, would keep everybody out.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = 64
REQUEST_SECONDS = 5.0
"""In which a request must come; a browser sends one at once (judgement)."""


class ImpatientProtocol(H11Protocol):
    """HTTP that closes a connection when no whole request comes for a while."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def _wait(self) -> None:
        self.loop.call_later(REQUEST_SECONDS, self._close_if_nothing_came, self.cycle)

    def _close_if_nothing_came(self, before: RequestResponseCycle | None) -> None:
        """Close unless a request came after ``before``, or the one that came is being answered."""
        if self.transport.is_closing():
            return
        if self.cycle is before and (
            before is None or before.response_complete or before.more_body
        ):
            self.transport.close()
        else:
            self._wait()


def server_config(app: Any) -> uvicorn.Config:
    """How the service is run: quiet, bounded and impatient."""
    return uvicorn.Config(
        app,
        http=ImpatientProtocol,
        log_level="warning",
        server_header=False,
        date_header=False,
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
    )
