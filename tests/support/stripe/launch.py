"""Run localstripe, a stateful fake of Stripe, in a process of its own on 127.0.0.1. Argument: the port.

Its own command listens on every address of the machine and copies all that it knows to a file after each change.
"""

from __future__ import annotations

import logging
import sys

from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app


def _keep_nothing(_: Store) -> None:
    """In the place of writing everything to a file that all copies share."""


def main(port: int) -> None:
    Store.dump_to_disk = _keep_nothing
    logging.disable(logging.CRITICAL)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


main(int(sys.argv[1]))
