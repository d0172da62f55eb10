"""Run localstripe, a stateful fake of Stripe, in a process of its own. Argument: the number of the socket to answer on.

Its own command listens on every address of the machine and copies all that it knows to a file after each change.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections import defaultdict
from typing import Any

from aiohttp import web
from localstripe.resources import Charge, List, Refund, Store
from localstripe.server import app


def _keep_nothing(_: Store) -> None:
    """In the place of writing everything to a file that all copies share."""


class Refunds:
    """The refunds of a charge, found by it: the fake reads all that it has, several times for each charge it shows."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Any]] = defaultdict(list)
        self._make = Refund.__init__

    def make(self, refund: Any, *arguments: Any, **fields: Any) -> None:  # noqa: ANN401 - the fake's own
        self._make(refund, *arguments, **fields)
        self._of[refund.charge].append(refund)

    def of(self, charge: Any) -> Any:  # noqa: ANN401 - the fake's own
        found = List(f"/v1/charges/{charge.id}/refunds")
        found._list = self._of[charge.id]  # noqa: SLF001 - as the fake fills its lists
        return found


def main(number: int) -> None:
    Store.dump_to_disk = _keep_nothing
    refunds = Refunds()

    def made(refund: Any, *arguments: Any, **fields: Any) -> None:  # noqa: ANN401 - the fake's own
        refunds.make(refund, *arguments, **fields)

    Refund.__init__ = made
    Charge.refunds = property(refunds.of)
    logging.disable(logging.CRITICAL)
    web.run_app(app, sock=socket.socket(fileno=number), print=None, access_log=None)


main(int(sys.argv[1]))
