"""The default model written a second time, in plain NumPy and SciPy, to check the package against.

Nothing here comes from the package: the equations of `docs/model.md` are typed out once more and
solved at a tight tolerance, one smooth piece at a time between the jumps. LSODA at 1e-12 agrees
with Radau at 1e-12 to 1e-10 of each state's largest value, in a fortieth of the time.

Time is in days, counts in 1e9/L, MDSC in cells/uL, ATRA in mg and ng/mL, dose in Gy. Parameters
are a plain dictionary, keyed and in units as in the parameter table (absorption per hour, half
lives in hours or days); constants per hour become per day here.
"""

from collections.abc import Callable, Iterable, Mapping
from math import exp, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

Parameters = Mapping[str, float]
Dose = tuple[float, float]
"""(day of intake, mg swallowed)."""
Fraction = tuple[float, float, float]
"""(day, immune dose in Gy, share of the course's inflammatory drive; shares sum to 1)."""

STATES = (
    "gut", "central", "message", "enzyme", "signal",
    "inflammation", "mdsc", "fast", "slow", "doomed",
)  # fmt: skip
HOURS_PER_DAY = 24.0
TOLERANCE = 1e-12


def kill_fraction(p: Parameters, dose_gy: float, kill: str) -> float:
    """Fraction of the viable lymphocytes hit by one exposure of `dose_gy` (Gy immune dose)."""
    if kill == "linear":
        return 1 - exp(-p["radiosensitivity"] * dose_gy)
    if kill == "saturating":
        return 1 - p["surviving_floor"] ** (1 - exp(-p["saturation_rate"] * dose_gy))
    raise ValueError(f"kill must be 'linear' or 'saturating', got {kill!r}")


def solve(
    parameters: Parameters,
    doses: Iterable[Dose],
    fractions: Iterable[Fraction],
    days: ArrayLike,
    kill: str = "linear",
    feedback: float = 0.0,
    drive: Callable[[float], float] = lambda _: 1.0,
) -> dict[str, NDArray[np.float64]]:
    """Solve all three blocks and return every state, the ATRA level and the count at `days`.

    Parameters: `parameters` in table units; `doses` and `fractions` in any order; `days` any
    shape-[time] array in any order, at or after the untreated start; `kill` the kill law;
    `feedback` the exponent of (baseline / viable count) on lymphocyte production; `drive` what
    lymphocyte production is multiplied with on a day.
    A dose reaches the gut at its day plus the lag. Fractions at one time are one exposure: their
    doses and shares add. An output at the time of a jump is taken before it.

    Returns: arrays [time] under the state names, `concentration` (ng/mL) and `alc` (1e9/L).
    """
    p = parameters
    days = np.asarray(days, dtype=float)
    y = initial_state(p)
    events = jumps(p, doses, fractions)
    start = min([day for day, *_ in events] + [days.min(initial=0.0), 0.0])
    end = days.max(initial=start)
    scale = absolute_scale(p, doses_in_mg=[mg for _, mg, _, _ in events])
    out = np.full((len(STATES), days.size), np.nan)
    out[:, days == start] = y[:, None]

    for day, amount_mg, immune_dose_gy, share in [*events, (end, 0.0, 0.0, 0.0)]:
        stop = min(day, end)
        if stop > start:
            wanted = (days > start) & (days <= stop)
            y, out[:, wanted] = integrate(p, y, start, stop, days[wanted], scale, feedback, drive)
            start = stop
        if day <= end:
            y = jump(p, y, amount_mg, immune_dose_gy, share, kill)

    states = dict(zip(STATES, out, strict=True))
    concentration = 1000 * states["central"] / p["central_volume"]
    alc = states["fast"] + states["slow"] + states["doomed"]
    return {**states, "concentration": concentration, "alc": alc}


def initial_state(p: Parameters) -> NDArray[np.float64]:
    """The untreated steady state, in the order of `STATES`."""
    fast = p["fast_fraction"] * p["lymphocyte_baseline"]
    slow = p["lymphocyte_baseline"] - fast
    return np.array([0, 0, 0, 1, 0, 0, p["mdsc_baseline"], fast, slow, 0], dtype=float)


def absolute_scale(p: Parameters, doses_in_mg: list[float]) -> NDArray[np.float64]:
    """Size of each state, by which the absolute tolerance is scaled."""
    drug = max([1.0, *doses_in_mg])
    mdsc, alc = p["mdsc_baseline"], p["lymphocyte_baseline"]
    return np.array([drug, drug, 1, 1, 1, 1, mdsc, alc, alc, alc])


def jumps(
    p: Parameters, doses: Iterable[Dose], fractions: Iterable[Fraction]
) -> list[tuple[float, float, float, float]]:
    """Events in time order: (day, mg into the gut, immune dose in Gy, share of the drive)."""
    lag_days = p["absorption_lag"] / HOURS_PER_DAY
    at: dict[float, list[float]] = {}
    for day, amount_mg in doses:
        at.setdefault(day + lag_days, [0.0, 0.0, 0.0])[0] += amount_mg
    for day, immune_dose_gy, share in fractions:
        event = at.setdefault(day, [0.0, 0.0, 0.0])
        event[1] += p["immune_dose_scale"] * immune_dose_gy
        event[2] += share
    return [(day, mg, gy, share) for day, (mg, gy, share) in sorted(at.items())]


