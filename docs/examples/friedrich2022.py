"""A primary and a distant tumour under radiotherapy and immunotherapy (Friedrich 2022).

Friedrich, Scholz and Durante, doi:10.1016/j.ijrobp.2022.03.030, after the program of one of the
group (github.com/vsandul/RIT_bokeh_app, MIT licence), whose defaults are the numbers of the table:
they are the starting values of sliders, not estimates from data. The article was not read.

Dying cells of the irradiated tumour release a signal, which after a delay in the lymph node makes
lymphocytes; 63 % go to that tumour, the others everywhere. Immunotherapy makes them kill 30 times
as much. The dose to the lymph node holds the response back for all later fractions.

Two things differ from the program. Lymphocytes are made after a chain of seven steps with the mean
delay of the program's kernel. And the kill saturates: the original takes away a number of cells per
lymphocyte however few are left, so that a tumour falls below 0 (the program then puts it to 0).
Here ``half_kill`` cells halve the kill; fixed at 0, ``load_model(...).with_fixed(half_kill=0)``, it
is the original.

No number comes from people, and the tumours grow a hundredfold within a week. The lesion of the
event table is the irradiated one; the distant tumour is the model's own. Lymphocytes of the blood
are not in it. Days with immunotherapy stand in the column CHECKPOINT. A course has equal fractions,
at most one a day.
"""

import jax.numpy as jnp
import numpy as np

from lymphokin.model import AdaptiveSolver, Block, Flow, Output, state

begins = "first record"
solver = AdaptiveSolver("kvaerno5", rtol=1e-5, atol=0.1)
SLOTS = range(1, 9)
"""Cells killed by one fraction each; they are gone before the ninth needs the first slot again."""
GAUSS = [(0.5 * (1 + x), 0.5 * w) for x, w in zip(*np.polynomial.legendre.leggauss(4), strict=True)]
PRIMING = tuple(f"priming_{i}" for i in range(1, 8))


def growth_rate(largest, exponent, cells):
    return largest * (1e6 / jnp.maximum(cells, 1.0)) ** exponent


def first_signal(p):
    """The signal that a program starts with: at rest for the growth of the first day."""
    primary, distant = p.primary_start, p.distant_start
    faster = growth_rate(p.primary_growth, p.primary_exponent, primary)
    slower = growth_rate(p.distant_growth, p.distant_exponent, distant)
    lost = (p.signal_loss + faster) * primary + (p.signal_loss + slower) * distant
    return p.release * (primary + distant) ** 2 / lost


def passed_on(y, names, rate, entering=0.0):
    """Flows of a chain, each step emptying into the next at ``rate``."""
    before = [entering, *(rate * getattr(y, name) for name in names[:-1])]
    return {name: Flow(inflow, rate) for name, inflow in zip(names, before, strict=True)}


