"""What the protocol itself does: observables on demand, presets, derived quantities, types as a store says them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ensemble import LazyObservables, Model, Observable
from ensemble.errors import EnsembleError
from ensemble.models import catalog
from ensemble.models.model import FunctionOfParameters, fields
from tests.support.toy_model import ToyModel


def test_an_entry_is_computed_when_it_is_read_and_only_then() -> None:
    computed: list[str] = []

    def compute(name: str) -> float:
        computed.append(name)
        return 1.5

    measured = LazyObservables(energy=lambda: compute("energy"), entropy=lambda: compute("entropy"))
    assert len(measured) == 2
    assert list(measured) == ["energy", "entropy"]
    assert "energy" in measured
    assert "heat" not in measured
    assert set(measured) == {"energy", "entropy"}
    assert computed == []
    assert measured["entropy"] == 1.5
    assert computed == ["entropy"]


def test_an_entry_that_raises_says_so_itself() -> None:
    table: dict[str, float] = {}
    measured = LazyObservables(energy=lambda: table["lost"])
    with pytest.raises(KeyError, match="lost"):
        measured["energy"]
    with pytest.raises(KeyError, match="heat"):
        measured["heat"]


def test_a_type_is_told_as_a_store_tells_it() -> None:
    assert Observable("wave", dtype="complex").dtype == "complex128"
    assert Observable("wave", dtype="complex") == Observable("wave", dtype="complex128", on_request=True)
    with pytest.raises(TypeError, match="flaot64"):
        Observable("wave", dtype="flaot64")


def test_a_quantity_that_follows_from_the_parameters() -> None:
    speed = FunctionOfParameters("drift of all walkers together", lambda model: model.size * model.drift, "m")
    assert speed.value(ToyModel(size=3, drift=0.5)) == 1.5
    assert FunctionOfParameters("number of walkers", lambda model: model.size).units == "1"
    assert Model.functions_of_parameters == {}


@pytest.mark.parametrize("name", catalog.installed())
def test_what_follows_is_labelled_and_a_number(name: str) -> None:
    model = catalog.find(name)
    smallest = {"N": 4, "L": 9, "epsilon": 0.5, "eta": 2.0, "temperature": 12.0}
    one = model(**{field: value for field, value in smallest.items() if field in fields(model)})
    for derived in model.functions_of_parameters.values():
        assert derived.long_name
        assert derived.units
        assert isinstance(derived.value(one), float)


def test_a_model_with_a_preset() -> None:
    assert ToyModel.with_preset("gale", size=3) == ToyModel(size=3, drift=8, seconds=0.001)
    assert ToyModel.with_preset("gale", size=3, drift=1.0) == ToyModel(size=3, drift=1.0, seconds=0.001)
    assert ToyModel.with_preset("crowd") == ToyModel(size=40)


def test_a_preset_that_there_is_not() -> None:
    @dataclass(frozen=True)
    class Plain(Model):
        def draw(self, rng: np.random.Generator) -> Any: ...

        def measure(self, disorder: Any) -> Any: ...

    with pytest.raises(EnsembleError, match=r"one that ToyModel has, got 'gael': did you mean 'gale'\?"):
        ToyModel.with_preset("gael", size=3)
    with pytest.raises(EnsembleError, match="preset must be left out, got 'gale': Plain has no presets"):
        Plain.with_preset("gale")
