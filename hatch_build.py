"""What happens when the package is built or installed: compiling, building the documentation, listing what is needed.

The list is a software bill of materials (CycloneDX), of the exact packages in requirements.lock; a wheel carries it in
`.dist-info/sboms/` (PEP 770), where scanners look for it.

Compiled is what has a compiled twin (src/tallystick/domain/speedups.py). Without a C compiler or Python's headers the
package is built all the same, only slower; TALLYSTICK_COMPILE=must makes that an error, and TALLYSTICK_COMPILE=never
leaves the compiler alone.

The documentation becomes the site that the service shows at /docs: tools/docs_site.py builds it, unless it is there and
made from the same texts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCK = "requirements.lock"
SBOM = "tallystick.cdx.json"
_LOCKED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$(?P<more>(?:\n[ ].*)*)",
    re.MULTILINE,
)
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")

SOURCES = Path("src", "tallystick", "domain")  # each of its .pyx becomes a module beside it
PACKAGE = "tallystick.domain"

SITE_BUILDER = Path("tools", "docs_site.py")
SITE = Path("src", "tallystick", "web", "docs", "site")


class CompileHook(BuildHookInterface[Any]):
    """Puts the compiled modules and the site into the sources, for wheels and edited installations; adds the list."""

    PLUGIN_NAME = "custom"

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what the wheel is then for."""
        if self.target_name != "wheel":
            return
        self._listed = TemporaryDirectory()
        listed = Path(self._listed.name, SBOM)
        listed.write_text(bill_of_materials(Path(self.root, LOCK).read_text("utf-8"), self.metadata.version), "utf-8")
        build_data["sbom_files"].append(str(listed))
        if Path(self.root, SITE_BUILDER).exists():  # not where a part of the sources is built, by a test
            subprocess.run([sys.executable, "-m", "tools.docs_site"], cwd=self.root, check=True)
        build_data["artifacts"].append(f"{SITE.as_posix()}/**")
        wanted = os.environ.get("TALLYSTICK_COMPILE", "if possible")
        ending = sysconfig.get_config_var("EXT_SUFFIX")
        targets = {source: source.with_suffix(ending) for source in sorted(Path(self.root, SOURCES).glob("*.pyx"))}
        for target in targets.values():
            target.unlink(missing_ok=True)  # of an older source
        if wanted == "never":
            return
        try:
            with TemporaryDirectory() as build:
                _compile(targets, Path(build))
        except (Exception, SystemExit) as error:  # whatever a compiler, or the want of one, comes to
            if wanted == "must":
                raise
            self.app.display_warning(f"Nothing was compiled, the service will be slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"] += [str(target.relative_to(self.root)) for target in targets.values()]


def bill_of_materials(lock: str, version: str) -> str:
    """The packages of a lock as CycloneDX 1.6 in JSON. The same lock gives the same text."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{found['name']}@{found['version']}",
            "name": found["name"],
            "version": found["version"],
            "purl": f"pkg:pypi/{found['name']}@{found['version']}",
            "properties": [
                *([{"name": "python:marker", "value": found["marker"]}] if found["marker"] else []),
                *({"name": "python:file:sha256", "value": digest} for digest in _DIGEST.findall(found["more"])),
            ],
        }
        for found in _LOCKED.finditer(lock)
    ]
    ours = f"pkg:pypi/tallystick@{version}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "tallystick",
                "version": version,
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _compile(targets: Mapping[Path, Path], build: Path) -> None:
    """From Cython to C to a module: each source at its target, or none at all. Raises what the compilers raise."""
    from Cython.Build import cythonize  # noqa: PLC0415 - may be missing: then nothing is compiled
    from setuptools import Distribution, Extension  # noqa: PLC0415 - same

    modules = {f"{PACKAGE}.{source.stem}": source for source in targets}
    extensions = [Extension(module, [str(source)]) for module, source in modules.items()]
    command = Distribution({"ext_modules": cythonize(extensions, build_dir=str(build), quiet=True)}).get_command_obj(
        "build_ext"
    )
    command.build_lib, command.build_temp = str(build / "lib"), str(build / "temp")
    command.ensure_finalized()
    command.run()
    for module, source in modules.items():
        targets[source].write_bytes(Path(command.get_ext_fullpath(module)).read_bytes())