def jump(
    p: Parameters,
    y: NDArray[np.float64],
    amount_mg: float,
    immune_dose_gy: float,
    share: float,
    kill: str,
) -> NDArray[np.float64]:
    """State just after drug enters the gut and/or a fraction is given."""
    gut, central, message, enzyme, signal, inflammation, mdsc, fast, slow, doomed = y
    hit = kill_fraction(p, immune_dose_gy, kill) if immune_dose_gy > 0 else 0.0
    return np.array(
        [
            gut + amount_mg,
            central,
            message,
            enzyme,
            signal,
            inflammation + share,
            mdsc,
            fast * (1 - hit),
            slow * (1 - hit),
            doomed + (1 - p["prompt_loss"]) * hit * (fast + slow),
        ]
    )


def integrate(
    p: Parameters,
    y: NDArray[np.float64],
    start: float,
    stop: float,
    days: NDArray[np.float64],
    scale: NDArray[np.float64],
    feedback: float,
    drive: Callable[[float], float],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One smooth piece: the state at `stop` [state] and at the `days` within it [state, time]."""
    grid, where = np.unique(np.append(days, stop), return_inverse=True)
    solution = solve_ivp(
        lambda day, state: rates(p, state, feedback, drive(day)),
        (start, stop),
        y,
        method="LSODA",
        t_eval=grid,
        rtol=TOLERANCE,
        atol=TOLERANCE * scale,
    )
    if not solution.success:
        raise RuntimeError(f"LSODA stopped between day {start} and {stop}: {solution.message}")
    values = solution.y[:, where]
    return values[:, -1], values[:, :-1]


def rates(p: Parameters, y: NDArray[np.float64], feedback: float, drive: float) -> list[float]:
    """Right-hand side of the ten equations, per day."""
    gut, central, message, enzyme, signal, inflammation, mdsc, fast, slow, doomed = y.tolist()

    absorption = HOURS_PER_DAY * p["absorption_rate"] * gut
    blood_flow = HOURS_PER_DAY * p["hepatic_blood_flow"]
    clearance = HOURS_PER_DAY * p["intrinsic_clearance"] * enzyme
    extraction = clearance / (blood_flow + clearance)
    concentration = max(1000 * central / p["central_volume"], 0.0)
    induction = (
        p["max_induction"] * concentration / (p["half_induction_concentration"] + concentration)
    )

    power = concentration ** p["hill_exponent"]
    effect = power / (p["half_effect_concentration"] ** p["hill_exponent"] + power)
    production = p["mdsc_baseline"] * (1 + p["radiation_drive"] * inflammation)
    loss = 1 + p["max_differentiation"] * signal

    target = drive * p["lymphocyte_baseline"] * (mdsc / p["mdsc_baseline"]) ** -p["suppression"]
    if feedback:
        target *= (p["lymphocyte_baseline"] / (fast + slow)) ** feedback
    fast_rate = log(2) / p["fast_half_life"]
    slow_rate = log(2) / p["slow_half_life"]
    doomed_rate = log(2) / (p["doomed_half_life"] / HOURS_PER_DAY)

    return [
        -absorption,
        p["fraction_absorbed"] * (1 - extraction) * absorption
        - blood_flow * extraction / p["central_volume"] * central,
        HOURS_PER_DAY * p["message_turnover"] * (induction - message),
        p["enzyme_turnover"] * (1 + message - enzyme),
        p["signal_turnover"] * (effect - signal),
        -p["inflammation_decay"] * inflammation,
        p["mdsc_turnover"] * (production - loss * mdsc),
        fast_rate * (p["fast_fraction"] * target - fast),
        slow_rate * ((1 - p["fast_fraction"]) * target - slow),
        -doomed_rate * doomed,
    ]


def lymphoid_closed_form(
    parameters: Parameters,
    fractions: Iterable[Fraction],
    days: ArrayLike,
    mdsc_ratio: float = 1.0,
    kill: str = "linear",
) -> dict[str, NDArray[np.float64]]:
    """Exact lymphoid block under a constant MDSC ratio, without feedback.

    Between fractions each pool relaxes exponentially to its target, so no integration is needed.
    `days` must not be negative. Returns `fast`, `slow`, `doomed` and `alc` [time], 1e9/L.
    """
    p = parameters
    days = np.asarray(days, dtype=float)
    y = initial_state(p)
    level = p["lymphocyte_baseline"] * mdsc_ratio ** -p["suppression"]
    target = level * np.array([p["fast_fraction"], 1 - p["fast_fraction"], 0.0])
    half_lives = [p["fast_half_life"], p["slow_half_life"], p["doomed_half_life"] / HOURS_PER_DAY]
    rate = log(2) / np.array(half_lives)

    def relax(pools: NDArray[np.float64], elapsed: NDArray[np.float64]) -> NDArray[np.float64]:
        return target[:, None] + (pools - target)[:, None] * np.exp(-rate[:, None] * elapsed)

    out = relax(y[-3:], days)
    since = 0.0
    for day, _, immune_dose_gy, share in jumps(p, [], fractions):
        y[-3:] = relax(y[-3:], np.array([day - since]))[:, 0]
        y = jump(p, y, 0.0, immune_dose_gy, share, kill)
        since = day
        out[:, days > day] = relax(y[-3:], days[days > day] - day)
    fast, slow, doomed = out
    return {"fast": fast, "slow": slow, "doomed": doomed, "alc": fast + slow + doomed}
