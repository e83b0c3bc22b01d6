"""The base class: units, refusals, endings and keys."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError, RunDivergedError, RunRefusedError
from dimgs.kernels.base import BaseKernel, Kernel, Port, Simulated, Tier, port_value
from dimgs.kernels.record import Status
from dimgs.variables import registry


class Film(BaseKernel):
    """A kernel whose output is D t / l², or whatever ending the label asks for."""

    name, version = "film", "1"
    inputs = (
        Port("l", "mm", low=1e-9, high=1e6),
        Port("D", "m^2/s", low=0, default=1e-12),
        Port("T", "degC", default=25.0),
        Port("kind", "label", default="plain"),
    )
    outputs = (Port("Fo", "1"), Port("tau", "s"))
    tiers = (Tier("coarse", 0.1, {"cells": 10}), Tier("fine", 1.0, {"cells": 100}))

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        kind = values["kind"]
        if kind == "fails":
            raise KeyError("no such mesh\nsecond line")
        if kind == "exits":
            raise SystemExit(3)
        if kind == "refuses":
            raise RunRefusedError("The mesh is too coarse for this run.")
        if kind == "diverges":
            raise RunDivergedError("The step fell below 1e-12.")
        tau = (values["l"] * 1e-3) ** 2 / values["D"]
        if kind == "quantity":
            return {"Fo": 1.0, "tau": registry().Quantity(tau / 60, "min")}
        if kind == "wrong unit":
            return {"Fo": 1.0, "tau": registry().Quantity(tau, "m")}
        if kind == "nan":
            return {"Fo": np.float64("nan"), "tau": tau}
        if kind == "less":
            return {"Fo": 1.0}
        if kind == "more":
            return {"Fo": 1.0, "tau": tau, "extra": 1.0}
        return Simulated(
            {"Fo": 1.0 + values["T"], "tau": tau}, {"tau": 0.1, "Fo": float("nan")}, {"steps": 3}
        )


class Noise(BaseKernel):
    """Draws its output."""

    name, version = "noise", "1"
    inputs: tuple[Port, ...] = ()
    outputs = (Port("x", "1"),)
    stochastic = True

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        return {"x": np.random.default_rng(seed).normal()}


def test_satisfies_the_protocol_and_survives_pickling() -> None:
    film: Kernel = Film()
    assert isinstance(film, Kernel)
    twin = pickle.loads(pickle.dumps(film))
    record = film.run({"l": 1.0})
    again = pickle.loads(pickle.dumps(twin.run({"l": 1.0})))
    assert replace(again, wall_seconds=record.wall_seconds) == record


@given(
    digits=st.integers(1, 10**8),
    exponent=st.integers(-12, -6),
    unit=st.sampled_from(["m", "cm", "mm", "um", "km", "inch"]),
    celsius=st.integers(-200, 500),
)
def test_keys_and_outputs_do_not_depend_on_units(
    digits: int, exponent: int, unit: str, celsius: int
) -> None:
    quantity = registry().Quantity
    metres = digits * 10.0**exponent
    length = quantity(metres, "m")
    one, other = (
        {"l": metres * 1e3, "T": celsius},
        {"l": length.to(unit), "T": quantity(celsius + 273.15, "K")},
    )
    film = Film()
    assert film.key(one) == film.key(other) == film.run(other).key
    first, second = film.run(one), film.run(other)
    assert first.outputs["tau"][0] == pytest.approx(second.outputs["tau"][0], rel=1e-13)
    assert first.inputs["l"][1] == second.inputs["l"][1] == "mm"


@given(scale=st.floats(1 + 1e-9, 1.1), l=st.floats(1e-3, 1e3))
def test_keys_distinguish_runs(scale: float, l: float) -> None:
    film = Film()
    keys = {
        film.key({"l": l}),
        film.key({"l": l * scale}),
        film.key({"l": l}, tier="coarse"),
        film.key({"l": l, "kind": "nan"}),
        film.key({"l": l, "T": 26}),
    }
    assert len(keys) == 5


def test_defaults_share_the_key_of_the_value_given() -> None:
    assert Film().key({"l": 2}) == Film().key({"l": 2.0, "D": 1e-12, "T": 25, "kind": "plain"})


def test_key_depends_on_version_and_settings() -> None:
    class Newer(Film):
        version = "2"

    class Finer(Film):
        tiers = (Tier("coarse", 0.1, {"cells": 10}), Tier("fine", 1.0, {"cells": 101}))

    class Configured(Film):
        def _configuration(self) -> Mapping[str, Any]:
            return {"template": "a"}

    inputs = {"l": 1}
    kernels = (Film(), Newer(), Finer(), Configured())
    assert len({k.key(inputs) for k in kernels}) == 4
    assert Film().key(inputs, "coarse") == Finer().key(inputs, "coarse")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "needs the input 'l' in mm"),
        ({"L": 1}, "no input 'L'"),
        ({"l": 1, "kin": "a"}, "did you mean 'kind'"),
        ({"l": float("nan")}, "'l' is nan"),
        ({"l": float("-inf")}, "'l' is -inf"),
        ({"l": 0.0}, "outside the range of 'film', from 1e-09 up to 1e+06 mm"),
        ({"l": "2 ± 1 mm"}, "an interval, and one number"),
        ({"l": True}, "give a number"),
        ({"l": [1.0, 2.0]}, "give a number"),
        ({"l": 1j}, "give a number"),
        ({"l": registry().Quantity(1, "s")}, "'l' is in 'second'"),
        ({"l": registry().Quantity([1, 2], "mm")}, "give a number"),
        ({"l": registry().Quantity(float("nan"), "mm")}, "'l' is nan"),
        ({"l": 1, "T": registry().Quantity(5, "delta_degC")}, "difference"),
        ({"l": 1, "kind": 3}, "is a label"),
        ({"l": 1, "D": -1}, "from 0 m^2/s"),
    ],
)
def test_unusable_inputs_are_refused_in_one_sentence(inputs: dict[str, Any], says: str) -> None:
    record = Film().run(inputs)
    assert record.status is Status.REFUSED
    assert says in record.reason
    assert "\n" not in record.reason
    assert not record.outputs
    assert len(record.key) == 64
    with pytest.raises(InputError, match=r"."):
        Film().key(inputs)


def test_refused_runs_keep_what_could_be_read_and_their_own_key() -> None:
    film = Film()
    bad, worse = film.run({"l": 1, "x": 1}), film.run({"l": 1, "x": 2})
    assert bad.inputs["l"] == (1.0, "mm")
    assert len({bad.key, worse.key, film.key({"l": 1})}) == 3


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("fails", Status.FAILED, "KeyError: 'no such mesh"),
        ("exits", Status.FAILED, "SystemExit: 3"),
        ("refuses", Status.REFUSED, "too coarse"),
        ("diverges", Status.DIVERGED, "below 1e-12"),
        ("nan", Status.DIVERGED, "'Fo' is nan"),
        ("less", Status.FAILED, "did not give the output 'tau'"),
        ("more", Status.FAILED, "gave the output 'extra'"),
        ("wrong unit", Status.FAILED, "The output 'tau' is in 'meter'"),
    ],
)
def test_every_ending_is_a_record(kind: str, status: Status, says: str) -> None:
    record = Film().run({"l": 1, "kind": kind})
    assert (record.status, record.ok) == (status, False)
    assert says in record.reason
    assert not record.outputs
    assert record.inputs["kind"] == (kind, "label")


def test_unknown_tiers_are_refused() -> None:
    record = Film().run({"l": 1}, tier="corse")
    assert record.status is Status.REFUSED
    assert record.reason == "'film' has no tier 'corse'; did you mean 'coarse'?"
    assert Film().run({"l": 1}).tier == "fine"


def test_outputs_in_other_units_are_converted_and_errors_kept() -> None:
    film = Film()
    plain, quantity = film.run({"l": 1}), film.run({"l": 1, "kind": "quantity"})
    assert quantity.outputs["tau"] == pytest.approx(plain.outputs["tau"])
    assert plain.errors == {"tau": 0.1}
    assert plain.provenance["steps"] == 3
    assert plain.provenance["settings"] == {"cells": 100}
    assert {"python", "numpy"} <= set(plain.provenance["versions"])


@pytest.mark.parametrize(
    ("error", "kept", "says"),
    [
        (0.5, 0.5, ""),
        (registry().Quantity(500, "millikelvin"), 0.5, ""),
        (registry().Quantity(0.9, "delta_degF"), 0.5, ""),
        (float("inf"), None, ""),
        (None, None, ""),
        (-1.0, None, "cannot be negative"),
        ("much", None, "needs one number"),
        (registry().Quantity(1, "m"), None, "is in 'meter'"),
    ],
)
def test_errors_of_outputs_are_differences(error: Any, kept: float | None, says: str) -> None:
    class Warm(Noise):
        outputs = (Port("x", "degC"),)

        def _simulate(
            self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
        ) -> Simulated:
            return Simulated({"x": 20.0}, {"x": error})

    record = Warm().run({})
    assert says in record.reason
    assert record.ok is (says == "")
    assert record.errors == ({} if kept is None else {"x": pytest.approx(kept)})


def test_a_configuration_that_cannot_be_described_refuses_the_run() -> None:
    class Lost(Film):
        def _configuration(self) -> Mapping[str, Any]:
            raise FileNotFoundError("The checkout has gone.")

    record = Lost().run({"l": 1})
    assert (record.status, record.reason) == (Status.REFUSED, "The checkout has gone.")
    with pytest.raises(InputError, match="has gone"):
        Lost().key({"l": 1})


def test_other_registries_are_understood() -> None:
    theirs: pint.UnitRegistry[Any] = pint.UnitRegistry()
    assert Film().key({"l": theirs.Quantity(1.0, "cm")}) == Film().key({"l": 10.0})


def test_seeds_count_only_where_they_matter() -> None:
    noise = Noise()
    of_numpy: Any = np.int64(1)
    no_whole_number: Any = 1.5
    assert noise.run({}, seed=1).outputs == noise.run({}, seed=of_numpy).outputs
    assert noise.key({}, seed=1) != noise.key({}, seed=2)
    assert Film().key({"l": 1}, seed=1) == Film().key({"l": 1}, seed=2)
    assert Film().run({"l": 1}, seed=1).seed is None
    assert noise.run({}, seed=no_whole_number).status is Status.REFUSED


def test_a_name_declared_twice_is_said() -> None:
    with pytest.raises(InputError, match="declares 'l' twice"):

        class Twice(Film):
            outputs = (Port("l", "m"), Port("l", "s"))


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"low": "x"}, "The lower end of 'a' is 'x'; give a number"),
        ({"high": float("nan")}, "The upper end of 'a' is nan"),
        ({"default": "x"}, "The default of 'a' is 'x'; give a number in m"),
        ({"default": True}, "The default of 'a' is True"),
        ({"unit": "label", "default": 3.0}, "The default of 'a' is 3.0; give text"),
        ({"unit": 3}, "give both as texts"),
    ],
)
def test_what_a_port_declares_is_checked(declared: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Port("a", **({"unit": "m"} | declared))


def test_an_error_of_degrees_is_a_difference() -> None:
    class Warm(BaseKernel):
        name, version = "warm", "1"
        inputs, outputs = (), (Port("T", "°C"),)

        def _simulate(self, *_: Any) -> Simulated:
            Q_ = registry().Quantity
            return Simulated({"T": 20.0}, errors={"T": Q_(0.9, "delta_degF")})

    assert Warm().run({}).errors["T"] == pytest.approx(0.5)


def test_a_label_that_no_file_can_hold_is_refused() -> None:
    class Named(BaseKernel):
        name, version = "named", "1"
        inputs, outputs = (Port("kind", "label"),), (Port("x", "1"),)

        def _simulate(self, *_: Any) -> Mapping[str, Any]:
            return {"x": 1.0}

    assert Named().run({"kind": "é µ"}).ok
    refused = Named().run({"kind": "a\udcff"})
    assert refused.status is Status.REFUSED
    assert refused.reason.isprintable()


@pytest.mark.parametrize("cost", ["x", -1.0, float("nan"), float("inf"), None])
def test_a_tier_costs_seconds(cost: Any) -> None:
    with pytest.raises(InputError, match="The tier 'fine' costs"):
        Tier("fine", cost)


def test_a_label_is_no_unit_of_a_number() -> None:
    assert port_value(Port("n", "1"), (300.0, "%")) == 3.0
    with pytest.raises(InputError, match="no label"):
        port_value(Port("n", "1"), (3.0, "label"))


def test_an_absolute_temperature_is_no_difference() -> None:
    assert port_value(Port("dT", "delta_degC"), (20.0, "K")) == 20.0
    assert port_value(Port("dT", "K"), "20 delta_degC") == 20.0
    with pytest.raises(InputError, match="a difference by its name"):
        port_value(Port("dT", "K"), "20 °C")
    with pytest.raises(InputError, match="give that difference"):
        port_value(Port("dT", "delta_degC"), (20.0, "degC"))
    with pytest.raises(InputError, match="give that dimension"):
        port_value(Port("dT", "m"), (20.0, "degC"))


def test_the_limits_of_threads_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    film = {"l": 1.0, "D": 1e-12}
    assert Film().run(film).provenance["threads"] == {}
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert Film().run(film).provenance["threads"] == {"MKL_NUM_THREADS": "3"}
