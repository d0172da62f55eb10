"""Read the forms of a page as a browser without scripts does: fields, their values, labels, links, what is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"input", "img", "br", "link", "meta", "hr"})


@dataclass(slots=True)
class Radio:
    """One of several things to choose from, with the text beside it."""

    name: str
    value: str
    usable: bool
    label: str = ""


@dataclass(slots=True)
class HtmlForm:
    """Where a form goes, the values it has now, its names of all fields, and its radio buttons."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    radios: list[Radio] = field(default_factory=list)

    def filled(self, typed: Mapping[str, str]) -> dict[str, str]:
        """The values to send. Raises LookupError: the form has no such field."""
        if missing := typed.keys() - self.names:
            raise LookupError(f"the form has no field {', '.join(sorted(missing))}")
        return self.values | dict(typed)


@dataclass(slots=True)
class Page:
    """What a page offers and says. `problems`: what it asks to correct; `technical`: its line for developers."""

    title: str = ""
    heading: str = ""
    text: str = ""
    problems: list[str] = field(default_factory=list)
    technical: str = ""
    forms: list[HtmlForm] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def form_with(self, *names: str) -> HtmlForm | None:
        """The first form that has all these fields."""
        return next((form for form in self.forms if form.names.issuperset(names)), None)

    @property
    def message(self) -> str:
        """What to tell somebody who cannot see the page."""
        return self.technical or " ".join(self.problems) or f"{self.heading or self.title} {self.text}".strip()


def read_page(html: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[tuple[str, str]] = []  # tags that are open, with their class
        self._form: HtmlForm | None = None
        self._radio: Radio | None = None
        self._in_label = False
        self._select = ""  # the field whose options follow

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, given.get("class", "")))
        match tag:
            case "form":
                self._form = HtmlForm(given.get("action", ""), given.get("method", "get").lower())
                self.page.forms.append(self._form)
            case "input" | "select" | "textarea" if self._form is not None and "name" in given:
                self._field(self._form, given)
            case "option" if self._form is not None and "selected" in given:
                self._form.values[self._select] = given.get("value", "")
            case "label":
                self._in_label, self._radio = True, None
            case "a" if "href" in given:
                self.page.links.append(given["href"])
            case "li" if self._inside("problems"):
                self.page.problems.append("")
            case _:
                pass

    def _field(self, form: HtmlForm, given: dict[str, str]) -> None:
        name, kind = given["name"], given.get("type", "text")
        form.names.add(name)
        self._select = name
        if kind == "radio":
            radio = Radio(name, given.get("value", ""), usable="disabled" not in given)
            form.radios.append(radio)
            if self._in_label:
                self._radio = radio
            if "checked" in given:
                form.values[name] = radio.value
        elif kind not in {"submit", "button", "checkbox"} or "checked" in given:
            form.values[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            continue  # elements whose end tag may be left out
        if tag == "form":
            self._form = None
        if tag == "label":
            self._in_label, self._radio = False, None

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text:
            return
        tag = self._open[-1][0] if self._open else ""
        if self._radio is not None:
            self._radio.label = f"{self._radio.label} {text}".strip()
        if tag == "title":
            self.page.title += text
        elif self._inside_tag("h1"):
            self.page.heading = f"{self.page.heading} {text}".strip()
        elif self._inside("technical"):
            self.page.technical = f"{self.page.technical} {text}".strip()
        elif self._inside("problems"):
            if self.page.problems:
                self.page.problems[-1] = f"{self.page.problems[-1]} {text}".strip()
        elif self._inside_tag("p") and self._inside_tag("main"):
            self.page.text = f"{self.page.text} {text}".strip()

    def _inside(self, class_name: str) -> bool:
        return any(class_name in classes.split() for _, classes in self._open)

    def _inside_tag(self, wanted: str) -> bool:
        return any(tag == wanted for tag, _ in self._open)
