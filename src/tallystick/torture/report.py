"""What a run has shown, in figures and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tallystick.domain.texts import counted


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: in a line, and as the shortest story that shows it. `alone`: without any fault."""

    message: str
    buyer: str
    story: tuple[str, ...]
    requests_before: int
    requests: int
    alone: bool
    reproduced: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run. `unknown`: answers that left open what had happened, by reason; `found_out`: what became of them.

    `operations`: answers that told what had happened, without the `polls` for the end of a payment by card.
    `events`: how many the sellers were told of; `deliveries`: how often one arrived.
    `ended`: how often a process ended by itself, as one does that cannot start, and was started again; by how it ended.
    """

    seed: int
    processes: int
    sellers: int
    buyers: int
    seconds: float
    operations: int
    polls: int
    answered: dict[str, int]
    faces: dict[str, int]
    refused: dict[str, int]
    unknown: dict[str, int]
    found_out: dict[str, int]
    faults: dict[str, int]
    left_out: dict[str, str]
    longest_seconds: float
    tracebacks: int
    ended: dict[str, int]
    transactions: int
    verified: bool
    events: int = 0
    deliveries: int = 0
    problems: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return self.verified and not self.problems and self.failure is None


def lines(report: Report) -> Iterator[str]:
    """The report for people."""
    faults = sum(report.faults.values())
    yield (
        f"seed {report.seed}: {report.operations:,} operations (and {report.polls:,} polls) of {report.buyers:,} "
        f"buyers at {report.sellers} sellers, {report.processes} processes, {faults} faults, {report.seconds:.0f} s"
    )
    yield f"  answered     {_counts(report.answered)}"
    yield f"  interfaces   {_counts(report.faces)}"
    yield f"  refused      {_counts(report.refused)}"
    yield f"  faults       {_counts(report.faults)}"
    for fault, why in report.left_out.items():
        yield f"  left out     {fault}: {why}"
    yield f"  unknown      {sum(report.unknown.values())}: {_counts(report.unknown)}"
    yield f"  found out    {_counts(report.found_out)}"
    yield (
        f"  longest call {report.longest_seconds:.1f} s; tracebacks in logs: {report.tracebacks}; "
        f"processes that ended by themselves: {sum(report.ended.values())}"
    )
    yield from (f"  ended        {counted(count, 'time')}: {how}" for how, count in report.ended.items())
    yield f"  books        {report.transactions:,} transactions; verify: {'clean' if report.verified else 'NOT CLEAN'}"
    yield f"  events       {report.events:,}; {report.deliveries:,} deliveries arrived"
    yield from (f"  WRONG        {problem}" for problem in report.problems)
    if report.failure is not None:
        yield from _told(report.failure, report)


def _told(failure: Failure, report: Report) -> Iterator[str]:
    yield f"  WRONG        {failure.message}"
    how = "without any fault" if failure.alone else "under the same kinds of faults"
    shown = f"of {failure.requests_before} requests {failure.requests} are enough, {how}"
    yield f"  The story ({shown if failure.reproduced else 'as it was: it did not show itself again'}),"
    yield f"  for {failure.buyer}:"
    yield from (f"  {line}" for line in failure.story)
    yield f"  Again: tallystick torture --seed {report.seed} --operations {report.operations}"


def _counts(counted: dict[str, int]) -> str:
    ordered: Sequence[tuple[str, int]] = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered) or "none"
