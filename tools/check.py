"""Every check and test, as `./run test` runs them; arguments go to pytest, whose summary comes last."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent  # of the virtual environment that runs us; not resolved, that would leave it

STATIC_CHECKS = {
    "ruff check": ("ruff", "check"),
    "ruff format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "import-linter": ("lint-imports", "--no-logo"),
}
WORKERS = 2


class Result(NamedTuple):
    """How a check ended: its exit status, what it printed, how long it took."""

    status: int
    output: str
    seconds: float


def run_static(arguments: tuple[str, ...]) -> Result:
    """Run one check to its end and keep its output."""
    program, *rest = arguments
    begin = time.monotonic()
    done = subprocess.run(  # noqa: S603 - the table above
        (PROGRAMS / program, *rest), cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Result(done.returncode, done.stdout, time.monotonic() - begin)


def main(pytest_arguments: list[str]) -> int:
    """Run everything, also after a failure, so that one run shows all there is to mend. 0: all passed."""
    failed = []
    with ThreadPoolExecutor(WORKERS) as workers:
        for name, result in zip(STATIC_CHECKS, workers.map(run_static, STATIC_CHECKS.values()), strict=True):
            verdict = "ok" if result.status == 0 else "FAILED"
            print(f"{name:14} {verdict} ({result.seconds:.1f} s)", flush=True)  # noqa: T201 - a command line tool
            if result.status != 0:
                failed.append(name)
                print(result.output, flush=True)  # noqa: T201

    command = [str(PROGRAMS / "python"), "-m", "pytest", "-n", str(WORKERS), *pytest_arguments]
    tests = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own tests
    if failed:
        print(f"\nNot passed, see above: {', '.join(failed)}", file=sys.stderr)  # noqa: T201
    return tests.returncode or len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