class Tumours(Block):
    """Tumours, the signal of those that die, and the lymphocytes that it calls up."""

    primary = state("cells", lambda p: p.primary_start, "living (T)", per="lesion")
    local = state("cells", lambda p: p.local_start, "lymphocytes in it (L)", per="lesion")
    dead_1, dead_2, dead_3, dead_4, dead_5, dead_6, dead_7, dead_8 = (
        state("cells", 0.0, "killed by a fraction, which grow on until they die", per="lesion")
        for _ in SLOTS
    )
    hit_1, hit_2, hit_3, hit_4, hit_5, hit_6, hit_7, hit_8 = (
        state("cells", 0.0, "lymphocytes killed by a fraction, which still act", per="lesion")
        for _ in SLOTS
    )
    age_1, age_2, age_3, age_4, age_5, age_6, age_7, age_8 = (
        state("d", 0.0, "since that fraction", per="lesion") for _ in SLOTS
    )
    fractions = state("1", 0.0, "so far", per="lesion")
    longest = state("d", 7.0, "until the last cell of a fraction has died", per="lesion")
    node = state("1", 1.0, "what the lymph node's doses have left (SLn)", per="lesion")
    distant = state("cells", lambda p: p.distant_start, "outside the field (T2)")
    signal = state("1", first_signal, "of dying tumour (A)")
    priming_1, priming_2, priming_3, priming_4, priming_5, priming_6, priming_7 = (
        state("1", 0.0, "signal on its way through the lymph node") for _ in PRIMING
    )
    roaming = state("cells", lambda p: p.roaming_start, "lymphocytes everywhere else (LG)")
    shows = {
        "primary_cells": Output("cells", "irradiated tumour, dying cells included", decimals=0),
        "distant_cells": Output("cells", "tumour outside the field", decimals=0),
    }

    def flows(self, y, p, u):
        dying, acting, deaths = moribund(y)
        grows = growth_rate(p.primary_growth, p.primary_exponent, y.primary + dying)
        spreads = growth_rate(p.distant_growth, p.distant_exponent, y.distant)
        kill = p.kill + (p.kill_under_drug - p.kill) * u.CHECKPOINT
        few = p.half_kill + 1e-9
        prime = len(PRIMING) / p.priming_delay
        released = u.sum_over_lesions(p.release * y.primary + p.burst * deaths)
        entering = u.sum_over_lesions(p.priming * y.node) * prime * y.signal
        made = y.priming_7
        lost = p.lymphocyte_loss + kill
        slots = {}
        for i in SLOTS:
            dead, there = getattr(y, f"dead_{i}"), getattr(y, f"age_{i}") < y.longest
            slots[f"dead_{i}"] = Flow(jnp.where(there, grows * dead, 0.0), 0.0)
        slots |= {f"hit_{i}": Flow(0.0, lost) for i in SLOTS}
        slots |= {f"age_{i}": Flow(1.0, 0.0) for i in SLOTS}
        return (
            slots
            | passed_on(y, PRIMING, prime, entering)
            | {
                "primary": Flow(grows * y.primary, kill * (y.local + acting) / (y.primary + few)),
                "local": Flow(p.local_share * made, lost),
                "fractions": Flow(0.0, 0.0),
                "longest": Flow(0.0, 0.0),
                "node": Flow(0.0, 0.0),
                "distant": Flow(
                    spreads * y.distant,
                    kill * p.distant_kill * y.roaming / (y.distant + few),
                ),
                "signal": Flow(p.release * y.distant + released, p.signal_loss),
                "roaming": Flow((1 - p.local_share) * made, p.lymphocyte_loss),
            }
        )

    def on_fraction(self, y, p, fraction):
        gy, node_gy, given = fraction.gy, p.node_dose * fraction.gy, fraction.gy > 0
        dead = y.primary * -jnp.expm1(-p.alpha * gy - p.beta * gy**2)
        hit = y.local * (1 - survival(p, gy))
        slots = {}
        for i in SLOTS:
            own = given & (y.fractions % len(SLOTS) == i - 1)
            slots[f"dead_{i}"] = jnp.where(own, dead, getattr(y, f"dead_{i}"))
            slots[f"hit_{i}"] = jnp.where(own, hit, getattr(y, f"hit_{i}"))
            slots[f"age_{i}"] = jnp.where(own, 0.0, getattr(y, f"age_{i}"))
        return slots | {
            "primary": y.primary - dead,
            "local": y.local - hit,
            "fractions": y.fractions + given,
            # The program's rule: 2 to 7 days.
            "longest": jnp.where(given, jnp.clip(25 / jnp.maximum(gy, 1), 2, 7), y.longest),
            "node": y.node * survival(p, node_gy),
            "roaming": y.roaming * jnp.where(fraction.share > 0, 1 - p.roaming_loss, 1.0),
        }

    def outputs(self, y, p, u):
        return {"primary_cells": y.primary + moribund(y)[0], "distant_cells": y.distant}


def moribund(y):
    """Killed cells still there, killed lymphocytes that still act, and cells that die per day."""
    dying, acting, deaths = 0.0, 0.0, 0.0
    for i in SLOTS:
        dead, hit, age = (getattr(y, f"{name}_{i}") for name in ("dead", "hit", "age"))
        left, rate = kernel(jnp.minimum(age, y.longest), y.longest)
        dying, acting, deaths = dying + left * dead, acting + left * hit, deaths + rate * dead
    return dying, acting, deaths


def kernel(age, longest):
    """Share of killed cells still there, and that dies per day (the program's idf and df)."""

    def shape(days):
        return (1 - (days / longest) ** 2.8) * -jnp.expm1(-0.2 * days)

    def area(start):
        return sum(w * shape(start + x * (longest - start)) for x, w in GAUSS) * (longest - start)

    return area(age) / area(0.0), shape(age) / area(0.0)


def survival(p, gy):
    """Lymphocytes that survive a dose, a thousandth at the least."""
    return jnp.maximum(jnp.exp(-p.lymphocyte_alpha * gy - p.lymphocyte_beta * gy**2), 0.001)


blocks = (Tumours(),)
