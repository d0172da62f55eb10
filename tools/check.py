"""Every check and test, as `./run test` runs them; arguments go to pytest, whose summary comes last.

Of a whole run, the tests of the domain come first, and fail below a floor of what they reach of it. With `--coverage`
first, what all tests reach of the program is measured instead.
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
DOMAIN_TESTS = "tests/domain"
DOMAIN_FILES = "*/tallystick/domain/*"
DOMAIN_FLOOR = 92
"""Per cent of the domain's lines and branches that its own tests reach; stories reach most of the rest."""


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
    """Run pytest: everything, or what is asked for. Its exit status."""
    if pytest_arguments[:1] == [MEASURE]:
        given = pytest_arguments[1:]  # a floor holds for a whole run only
        return measure(given, ["--fail-under", "0"] if given else [])
    if pytest_arguments:
        return pytest(pytest_arguments)
    domain = measure([DOMAIN_TESTS], ["--include", DOMAIN_FILES, "--fail-under", str(DOMAIN_FLOOR)])
    return pytest(["--ignore", DOMAIN_TESTS]) or domain


def pytest(arguments: list[str]) -> int:
    """Run tests."""
    command = [str(PROGRAMS / "python"), *pytest_command(arguments)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own tests


def pytest_command(arguments: list[str]) -> list[str]:
    """What follows the interpreter."""
    return ["-m", "pytest", "-n", str(WORKERS), "--dist", "worksteal", *arguments]


def measure(arguments: list[str], report: list[str]) -> int:
    """Run tests and tell what they reach; `report`: which files, and the floor."""
    with tempfile.TemporaryDirectory(prefix="tallystick-coverage-") as directory:
        environment = os.environ | {"COVERAGE_FILE": str(Path(directory) / "reached")}

        def coverage(*command: str) -> int:
            return subprocess.run(  # noqa: S603 - our own tests
                [str(PROGRAMS / "python"), "-m", "coverage", *command], cwd=ROOT, check=False, env=environment
            ).returncode

        tests = coverage("run", *pytest_command(arguments))
        coverage("combine", "--quiet")
        return coverage("report", *report) or tests


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
