"""Relaxation times of the bath: the constants of Table I, close to measured values at two temperatures."""

from collections.abc import Mapping

from ensemble.errors import ParameterError

TIMES: Mapping[float, Mapping[str, float]] = {
    1.2: {"T_1": 160.0, "T_star": 80.0, "T_0": 1.6},
    12.0: {"T_1": 1.6, "T_star": 0.16, "T_0": 0.16},
}
"""Times in us, by temperature in K: T_1 for spin flips, T* for other transitions, T(0) within an eigenstate."""

PRESETS: Mapping[str, Mapping[str, float]] = {
    f"{temperature:g}K": {"temperature": temperature, **times} for temperature, times in TIMES.items()
}
"""Table I as sets of parameters. With a preset, its times hold at every temperature."""


def time(name: str, given: float, temperature: float) -> float:
    """Return `given`, or the time of Table I at this temperature if `given` is 0."""
    if given:
        return given
    if temperature not in TIMES:
        raise ParameterError(
            f"{name} must be given at {temperature:g} K, for Table I has no times but at "
            f"{' and '.join(f'{each:g}' for each in TIMES)} K: set {', '.join(TIMES[1.2])}, "
            f"or take one of the presets {' and '.join(PRESETS)}"
        )
    return TIMES[temperature][name]
