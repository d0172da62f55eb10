"""What is measured: each case by a letter, as the documentation has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from tallystick.bench import measures
from tallystick.bench.load import requests
from tallystick.bench.load.requests import BATCH_LINES, RequestSigner
from tallystick.bench.target.sellers import BenchmarkSeller

Sellers = list[BenchmarkSeller]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load. `payments` is how many payments each request carries, 0 where it is not all payments.

    `likely_rate`: requests per second for which enough are prepared; a faster service is measured again, with more.
    """

    name: str
    title: str
    requests: Callable[[RequestSigner, Sellers], Iterator[bytes]]
    payments: int
    likely_rate: int


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

CASES: Final = (PAY, JSON, TAB, SPREAD, MIX, READ, BATCH, NEIGHBOUR)
