"""Show that `tallystick torture` can fail: run it against copies of the program that are wrong in one place each.

Arguments name mutants, else all are tried. A mutant is a text of one file, and another one in its place; where the
text is not there any more, this ends with an error. The figures of the last run are in docs/reliability.md.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEED = 1
OPERATIONS = 3_000
OPERATIONS_OF_EVENTS = 200
SECONDS = 900


@dataclass(frozen=True)
class Mutant:
    """What is spoilt: every `right` in a file below src/tallystick becomes `wrong`. `faults`: what it takes to show.

    `operations`: fewer than of the others where it shows at the end of a run alone.
    """

    name: str
    meaning: str
    file: str
    right: str
    wrong: str
    faults: str = "none"
    operations: int = OPERATIONS


MUTANTS = (
    Mutant(
        "forgotten-reference",
        "answers are kept under a name that nobody finds again",
        "store/ledger/sql/money.sql",
        "SELECT $1, /* part: reference_digest */, fingerprint",
        "SELECT $1, decode(md5(random()::text), 'hex'), fingerprint",
    ),
    Mutant(
        "lost-update",
        "instruments are read without their locks, so that one of two processes writes over the other",
        "store/ledger/sql/money.sql",
        "       FOR UPDATE OF account\n",
        "",
    ),
    Mutant(
        "early-answer",
        "payments are answered just before they are committed",
        "store/ledger/committer.py",
        "                await apply_payments(connection",
        "                self._answer(book_id, signed, decisions)\n"
        "                await asyncio.sleep(0.5)\n"
        "                await apply_payments(connection",
    ),
    Mutant(
        "refund-counted-twice",
        "the books give back twice what a refund says",
        "domain/decide/refund.py",
        "TOTALS[AccountKind.SALES], instrument.account_id, amount_micros)",
        "TOTALS[AccountKind.SALES], instrument.account_id, 2 * amount_micros)",
    ),
    Mutant(
        "forgotten-refund",
        "a payment does not know what was refunded of it",
        "domain/decide/refund.py",
        "transactions=(replace(original, refunded_micros=original.refunded_micros + amount_micros), transaction),",
        "transactions=(original, transaction),",
    ),
    Mutant(
        "token-that-lives-on",
        "a cancelled token can still be used",
        "domain/decide/checks.py",
        "    if token_state is not TokenState.ACTIVE and token_state is not TokenState.USED:",
        "    if token_state not in {TokenState.ACTIVE, TokenState.USED, TokenState.CANCELLED}:",
    ),
    Mutant(
        "pending-for-ever",
        "what is no longer pending stays set aside",
        "domain/decide/resolve.py",
        "pending_micros=instrument.pending_micros - transaction.amount_micros",
        "pending_micros=instrument.pending_micros",
    ),
    Mutant(
        "two-spaces",
        "the references of /v1 are others than those of the query API",
        "web/v1/money.py",
        '"CallerReference": asked.idempotency_key}',
        '"CallerReference": f"v1-{asked.idempotency_key}"}',
    ),
    Mutant(
        "refusal-that-spends",
        "a refusal of /v1 spends its reference",
        "web/v1/money.py",
        "refusal_spends=False",
        "refusal_spends=True",
    ),
    Mutant(
        "made-twice",
        "/v1 says of what it tells again that it was made just now",
        "web/v1/money.py",
        "replayed=transaction_id not in made_ids",
        "replayed=False",
    ),
    Mutant(
        "believed-clock",
        "no clock is ever doubted: leases are taken, things end and are forgotten by whatever it says",
        "db/clock_watch.py",
        "        doubts = self._jumped is not None or abs(off) > self.tolerance\n",
        "        doubts = False\n",
        "clock",
    ),
    Mutant(
        "number-left-out",
        "every batch of events leaves a number out",
        "services/events/numbering.py",
        "enumerate(taken, start=last + 1)",
        "enumerate(taken, start=last + 2)",
        operations=OPERATIONS_OF_EVENTS,
    ),
    Mutant(
        "overtaking-event",
        "an event does not wait for the earlier one of its object, which has not arrived yet",
        "store/events/sql/deliveries.sql",
        "          AND earlier.state = 'waiting')\n",
        "          AND false)\n",
        operations=OPERATIONS_OF_EVENTS,
    ),
    Mutant(
        "given-up-event",
        "an event that did not arrive the first time is given up",
        "notify/webhooks.py",
        "        if again is None:\n",
        "        if again is not None:\n",
        operations=OPERATIONS_OF_EVENTS,
    ),
)


def spoilt(mutant: Mutant, directory: Path) -> Path:
    """A copy of the sources with the mutant in it. Raises LookupError: its place is not there any more."""
    copy = directory / mutant.name
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "tallystick" / mutant.file
    text = file.read_text("utf-8")
    if mutant.right not in text:
        raise LookupError(f"{mutant.name}: {mutant.file} has no {mutant.right!r} any more")
    file.write_text(text.replace(mutant.right, mutant.wrong), "utf-8")
    return copy


def notices(mutant: Mutant) -> bool:
    """Whether torture notices the mutant; prints what it says about it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        found = directory / "report.json"
        command = (sys.executable, "-m", "tallystick", "torture", "--seed", str(SEED), "--faults", mutant.faults)
        limits = ("--operations", str(mutant.operations), "--json", str(found))
        environment = os.environ | {"PYTHONPATH": str(spoilt(mutant, directory))}
        began = time.monotonic()
        ended = subprocess.run((*command, *limits), env=environment, check=False, timeout=SECONDS)  # noqa: S603
        seconds = time.monotonic() - began
        report = json.loads(found.read_bytes()) if found.exists() else {}
    failure = report.get("failure") or {}
    noticed = ended.returncode == 1 and bool(failure or report.get("problems"))
    words = f"after {report.get('operations')} operations, {seconds:.0f} s; story of {failure.get('requests')} requests"
    print(f"{'NOTICED' if noticed else 'MISSED'} {mutant.name} ({mutant.meaning}): {words}\n", flush=True)  # noqa: T201
    return noticed


def main(names: list[str]) -> int:
    """0: all were noticed."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    if len(chosen) < len(set(names)):
        print(f"there are {', '.join(mutant.name for mutant in MUTANTS)}")  # noqa: T201 - a command line tool
        return 2
    missed = [mutant.name for mutant in chosen if not notices(mutant)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} noticed; missed: {missed or 'none'}")  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
