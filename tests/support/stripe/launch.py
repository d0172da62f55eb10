"""Run localstripe, a stateful fake of Stripe, in a process of its own. Argument: the number of the socket to answer on.

Its own command listens on every address of the machine and copies all that it knows to a file after each change.
"""

from __future__ import annotations

import logging
import socket
import sys

from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app


def _keep_nothing(_: Store) -> None:
    """In the place of writing everything to a file that all copies share."""


def main(number: int) -> None:
    Store.dump_to_disk = _keep_nothing
    logging.disable(logging.CRITICAL)
    web.run_app(app, sock=socket.socket(fileno=number), print=None, access_log=None)


main(int(sys.argv[1]))
