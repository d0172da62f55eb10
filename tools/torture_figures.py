"""Rows for the figures of torture in docs/reliability.md, from the reports that `tallystick torture --json` wrote."""

import sys
from pathlib import Path

import msgspec

from tallystick.torture.report import Report

HAPPENED = "had happened: the first transaction was told again"
HEAD = (
    "seed",
    "processes",
    "operations",
    "of these by `/v1`",
    "faults",
    "unknown answers",
    "of these had happened",
    "longest call, s",
    "s",
)


def row(report: Report) -> str:
    """One run. Raises ValueError: something was wrong, which is no figure."""
    if not report.good:
        raise ValueError(f"seed {report.seed} found something")
    cells = (
        str(report.seed),
        str(report.processes),
        f"{report.operations:,}",
        f"{report.faces.get('JSON', 0):,}",
        f"{sum(report.faults.values()):,}",
        f"{sum(report.unknown.values()):,}",
        f"{report.found_out.get(HAPPENED, 0):,}",
        f"{report.longest_seconds:.1f}",
        f"{report.seconds:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main(files: list[str]) -> int:
    """0: they were printed."""
    reports = [msgspec.json.decode(Path(file).read_bytes(), type=Report) for file in files]
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")  # noqa: T201 - a command line tool
    for report in reports:
        print(row(report))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
