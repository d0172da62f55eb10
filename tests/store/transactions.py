"""Which statements may meet in one transaction, read from the source: whoever opens it, and all that they call.

Names are followed where the source says what they are: functions of modules, and a class's own methods. What is called
on an object that was passed in is not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import tallystick
from tallystick.db.statements import load_statements

ROOT = Path(str(files(tallystick)))
LEFT_OUT = {"migrations", "bench", "torture", "demo", "client"}


@dataclass
class Module:
    name: str
    tree: ast.Module
    loaded: dict[str, str] = field(default_factory=dict)
    """Variables that hold the statements of a file, and which file: its stem."""
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Names from elsewhere: module and name there, "" for the module itself."""
    functions: dict[str, ast.AST] = field(default_factory=dict)
    """By their names, methods as Class.name."""


@dataclass(frozen=True)
class Place:
    """A function, and the class that it is a method of."""

    module: str
    function: str


def read(root: Path = ROOT) -> dict[str, Module]:
    """The modules of the service, by name."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if not LEFT_OUT & set(parts):
            name = ".".join((root.name, *parts)).removesuffix(".__init__")
            modules[name] = Module(name, ast.parse(path.read_text("utf-8")))
    for module in modules.values():
        _fill(module, modules)
    return modules


def _fill(module: Module, modules: Mapping[str, Module]) -> None:
    for node in ast.walk(module.tree):
        match node:
            case ast.ImportFrom(module=str() as source, names=names):
                for one in names:
                    whole = f"{source}.{one.name}"
                    module.imported[one.asname or one.name] = (whole, "") if whole in modules else (source, one.name)
            case ast.AnnAssign(
                target=ast.Name(id=name),
                value=ast.Call(func=ast.Name("load_statements"), args=[ast.Constant(value=str() as file), _]),
            ):
                folder = "/".join(module.name.split(".")[1:-1])
                module.loaded[name] = f"{folder}/{file.removesuffix('.sql')}"
    if module.imported.get("MONEY") == ("tallystick.store.ledger.statements", "MONEY"):
        module.loaded["MONEY"] = "store/ledger/money"
    module.functions |= dict(_functions(module.tree.body, ""))


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node


class Reader:
    """Follows functions to the statements that they may send."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules
        self._known: dict[Place, tuple[set[str], set[Place]]] = {}

    def transactions(self) -> Iterator[tuple[str, set[str]]]:
        """Where a transaction is opened, and the statements that may be sent in it, as folder/file.name."""
        for module in self._modules.values():
            for function, whole in module.functions.items():
                for node in ast.walk(whole):
                    if inside := _inside(node):
                        here = Place(module.name, function)
                        yield f"{module.name}.{function}", self._sent(inside, here)

    def _sent(self, parts: list[ast.AST], here: Place) -> set[str]:
        found, waiting = self._own(parts, here)
        seen: set[Place] = set()
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                if place not in self._known:
                    function = self._modules[place.module].functions[place.function]
                    self._known[place] = self._own([function], place)
                named, called = self._known[place]
                found = found | named
                waiting = waiting | called
        return found

    def _own(self, parts: list[ast.AST], here: Place) -> tuple[set[str], set[Place]]:
        """The statements that a piece of source asks for, all of a file if it does not say which; and what it calls."""
        module = self._modules[here.module]
        named: set[str] = set()
        called: set[Place] = set()
        exact: set[int] = set()
        for node in (node for part in parts for node in ast.walk(part)):
            match node:
                case ast.Subscript(value=ast.Name(id=name) as variable, slice=ast.Constant(value=str() as asked)) if (
                    name in module.loaded
                ):
                    exact.add(id(variable))
                    named.add(f"{module.loaded[name]}.{asked}")
                case ast.Name(id=name) if name in module.loaded and id(node) not in exact:
                    named |= _all_of(module.loaded[name])
                case ast.Name() | ast.Attribute():
                    called |= self._called(node, here)
        return named, called

    def _called(self, node: ast.Name | ast.Attribute, here: Place) -> set[Place]:
        module = self._modules[here.module]
        found: Place | None = None
        match node:
            case ast.Name(id=name) if name in module.functions:
                found = Place(module.name, name)
            case ast.Name(id=name) if name in module.imported:
                found = Place(*module.imported[name])
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                found = Place(module.name, f"{here.function.rpartition('.')[0]}.{name}")
            case ast.Attribute(value=ast.Name(id=name), attr=function) if name in module.imported:
                found = Place(module.imported[name][0], function)
        if found is None or found.module not in self._modules:
            return set()
        return {found} if found.function in self._modules[found.module].functions else set()


def _all_of(file: str) -> set[str]:
    folder, _, stem = file.rpartition("/")
    return {f"{file}.{name}" for name in load_statements(f"{stem}.sql", ".".join(("tallystick", *folder.split("/"))))}


def _inside(node: ast.AST) -> list[ast.AST]:
    """What is done in the transaction that a statement opens; nothing where it opens none."""
    match node:
        case ast.AsyncWith(items=items, body=body) if any(_opens(item.context_expr) for item in items):
            return [*body]
        case ast.Call(func=ast.Name(id="in_transaction"), args=[_, *work]):
            return [*work]
    return []


def _opens(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and getattr(expression.func, "attr", "") == "transaction"
