"""The run's databases on a cluster: what is done on which machine, in which order."""

from __future__ import annotations

import pytest

from tallystick.bench.target import cluster
from tallystick.db.distribution import Node


def test_each_database_is_made_on_all_machines_that_know_one_another() -> None:
    nodes = [Node("db1", 5432), Node("db2", 5433)]
    assert cluster.spreading("postgresql://me:secret@db0:5431/postgres", "run_7", nodes) == [
        ("postgresql://me:secret@db1:5432/postgres", "CREATE DATABASE run_7"),
        ("postgresql://me:secret@db2:5433/postgres", "CREATE DATABASE run_7"),
        ("postgresql://me:secret@db1:5432/run_7", "CREATE EXTENSION citus"),
        ("postgresql://me:secret@db2:5433/run_7", "CREATE EXTENSION citus"),
        ("postgresql://me:secret@db0:5431/run_7", "CREATE EXTENSION citus"),
        ("postgresql://me:secret@db0:5431/run_7", "SELECT citus_set_coordinator_host('db0', 5431)"),
        ("postgresql://me:secret@db0:5431/run_7", "SELECT citus_add_node('db1', 5432)"),
        ("postgresql://me:secret@db0:5431/run_7", "SELECT citus_add_node('db2', 5433)"),
    ]


@pytest.mark.parametrize(
    ("given", "nodes"),
    [
        ("", []),
        ("db1:5433", [Node("db1", 5433)]),
        (" db1 , [fd00::1]:6432,", [Node("db1", 5432), Node("fd00::1", 6432)]),
    ],
)
def test_machines_are_given_by_host_and_port(given: str, nodes: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.WORKERS, given)
    assert cluster.workers() == nodes
