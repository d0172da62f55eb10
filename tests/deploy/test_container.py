"""The image and the composition, read as data: what can be wrong is looked for, since nothing here fetches images."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml
from tests.support.paths import ROOT

from tallystick.settings import from_environment

PLACE = ROOT / "deploy" / "container"
FILE = PLACE / "Containerfile"
INSTRUCTIONS = {
    *("FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"),
    "CMD",
}


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", FILE.read_text("utf-8"), flags=re.MULTILINE))
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        assert name in INSTRUCTIONS, line
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def of(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for each, rest in stage if each == name]


def test_what_is_copied_is_there() -> None:
    build, final = stages()
    for rest in of(build, "COPY"):
        *sources, _ = rest.split()
        assert [name for name in sources if not (ROOT / name).exists()] == []
    assert of(final, "COPY") == ["--from=build /opt/tallystick /opt/tallystick"]
    assert all(re.fullmatch(r"[a-z]+:[\w.-]+(?: AS build)?", rest) for rest in (*of(build, "FROM"), *of(final, "FROM")))


def test_what_is_copied_is_sent_to_the_builder_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {str(Path(name)) for rest in of(stages()[0], "COPY") for name in rest.split()[:-1]}
    assert "*" in lines, "neither a clone's environment nor the secrets of a composition"
    assert sent == copied
    assert "**/*.so" in lines, "compiled for another Python"


def test_only_locked_packages_are_installed_and_tools_do_not_stay() -> None:
    build, final = stages()
    installed = [run for run in of(build, "RUN") if "pip install" in run]
    assert all("--require-hashes" in run or "--no-deps" in run for run in installed)
    assert [run for run in of(final, "RUN") if "pip" in run or "apt" in run] == []
    for tool in ("cython", "hatchling", "setuptools"):
        assert re.search(rf"pip uninstall.*\b{tool}\b", installed[-1])


def test_the_image_runs_as_nobody_and_says_whether_it_is_well() -> None:
    _, final = stages()
    (user,) = of(final, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number: some hosts refuse names, which may be root's"
    owner, group = user.split(":")
    (made,) = of(final, "RUN")
    (data,) = of(final, "VOLUME")
    assert f"--owner {owner} --group {group} --mode 0700 {data}" in made
    (health,) = of(final, "HEALTHCHECK")
    assert "/readyz" in health
    assert of(final, "STOPSIGNAL") == ["SIGTERM"]
    assert of(final, "ENTRYPOINT") == ['["tallystick"]']
    assert of(final, "CMD") == ['["serve"]']


def test_the_image_sets_what_is_a_setting() -> None:
    _, final = stages()
    given = dict(pair.split("=", 1) for pair in shlex.split(of(final, "ENV")[0]))
    settings = from_environment({name: value for name, value in given.items() if name.startswith("TALLYSTICK_")})
    assert settings.host == "0.0.0.0"  # noqa: S104 - of the container's own network
    assert settings.data_directory == Path(of(final, "VOLUME")[0])
    assert f":{settings.port}/" in of(final, "HEALTHCHECK")[0]
    assert of(final, "EXPOSE") == [str(settings.port)]
    assert settings.drain_seconds == 10


def composition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PLACE / "compose.yaml").read_text("utf-8"))
    return found


def test_the_composition_confines_the_service_and_sets_what_is_a_setting(tmp_path: Path) -> None:
    services = composition()["services"]
    (tmp_path / "database_url").write_text("postgresql://tallystick_work:secret@postgres/tallystick")
    (tmp_path / "owner_database_url").write_text("postgresql://tallystick:secret@postgres/tallystick")
    for name in ("serve", "worker", "migrate"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in service, "it is reached by Caddy alone"
        given = {
            key: re.sub(r"\$\{PUBLIC_NAME:\?.*\}", "pay.example.com", value).replace("/run/secrets", str(tmp_path))
            for key, value in service["environment"].items()
        }
        settings = from_environment(given)
        assert settings.public_url == "https://pay.example.com"
        assert settings.reverse_proxies == 1
        assert settings.database_url is not None
        assert (settings.owner_database_url is not None) == (name == "migrate"), "who serves changes no table"
        assert {Path(file).name for file in given.values() if file.startswith(str(tmp_path))} == set(service["secrets"])
        drain, grace = 10, int(service["stop_grace_period"].removesuffix("s"))
        assert grace > drain + 15 + 4, "drained, answered, committed"
    assert services["serve"]["command"] == ["serve", "--no-worker"]
    assert services["worker"]["command"] == ["worker"]
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["restart"] == "no"


def test_the_parts_of_the_composition_know_each_other() -> None:
    whole = composition()
    services = whole["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", [])) <= set(whole["secrets"])
        assert {each.partition(":")[0] for each in service.get("volumes", [])} <= set(whole["volumes"])
        assert {each["source"] for each in service.get("configs", [])} <= set(whole["configs"])
    build = services["serve"]["build"]
    assert (PLACE / build["context"] / build["dockerfile"]).resolve() == FILE.resolve()
