"""Something happens to a command at some moment: nothing is lost, and nothing wrong is written.

A part of what `python -m tests.support.matrix` tries: each fault with each command, at one moment each.
"""

import pytest

from tests.support.matrix import COMMANDS, FAULTS, MOMENTS, Laboratory

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory, address: str) -> Laboratory:
    return Laboratory(tmp_path_factory.mktemp("matrix"), address)


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_happens_to_a_command_the_store_is_well(name: str, laboratory: Laboratory) -> None:
    for number, fault in enumerate(FAULTS):
        row = list(COMMANDS).index(name)
        if (number + row) % 2 == 0:
            assert laboratory.attempt(fault, name, MOMENTS[(number // 2 + row) % len(MOMENTS)])
