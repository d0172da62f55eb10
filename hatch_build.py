"""Compiles what has a compiled twin (src/tallystick/domain/speedups.py) when the package is built or installed.

Without a C compiler or Python's headers the package is built all the same, only slower; TALLYSTICK_COMPILE=must makes
that an error, and TALLYSTICK_COMPILE=never leaves the compiler alone.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src", "tallystick", "domain", "_speedups.pyx")
MODULE = "tallystick.domain._speedups"


class CompileHook(BuildHookInterface[Any]):
    """Puts the compiled module beside its source, for wheels and for installations that are edited."""

    PLUGIN_NAME = "custom"

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what the wheel is then for."""
        if self.target_name != "wheel":
            return
        wanted = os.environ.get("TALLYSTICK_COMPILE", "if possible")
        target = Path(self.root, SOURCE).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
        target.unlink(missing_ok=True)  # of an older source
        if wanted == "never":
            return
        try:
            with TemporaryDirectory() as build:
                _compile(Path(self.root), Path(build), target)
        except (Exception, SystemExit) as error:  # whatever a compiler, or the want of one, comes to
            if wanted == "must":
                raise
            self.app.display_warning(f"Nothing was compiled, the service will be slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(str(target.relative_to(self.root)))


def _compile(root: Path, build: Path, target: Path) -> None:
    """From Cython to C to a module at `target`. Raises what the compilers raise."""
    from Cython.Build import cythonize  # noqa: PLC0415 - may be missing: then nothing is compiled
    from setuptools import Distribution, Extension  # noqa: PLC0415 - same

    extension = Extension(MODULE, [str(root / SOURCE)])
    (compiled,) = cythonize([extension], build_dir=str(build), quiet=True)
    command = Distribution({"ext_modules": [compiled]}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(build / "lib"), str(build / "temp")
    command.ensure_finalized()
    command.run()
    target.write_bytes(Path(command.get_ext_fullpath(MODULE)).read_bytes())
