"""Slots are found by hashes, as in a dict; and what moves is found where it is then."""

from __future__ import annotations

import random

from tallystick.store.ledger.memory.slot_index import NOWHERE, SlotIndex


def test_it_finds_what_a_list_has_whatever_became_of_it() -> None:
    """The same steps with a list. Few chains and few hashes, so that chains are long and all places of them change."""
    dice = random.Random(3)  # noqa: S311 - chance that can be repeated
    index, table = SlotIndex(5), list[int]()
    for _ in range(5_000):
        hashed = dice.randrange(-30, 30)
        match dice.randrange(3):
            case 0 if hashed not in table and len(table) < 20:
                index.append(hashed)
                table.append(hashed)
            case 1 if hashed not in table and table:
                slot = dice.randrange(len(table))
                index.replace(slot, hashed)
                table[slot] = hashed
            case 2 if table:
                slot = dice.randrange(len(table))
                index.remove(slot)
                table[slot] = table[-1]
                table.pop()
        assert [index.find(one) for one in range(-30, 30)] == [
            table.index(one) if one in table else NOWHERE for one in range(-30, 30)
        ]
    index.clear()
    assert [index.find(one) for one in table] == [NOWHERE] * len(table)
    index.append(7)
    assert index.find(7) == 0


def test_of_two_with_one_hash_the_other_is_found_once_one_is_gone() -> None:
    index = SlotIndex(4)
    index.append(5)
    index.append(5)
    assert index.find(5) == 1
    index.remove(1)
    assert index.find(5) == 0
    index.remove(0)
    assert index.find(5) == NOWHERE


def test_it_may_be_laid_out_for_nothing() -> None:
    index = SlotIndex(0)
    assert index.find(1) == NOWHERE
