"""Mutation test: change the decisions in one place at a time and count the mutants that no test of the domain notices.

Arguments name what is mutated, below src/tallystick, instead of domain/decide. The work is done by mutmut on a copy: it
needs every test to pass on the unchanged one first. The result of the last run is in CONTRIBUTING.md.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
COPIED = ("src", "tests", "tools", "docs", "pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
TESTS = (
    "tests/domain/test_decide.py",
    "tests/domain/test_conditions.py",
    "tests/domain/test_limits.py",
    "tests/domain/test_records.py",
    "tests/domain/test_bounds_of_charges.py",
    "tests/domain/test_refund_records.py",
    "tests/domain/test_properties.py",
    "tests/domain/test_marketplace_properties.py",
)
WORKERS = 2
RESULT = re.compile(r"^\s+(\S+): (\w[\w ]*)$", re.MULTILINE)


def configuration(spoilt: list[str]) -> str:
    """The configuration of mutmut; one seed, so that each mutant meets the same examples."""
    return f"""
[tool.mutmut]
source_paths = ["src"]
only_mutate = {[f"src/tallystick/{path}*" for path in spoilt]}
pytest_add_cli_args_test_selection = {list(TESTS)}
pytest_add_cli_args = ["-p", "no:randomly", "--hypothesis-seed=0", "-x"]
also_copy = ["tests", "tools", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
use_git_change_detection = false
"""


def main(arguments: list[str]) -> int:
    """Print the mutants that survived, then the sums. 0: the run came to its end."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        with (copy / "pyproject.toml").open("a") as settings:
            settings.write(configuration(arguments or ["domain/decide/"]))
        run = (str(PROGRAMS / "mutmut"), "run", "--max-children", str(WORKERS))
        status = subprocess.run(run, cwd=copy, check=False).returncode  # noqa: S603 - the tool of this program
        command = (str(PROGRAMS / "mutmut"), "results", "--all", "true")
        told = subprocess.run(command, cwd=copy, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603
        results = dict(RESULT.findall(told.stdout))
        for name in sorted(name for name, result in results.items() if result != "killed"):
            show = (str(PROGRAMS / "mutmut"), "show", name)
            print(results[name], name, flush=True)  # noqa: T201 - a command line tool
            subprocess.run(show, cwd=copy, check=False)  # noqa: S603 - as above
        print(dict(Counter(results.values())))  # noqa: T201
        return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
