"""Each fault that is put in is found by a few histories, which are clean without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from tests.simulation.history import run_history
from tests.simulation.mutations import MUTATIONS, Mutation, Patch, caught, programs_of
from tests.simulation.plan import plan_of

SEEDS: Final = range(40)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_it_is_caught(mutation: Mutation) -> None:
    found = caught(mutation, SEEDS)
    assert found is not None, f"{len(SEEDS)} histories did not notice: {mutation.name}"
    seed, _ = found
    assert run_history(replace(plan_of(seed), **mutation.plan)).problems == []


def test_a_patch_of_what_is_not_there_is_an_error() -> None:
    stale = Mutation("stale", Patch("tallystick.store.ledger.load", "no such line", ""))
    with pytest.raises(LookupError, match="has changed"), programs_of(stale):
        pass
