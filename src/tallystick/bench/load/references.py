"""Payments that were asked for, held against the books: each by its reference, and each answered one by its id.

A count says less. A payment that was under way when a load ended may be committed during the next one, and would be
counted there as one too many; and one that is missing would hide behind one that is too many.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from tallystick.bench.load.wrk import Load

_REFERENCE: Final = re.compile(rb'CallerReference=([0-9a-f]+)|"caller_reference":"([0-9a-f]+)"')
_SHOWN: Final = 3
"""Of payments with which something is wrong, so many are named."""

Asked = Sequence[tuple[str, ...]]
"""For each prepared request, in their order, the references of the transactions that it makes."""

Made = Sequence[tuple[str, str]]
"""What is in the books: ids of transactions with their references."""


def references_of(request: bytes) -> tuple[str, ...]:
    """The references of the transactions that a prepared request makes, if it makes any."""
    return tuple((found[0] or found[1]).decode("ascii") for found in _REFERENCE.findall(request))


def noting(requests: Iterator[bytes], asked: list[tuple[str, ...]]) -> Iterator[bytes]:
    """The requests; the references of each are appended to `asked`."""
    for request in requests:
        asked.append(references_of(request))
        yield request


@dataclass(slots=True)
class Unanswered:
    """What was asked for without an answer when its load ended, and was not in the books yet.

    That is at most one request for each client of each load: memory does not grow with the payments of a run.
    """

    late: int = 0
    """Payments so far that were asked for during one load and committed during another."""
    _references: set[str] = field(default_factory=set)

    def compare(self, loads: Sequence[tuple[Asked, Load]], made: Made) -> list[str]:
        """What is wrong with the books after `loads`, which ran at the same time; nothing, if all is well.

        `made`: what has been begun since they started, and succeeded. Every answered transaction must be there, and
        every reference there must have been asked for, now or earlier, and be there once.
        """
        found: list[str] = []
        ids = {transaction_id for transaction_id, _ in made}
        times = Counter(reference for _, reference in made)
        _add(found, "were answered and are not in the books", [
            one for _, load in loads for one in load.answered if one not in ids
        ])  # fmt: skip
        _add(found, "are in the books more than once", [one for one, count in times.items() if count > 1])
        asked_for: set[str] = set()
        for asked, load in loads:
            sent = sent_of(asked, load)
            asked_for.update(chain.from_iterable(sent))
            missing = [one for one in sent if any(reference not in times for reference in one)]
            if len(missing) > load.clients + 1:
                found.append(
                    f"{len(missing)} requests are not in the books, and {load.clients} clients had one under way: "
                    f"{_some(list(chain.from_iterable(missing)))}"
                )
        earlier = times.keys() & self._references
        self.late += len(earlier)
        self._references -= earlier
        _add(found, "are in the books and were not asked for", [
            one for one in times if one not in asked_for and one not in earlier
        ])  # fmt: skip
        self._references |= asked_for - times.keys()
        return found


def sent_of(asked: Asked, load: Load) -> Asked:
    """The requests that may have been sent: those that were answered, one for each client, and the first.

    They are sent in their order. The first one wrk only looks at, to learn how many requests a script makes at once.
    """
    return [references for references in asked[: load.requests + load.clients + 1] if references]


def _add(found: list[str], what: str, which: Sequence[str]) -> None:
    if which:
        found.append(f"{len(which)} payments {what}: {_some(which)}")


def _some(which: Sequence[str]) -> str:
    return ", ".join(which[:_SHOWN]) + (", …" if len(which) > _SHOWN else "")
