"""What is measured: each case by a letter, as the documentation has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tallystick.bench.load import requests
from tallystick.bench.load.requests import BATCH_LINES, RequestSigner
from tallystick.bench.target.stall import Stall

Stalls = list[Stall]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load. `payments` is how many payments each request carries, 0 where it is not all payments.

    `likely_rate`: requests per second for which enough are prepared; a faster service is measured again, with more.
    """

    name: str
    title: str
    requests: Callable[[RequestSigner, Stalls], Iterator[bytes]]
    payments: int
    likely_rate: int


PAY: Final = Case(
    "pay",
    "signed Pay, prepaid, one seller",
    lambda signer, stalls: requests.pays(signer, stalls[0], [token for _, token in stalls[0].balances]),
    payments=1,
    likely_rate=14_000,
)
TAB: Final = Case(
    "tab",
    "signed Pay, postpaid, one hot seller",
    lambda signer, stalls: requests.pays(signer, stalls[0], stalls[0].tabs),
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
MIX: Final = Case(
    "mix",
    "80 % Pay, 10 % balances, 5 % status, 5 % refunds",
    lambda signer, stalls: requests.mixed(signer, stalls[0]),
    payments=0,
    likely_rate=14_000,
)
READ: Final = Case(
    "read",
    "GetPrepaidBalance",
    lambda signer, stalls: requests.balance_reads(signer, stalls[0]),
    payments=0,
    likely_rate=25_000,
)
BATCH: Final = Case(
    "batch",
    f"batch call, {BATCH_LINES} payments a request",
    requests.batches,
    payments=BATCH_LINES,
    likely_rate=40,
)
CASES: Final = (PAY, TAB, SPREAD, MIX, READ, BATCH)
