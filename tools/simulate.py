"""Run histories of the simulation: committer, worker, rails and notifications under faults, in one process.

Without arguments a minute of them. Each is a seed; one that breaks a promise is told with its seed, and run again by
`--first SEED --histories 1`. `--mutations` shows instead which deliberate faults they find. What the last run came to
is in docs/reliability.md.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.simulation.history import run_history
from tests.simulation.mutations import MUTATIONS, caught
from tests.simulation.plan import plan_of

MAX_TOLD = 20


def say(line: str) -> None:
    """Tell people at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def simulate(first: int, histories: int | None, seconds: float) -> int:
    """How many of the histories broke a promise."""
    began = time.monotonic()
    sums: Counter[str] = Counter()
    broken = 0
    seed = first
    while seed < first + histories if histories is not None else time.monotonic() - began < seconds:
        result = run_history(plan_of(seed))
        sums.update(result.faults)
        sums.update(steps=result.steps, commands=result.commands, attempts=result.attempts, commits=result.commits)
        sums.update(statements=result.statements)
        if result.problems:
            broken += 1
            say("\n  ".join([f"seed {seed}:", *result.problems[:MAX_TOLD]]))
        seed += 1
    took = time.monotonic() - began
    say(f"{seed - first:,} histories from seed {first} in {took:,.1f} s, {broken} of them broke a promise")
    say(f"{sums['steps']:,} steps, {sums['steps'] / took * 60:,.0f} a minute")
    say(", ".join(f"{name} {count:,}" for name, count in sums.items() if name != "steps"))
    return broken


def show_mutations(first: int, histories: int) -> int:
    """How many of the deliberate faults were missed."""
    missed = 0
    for mutation in MUTATIONS:
        found = caught(mutation, range(first, first + histories))
        missed += found is None
        say(f"{'missed' if found is None else f'seed {found[0]:>4}'}  {mutation.name}")
    say(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} were caught")
    return missed


def main(arguments: list[str]) -> int:
    """0: no promise was broken, and no fault was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--histories", type=int, help="how many; else as many as there is time for")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--mutations", action="store_true", help="put faults in, and see whether they are found")
    chosen = parser.parse_args(arguments)
    if chosen.mutations:
        return min(show_mutations(chosen.first, chosen.histories or 40), 1)
    return min(simulate(chosen.first, chosen.histories, chosen.seconds), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
