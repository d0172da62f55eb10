"""What is measured: each case by a letter, as the documentation has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from tallystick.bench import goals, measures
from tallystick.bench.load import requests
from tallystick.bench.load.requests import BATCH_LINES, RequestSigner
from tallystick.bench.target.sellers import BenchmarkSeller
from tallystick.settings import Settings

Sellers = list[BenchmarkSeller]


class Whose(Enum):
    """Which sellers are charged: few large ones, many small ones, or all of them."""

    FEW = auto()
    MANY = auto()
    ALL = auto()


PLAIN: Final = "plain"
KEEPING: Final = "keeping"
NOT_KEEPING: Final = "not keeping"
TWO_PROCESSES: Final = "two processes"
OTHER_FRONT: Final = "other front"
"""What answers: as it is, with all requests kept, with none kept, in two processes, with the other front."""

OTHER_IS_DIRECT: Final = not Settings().direct_http
"""Whether the other front reads plain requests from their connections itself: the one that is not the default."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load. `payments` is how many payments each request carries, 0 where it is not all payments.

    `likely_rate`: requests per second for which enough are prepared; a faster service is measured again, with more.
    `clients`: the numbers of clients that it is measured with; None: all of the run's. `whose`: which sellers it
    charges. `server`: the name of what answers (`target/serving.py`).
    """

    name: str
    title: str
    requests: Callable[[RequestSigner, Sellers], Iterator[bytes]]
    payments: int
    likely_rate: int
    clients: tuple[int, ...] | None = None
    whose: Whose = Whose.FEW
    server: str = PLAIN

    def clients_of(self, given: Sequence[int]) -> Sequence[int]:
        """Of the numbers of clients of a run, those that it is measured with; the largest where none fits."""
        fitting = [one for one in given if self.clients is None or one in self.clients]
        return fitting or (given and [max(given)])


PAY: Final = Case(
    "pay",
    "signed Pay, prepaid, one seller",
    lambda signer, sellers: requests.pays(signer, sellers[0], [token for _, token in sellers[0].balances]),
    payments=1,
    likely_rate=14_000,
)
JSON: Final = Case(
    "json",
    "charge in JSON, prepaid, one seller",
    lambda signer, sellers: requests.json_charges(signer, sellers[0]),
    payments=1,
    likely_rate=20_000,
)
TAB: Final = Case(
    "tab",
    "signed Pay, postpaid, one hot seller",
    lambda signer, sellers: requests.pays(signer, sellers[0], sellers[0].tabs),
    payments=1,
    likely_rate=14_000,
)
SPREAD: Final = Case(
    "spread",
    "signed Pay, prepaid, spread over sellers",
    requests.spread_pays,
    payments=1,
    likely_rate=14_000,
)
MANY: Final = Case(
    "many",
    "signed Pay, prepaid, many small sellers in turn, with unequal numbers of balances",
    requests.spread_pays,
    payments=1,
    likely_rate=14_000,
    clients=(16, 64),
    whose=Whose.MANY,
)
MIX: Final = Case(
    "mix",
    "80 % Pay, 10 % balances, 5 % status, 5 % refunds",
    lambda signer, sellers: requests.mixed(signer, sellers[0]),
    payments=0,
    likely_rate=14_000,
)
READ: Final = Case(
    "read",
    "GetPrepaidBalance",
    lambda signer, sellers: requests.balance_reads(signer, sellers[0]),
    payments=0,
    likely_rate=25_000,
)
KEPT: Final = replace(PAY, name="kept", title="Pay as above, requests are kept", clients=(64,), server=KEEPING)
UNKEPT: Final = replace(PAY, name="unkept", title="Pay as above, no request is kept", clients=(64,), server=NOT_KEEPING)
TWO: Final = replace(
    PAY, name="two", title="Pay as above, answered by two API processes", clients=(64, 256), server=TWO_PROCESSES
)
_BY_THE_OTHER: Final = "requests are read directly" if OTHER_IS_DIRECT else "the HTTP server reads all requests"
FRONT: Final = replace(
    PAY, name="front", title=f"Pay as above, {_BY_THE_OTHER}", clients=(1, 64, 256), server=OTHER_FRONT
)
FRONT_READ: Final = replace(
    READ,
    name="front-read",
    title=f"GetPrepaidBalance as above, {_BY_THE_OTHER}",
    clients=(1, 64, 256),
    server=OTHER_FRONT,
)
PINNED: Final = (replace(PAY, name="pay pinned"), replace(TWO, name="two pinned"))
"""One API process and two, with a processor for each, one for the load generator, and the others for the database."""

NOTIFIED: Final = replace(
    PAY, name="notified", title="Pay as above, the seller is notified of each payment", clients=(64,)
)
BATCH: Final = Case(
    "batch",
    f"batch call, {BATCH_LINES} payments a request",
    requests.batches,
    payments=BATCH_LINES,
    likely_rate=40,
)
NEIGHBOUR: Final = Case(
    measures.NEIGHBOUR,
    "signed Pay of a seller that asks for little, with nobody beside it",
    lambda signer, sellers: requests.pays(signer, sellers[1], [token for _, token in sellers[1].balances]),
    payments=1,
    likely_rate=500,
)
"""Measured alone, and then beside each flood of another seller."""

FLOODS: Final = (
    (replace(PAY, name="flood", title="the flood of Pay beside the neighbour"), 128),
    (
        Case(
            "lists",
            "the flood of GetAccountActivity beside the neighbour",
            lambda signer, sellers: requests.activity_lists(signer, sellers[0]),
            payments=0,
            likely_rate=500,
        ),
        16,
    ),
)
"""What another seller does meanwhile, with how many clients."""

MEMORY: Final = Case(
    goals.MEMORY,
    "Pay once from every balance, and once more, after all else: the memory of the API process",
    requests.every_balance,
    payments=1,
    likely_rate=14_000,
    whose=Whose.ALL,
)

WARM_UP: Final = Case(
    "warm-up",
    "Pay once from every balance and tab before anything is measured: what is charged again is remembered",
    requests.every_authorization,
    payments=1,
    likely_rate=14_000,
    whose=Whose.ALL,
)
WARM_UPS_BESIDE: Final = {KEEPING: 1, NOT_KEEPING: 1, TWO_PROCESSES: 3, OTHER_FRONT: 1}
"""How often the seller whom a server's cases charge is charged before: of two processes a client meets only one."""

CASES: Final = (
    PAY, JSON, TAB, SPREAD, MANY, MIX, READ, KEPT, UNKEPT, TWO, FRONT, FRONT_READ, NOTIFIED, BATCH, NEIGHBOUR, MEMORY,
)  # fmt: skip
