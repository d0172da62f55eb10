"""Every check and test, as `./run test` runs them; arguments go to pytest, whose summary comes last.

With `--coverage` first, what the tests reach of the program is measured, too.
"""

import os
import subprocess
import sys
import tempfile
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
MEASURE = "--coverage"


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


def run_tests(pytest_arguments: list[str]) -> int:
    """Run pytest alone. The coverage floor holds for the whole suite only, so it is not applied to a part."""
    measured = pytest_arguments[:1] == [MEASURE]
    given = pytest_arguments[1:] if measured else pytest_arguments
    pytest = ["-m", "pytest", "-n", str(WORKERS), "--dist", "worksteal", *given]
    python = str(PROGRAMS / "python")
    if not measured:
        return subprocess.run([python, *pytest], cwd=ROOT, check=False).returncode  # noqa: S603 - our own tests
    with tempfile.TemporaryDirectory(prefix="tallystick-coverage-") as directory:
        environment = os.environ | {"COVERAGE_FILE": str(Path(directory) / "reached")}
        coverage = [python, "-m", "coverage"]

        def run(*arguments: str) -> int:
            return subprocess.run(  # noqa: S603 - our own tests
                [*coverage, *arguments], cwd=ROOT, check=False, env=environment
            ).returncode

        tests = run("run", *pytest)
        run("combine", "--quiet")
        return tests or run("report", *(["--fail-under", "0"] if given else []))


def main(pytest_arguments: list[str]) -> int:
    """Run everything, also after a failure, so that one run shows all that must be fixed. 0: all passed."""
    failed = []
    with ThreadPoolExecutor(WORKERS) as workers:
        for name, result in zip(STATIC_CHECKS, workers.map(run_static, STATIC_CHECKS.values()), strict=True):
            verdict = "ok" if result.status == 0 else "FAILED"
            print(f"{name:14} {verdict} ({result.seconds:.1f} s)", flush=True)  # noqa: T201 - a command line tool
            if result.status != 0:
                failed.append(name)
                print(result.output, flush=True)  # noqa: T201

    tests = run_tests(pytest_arguments)
    if failed:
        print(f"\nNot passed, see above: {', '.join(failed)}", file=sys.stderr)  # noqa: T201
    return tests or len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
