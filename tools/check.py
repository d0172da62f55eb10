"""Every check and test, as `./run test` runs them; arguments go to pytest, whose summary comes last.

Of a whole run, the tests of the domain are run beside the checks, and fail below a floor of what they reach of it. With
`--coverage` first, what all tests reach of the program is measured instead. With `--quick`, a chosen part of the tests
is run; with `--image`, those that make whole machines, which all others leave out; with `--help`, nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent  # of the virtual environment that runs us; not resolved, that would leave it

STATIC_CHECKS = {
    "ruff check": ("ruff", "check"),
    "ruff format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "import-linter": ("lint-imports", "--no-logo"),
}
CHECKS_AT_A_TIME = 2
PYTEST = ("-m", "pytest")
WORKERS = min(4, (os.cpu_count() or 1) + 1)
"""Of pytest: one more than there are processors, since tests also wait, for PostgreSQL, for browsers, for time to pass.
All of them share one database server, whose connections are enough for four."""

HELP = "--help"
MEASURE = "--coverage"
QUICK = "--quick"
IMAGE = "--image"
IMAGE_TESTS = "tests/deploy/whole"
IMAGE_ASKED = "TALLYSTICK_TEST_IMAGE"
"""What is set while those are asked for; else they skip. One after the other: each fills the machine."""
QUICK_TESTS = (
    "tests/domain",
    "tests/services",
    "tests/words",
    "tests/cli",
    "tests/web/api/test_query_api.py",
    "tests/web/common",
    "tests/store/ledger",
    "tests/stories/api/test_prepaid.py",
    "tests/stories/api/test_postpaid.py",
    "tests/stories/api/test_marketplace.py",
    "tests/stories/api/test_every_error.py",
    "tests/stories/api/test_recorded_requests.py",
    "tests/stories/pages/hosted/test_agreeing.py",
    "tests/stories/pages/common/test_access_table.py",
    "tests/test_architecture.py",
    "tests/test_citations.py",
    "tests/test_class_names.py",
    "tests/test_contributing.py",
    "tests/test_locks.py",
    "tests/test_settings.py",
    "tests/demo/test_shop.py",
    "tests/sdk/test_generated.py",
)
"""What a change breaks most often, and takes little: decisions, the ledger, a story of each kind, the rules of files.
No browser, no service and no database server of a test's own."""

NOT_QUICK = (
    "tests/cli/test_completion.py",
    "tests/cli/test_doctor.py",
    "tests/cli/test_listeners.py",
    "tests/cli/test_program.py",
    "tests/domain/test_dispute_properties.py",
    "tests/domain/test_gatekeeper_properties.py",
    "tests/domain/test_marketplace_properties.py",
    "tests/domain/test_properties.py",
)
"""Of those folders: what starts programs, and what tries thousands of made-up histories. A quarter of their time."""

DOMAIN = "domain"
DOMAIN_TESTS = "tests/domain"
UNMEASURED = "test_gatekeeper_properties.py"
"""Of the domain: its thousands of texts take three times as long when they are measured, and reach nothing more."""

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
        (PROGRAMS / program, *rest),
        cwd=ROOT,
        check=False,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Result(done.returncode, done.stdout, time.monotonic() - begin)


def run_domain_tests() -> Result:
    """Run those that are measured, to their end, and keep their output."""
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        status = measure(domain_tests(), ["--include", DOMAIN_FILES, "--fail-under", str(DOMAIN_FLOOR)], output)
        output.seek(0)
        return Result(status, output.read(), time.monotonic() - begin)


def domain_tests() -> list[str]:
    """The files of those that are measured."""
    files = sorted((ROOT / DOMAIN_TESTS).glob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in files if path.name != UNMEASURED]


def compile_tests() -> None:
    """Where no test ever ran, let one process compile them all: else each of pytest's workers would, for itself.

    Whoever finds no compiled test compiles it with pytest's own rewriting of asserts, which takes twice as long as to
    import it. What is wrong with a test here is told when it is run.
    """
    if not any((ROOT / "tests").rglob("*-pytest-*.pyc")):
        run_static(("python", *PYTEST, "--collect-only", "--quiet"))


