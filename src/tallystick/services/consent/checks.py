"""Which parameters of a request are missing or not as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from tallystick.domain.commands import Method
from tallystick.domain.names.spelling import closest
from tallystick.services.api.fields import quoted
from tallystick.services.consent.parameters import Parameter, Pipeline
from tallystick.services.consent.values import CHECKS, ValueKind, boolean, count, moment, payment_methods

_MOST_NAMES: Final = 50  # no link needs more
_ALIKE: Final = 0.75  # many names have parts in common, such as callerReference
MAX_START_AHEAD: Final = timedelta(days=366)  # "at most one year ahead", leap years included


@dataclass(frozen=True, slots=True)
class Faults:
    """Names of the parameters with which something is wrong, in the order of the table.

    `ill_formed`: missing, or not as they should be. `past`: dates that are well formed and over. `foreign`: addresses
    at hosts that another seller has claimed. `misspelt`: pairs of a name that was sent and is not known here, and the
    faulty one that it is much like; only where that helps a developer.
    """

    ill_formed: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    misspelt: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.ill_formed + self.past + self.foreign

    @property
    def message(self) -> str:
        """The text for the caller: a sentence for each kind of fault."""
        sentences = ((not_well_formed, self.ill_formed), (in_the_past, self.past), (elsewhere, self.foreign))
        said = ". ".join(say(names) for say, names in sentences if names)
        return said + "".join(f". Did you mean {meant} by {quoted(sent)}?" for sent, meant in self.misspelt)


def misspelt(pipeline: Pipeline, given: Iterable[str], lacking: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Names among the first of `given` that the pipeline does not know, each with the one of `lacking` it may mean."""
    unknown = [name for name in islice(given, _MOST_NAMES) if name not in pipeline.names]
    lacking = tuple(lacking)
    pairs = [(name, closest(name, lacking, _ALIKE)) for name in unknown]
    return tuple((name, meant) for name, meant in pairs if meant is not None)


def not_well_formed(names: tuple[str, ...]) -> str:
    """The error text that callers know from the original service."""
    return f"The following input(s) are not well formed:[{', '.join(names)}]"


def in_the_past(names: tuple[str, ...]) -> str:
    """The error text for dates that are over, in the same form: ours, since none was recorded."""
    return f"The following input(s) are in the past:[{', '.join(names)}]"


def elsewhere(names: tuple[str, ...]) -> str:
    """The error text for addresses at claimed hosts, in the same form: ours, since there was no such claim."""
    return f"The following input(s) lead to a host that another seller has claimed:[{', '.join(names)}]"


def find_faults(pipeline: Pipeline, params: Mapping[str, str], now: datetime, leeway: timedelta) -> Faults:
    """What is wrong with the parameters of a request.

    `leeway`: how far in the past a validityStart may lie; whoever made the link read the clock a moment ago.
    """
    bad = {parameter.name for parameter in pipeline.parameters if not _well_formed(parameter, params)}
    past = _past_dates(params, bad, now, leeway)
    bad |= _bad_dates(params, bad | past, now)
    bad |= _bad_limits(params, bad)
    bad |= _bad_reserve(params, bad)
    for position, reference in enumerate(pipeline.references):
        earlier = {params.get(name) for name in pipeline.references[:position]}
        if params.get(reference) in earlier - {None}:  # one reference names one token
            bad.add(reference)
    names = [parameter.name for parameter in pipeline.parameters]
    return Faults(tuple(name for name in names if name in bad), tuple(name for name in names if name in past - bad))


def _well_formed(parameter: Parameter, params: Mapping[str, str]) -> bool:
    value = params.get(parameter.name)
    if value is None:
        return not parameter.required
    if len(value) > parameter.max_length and parameter.kind is not ValueKind.URL:
        return False
    if parameter.allowed and value not in parameter.allowed:
        return False
    return all(name in params for name in parameter.needs) and CHECKS[parameter.kind](value)


def _past_dates(params: Mapping[str, str], bad: set[str], now: datetime, leeway: timedelta) -> set[str]:
    start = _date(params, "validityStart", bad)
    expiry = _date(params, "validityExpiry", bad)
    found = set()
    if start is not None and start < now - leeway:
        found.add("validityStart")
    if expiry is not None and expiry <= now:
        found.add("validityExpiry")
    return found


def _bad_dates(params: Mapping[str, str], bad: set[str], now: datetime) -> set[str]:
    """A start too far ahead, and an end that comes before the beginning."""
    start = _date(params, "validityStart", bad)
    expiry = _date(params, "validityExpiry", bad)
    found = set()
    if start is not None and start > now + MAX_START_AHEAD:
        found.add("validityStart")
    if expiry is not None and start is not None and expiry <= start:
        found.add("validityExpiry")
    return found


def _date(params: Mapping[str, str], name: str, bad: set[str]) -> datetime | None:
    return None if name in bad or name not in params else moment(params[name])


def _bad_limits(params: Mapping[str, str], bad: set[str]) -> set[str]:
    return {
        value
        for kind, value in (("usageLimitType1", "usageLimitValue1"), ("usageLimitType2", "usageLimitValue2"))
        if params.get(kind) == "Count" and value in params and value not in bad and count(params[value]) is None
    }


def _bad_reserve(params: Mapping[str, str], bad: set[str]) -> set[str]:
    """Only cards can be reserved from, so a token for Reserve needs them allowed."""
    if not boolean(params.get("reserve")) or "paymentMethod" in bad:
        return set()
    return set() if Method.CC in payment_methods(params.get("paymentMethod")) else {"paymentMethod"}
