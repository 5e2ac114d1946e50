"""SciPy's LSODA, forward only, one patient at a time, the right-hand side in plain Python."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from scipy.integrate import odeint

from contenders.trial import FAR, Trial

GUT, CENTRAL, MESSAGE, ENZYME, SIGNAL, INFLAMMATION, MDSC, FAST, SLOW, DOOMED = range(10)
MG_PER_L = 1000.0
"""ng/mL per mg/L"""


def slopes(y: Any, _: float, c: tuple[float, ...]) -> list[float]:
    """The ten equations of ``docs/model.md``, per day, with constants from :func:`constants`."""
    gut, central, message, enzyme, signal, inflammation, mdsc, fast, slow, doomed = y.tolist()
    (ka, inverse_volume, clearance, flow, absorbed, induction, half_induction, message_rate,
     enzyme_rate, signal_rate, log_half, hill, decay, mdsc_rate, maturation, baseline, drive,
     alc, fast_fraction, fast_rate, slow_rate, doomed_rate, suppression) = c  # fmt: skip
    extraction = clearance * enzyme / (flow + clearance * enzyme)
    level = max(MG_PER_L * central * inverse_volume, 0.0)
    occupied = 1 / (1 + exp(-hill * (log(max(level, 1e-9)) - log_half)))
    target = alc * (mdsc / baseline) ** -suppression
    return [
        -ka * gut,
        absorbed * (1 - extraction) * ka * gut - flow * extraction * inverse_volume * central,
        message_rate * (induction * level / (half_induction + level) - message),
        enzyme_rate * (1 + message - enzyme),
        signal_rate * (occupied - signal),
        -decay * inflammation,
        mdsc_rate * (baseline * (1 + drive * inflammation) - (1 + maturation * signal) * mdsc),
        fast_rate * (fast_fraction * target - fast),
        slow_rate * ((1 - fast_fraction) * target - slow),
        -doomed_rate * doomed,
    ]


def constants(p: dict[str, float]) -> tuple[float, ...]:
    """What the equations need of one individual's parameters (model units, days)."""
    return (
        p["absorption_rate"], 1 / p["central_volume"], p["intrinsic_clearance"],
        p["hepatic_blood_flow"], p["fraction_absorbed"], p["max_induction"],
        p["half_induction_concentration"], p["message_turnover"], p["enzyme_turnover"],
        p["signal_turnover"], log(p["half_effect_concentration"]), p["hill_exponent"],
        p["inflammation_decay"], p["mdsc_turnover"], p["max_differentiation"],
        p["mdsc_baseline"], p["radiation_drive"], p["lymphocyte_baseline"], p["fast_fraction"],
        log(2) / p["fast_half_life"], log(2) / p["slow_half_life"],
        log(2) / p["doomed_half_life"], p["suppression"],
    )  # fmt: skip


class ScipyLsoda:
    """Outputs of the whole trial at every stop."""

    def __init__(self, trial: Trial, rtol: float) -> None:
        self.trial = trial
        self.rtol = rtol

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Per quantity, [patient, stop]."""
        p, lanes = ({k: np.asarray(v) for k, v in q.items()} for q in self.trial.individuals(x))
        shape = self.trial.stops.day.shape
        shown = {q: np.zeros(shape) for q in ("alc", "mdsc", "atra")}
        for i in range(shape[0]):
            own = {k: float(v[i]) if v.ndim else float(v) for k, v in p.items()}
            self._patient(i, own, lanes, shown)
        return shown

    def _advance(
        self, y: np.ndarray, now: float, day: float, c: tuple[float, ...], scale: np.ndarray
    ) -> np.ndarray:
        """States at ``day``."""
        tolerance = {"rtol": self.rtol, "atol": 1e-3 * self.rtol * scale}
        return odeint(slopes, y, (now, day), (c,), mxstep=100_000, **tolerance)[-1]

    def _patient(self, i: int, own: dict[str, float], lanes: Any, shown: Any) -> None:
        stops = self.trial.stops

        def in_window(lane: int) -> dict[str, float]:
            return {k: float(v[lane]) if v.ndim else float(v) for k, v in lanes.items()} | own

        p = in_window(stops.first_lane[i])
        scale = np.ones(10)
        scale[[GUT, CENTRAL]], scale[MDSC] = 100.0, own["mdsc_baseline"]
        fast = own["fast_fraction"] * own["lymphocyte_baseline"]
        y = np.array([0, 0, 0, 1, 0, 0, own["mdsc_baseline"], fast, 0, 0], float)
        y[SLOW] = own["lymphocyte_baseline"] - fast
        lag = np.broadcast_to(
            lanes["absorption_lag"], len(self.trial.density.packed.layout.lane_windows)
        )
        day = stops.day[i] + stops.is_dose[i] * lag[stops.lane[i]]
        order = np.argsort(day, kind="stable")
        now = stops.first_day[i]
        c = constants(p)
        for s in order[: int((day < FAR).sum())]:
            if day[s] > now:
                y = self._advance(y, now, day[s], c, scale)
                now = day[s]
            shown["alc"][i, s] = y[FAST] + y[SLOW] + y[DOOMED]
            shown["mdsc"][i, s] = y[MDSC]
            shown["atra"][i, s] = MG_PER_L * max(y[CENTRAL], 0.0) / p["central_volume"]
            if stops.opens[i, s]:
                p = in_window(stops.lane[i, s])
                c = constants(p)
                y[[GUT, CENTRAL, MESSAGE, ENZYME]] = 0, 0, 0, 1
            y[GUT] += stops.amount[i, s]
            if stops.share[i, s]:
                surviving = exp(
                    -own["radiosensitivity"] * own["immune_dose_scale"] * stops.immune_dose[i, s]
                )
                y[DOOMED] += (1 - own["prompt_loss"]) * (1 - surviving) * (y[FAST] + y[SLOW])
                y[[FAST, SLOW]] *= surviving
                y[INFLAMMATION] += stops.share[i, s]
