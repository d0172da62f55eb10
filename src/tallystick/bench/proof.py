"""The books of a run are proved at its end. Whatever becomes of that, no figure is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tallystick.bench.interruption import goes_on_to_report, is_ended_by
from tallystick.bench.rounds import FAILURES, text_of
from tallystick.bench.target.sellers import Progress
from tallystick.db.connections import Pool
from tallystick.store.ledger.verify import verify

_WHAT = "proving the books"


@dataclass(slots=True)
class BooksProof:
    """What was found in the books. `interrupted`: somebody ended the run, also while they were looked at."""

    interrupted: bool = False
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """What is read of the books in here; a database that does not answer any more is a problem."""
        try:
            yield
        except (asyncio.CancelledError, *FAILURES) as error:
            if not is_ended_by(error):
                self.problems.append(f"the books could not be verified: {text_of(error)}")
            elif goes_on_to_report(has_figures=True):
                self.interrupted = True
            else:
                raise

    async def prove(self, progress: Progress, *pools: Pool) -> None:
        """Look for problems in the books of these databases, unless the run was ended."""
        if self.interrupted:
            return
        with self.looking():
            progress(_WHAT, 0, 1)
            for pool in pools:
                self.problems += (await verify(pool)).problems
            progress(_WHAT, 1, 1)