def run_tests(pytest_arguments: list[str]) -> int:
    """Run pytest: everything but what has been measured, or what is asked for. Its exit status."""
    if pytest_arguments[:1] == [MEASURE]:
        given = pytest_arguments[1:]  # a floor holds for a whole run only
        return measure(given, ["--fail-under", "0"] if given else [])
    if pytest_arguments[:1] == [QUICK]:
        return pytest([*QUICK_TESTS, *(f"--ignore={path}" for path in NOT_QUICK), *pytest_arguments[1:]])
    if pytest_arguments[:1] == [IMAGE]:
        os.environ[IMAGE_ASKED] = "1"
        return pytest([IMAGE_TESTS, "-n", "0", *pytest_arguments[1:]])
    return pytest(pytest_arguments or [f"--ignore={path}" for path in domain_tests()])


def pytest(arguments: list[str]) -> int:
    """Run tests."""
    command = [str(PROGRAMS / "python"), *pytest_command(arguments)]
    return subprocess.run(command, cwd=ROOT, check=False, env=environment()).returncode  # noqa: S603 - our own tests


def environment() -> dict[str, str]:
    """That of this process, but that what was compiled is kept: tests start hundreds of programs."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def pytest_command(arguments: list[str], workers: int = WORKERS) -> list[str]:
    """What follows the interpreter."""
    return [*PYTEST, "-n", str(workers), "--dist", "worksteal", *arguments]


def measure(arguments: list[str], report: list[str], output: IO[str] | None = None) -> int:
    """Run tests and tell what they reach; `report`: which files, and the floor. `output`: None, where ours goes."""
    workers = WORKERS if output is None else CHECKS_AT_A_TIME
    with tempfile.TemporaryDirectory(prefix="tallystick-coverage-") as directory:
        measuring = environment() | {"COVERAGE_FILE": str(Path(directory) / "reached")}

        def coverage(*command: str) -> int:
            return subprocess.run(  # noqa: S603 - our own tests
                [str(PROGRAMS / "python"), "-m", "coverage", *command],
                cwd=ROOT,
                check=False,
                env=measuring,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
            ).returncode

        tests = coverage("run", *pytest_command(arguments, workers))
        coverage("combine", "--quiet")
        return coverage("report", *report) or tests


def tell(name: str, result: Result) -> None:
    """Print how a check ended."""
    verdict = "ok" if result.status == 0 else "FAILED"
    print(f"{name:14} {verdict} ({result.seconds:.1f} s)", flush=True)  # noqa: T201 - a command line tool


def main(pytest_arguments: list[str]) -> int:
    """Run everything, also after a failure, so that one run shows all that must be fixed. 0: all passed."""
    if pytest_arguments == [HELP]:  # asked for where only the environment is wanted, which `./run` has made by now
        print(__doc__)  # noqa: T201
        return 0
    failed = []
    with ThreadPoolExecutor(CHECKS_AT_A_TIME) as workers:
        checks = [workers.submit(run_static, command) for command in STATIC_CHECKS.values()]
        domain = None if pytest_arguments else workers.submit(run_domain_tests)
        workers.submit(compile_tests)
        for name, result in zip(STATIC_CHECKS, (check.result() for check in checks), strict=True):
            tell(name, result)
            if result.status != 0:
                failed.append(name)
                print(result.output, flush=True)  # noqa: T201
        if domain is not None:
            tell(DOMAIN, domain.result())
            if domain.result().status != 0:
                failed.append(DOMAIN)
            print(domain.result().output, flush=True)  # noqa: T201 - what is reached, too

    tests = run_tests(pytest_arguments)
    if failed:
        print(f"\nNot passed, see above: {', '.join(failed)}", file=sys.stderr)  # noqa: T201
    return tests or len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
