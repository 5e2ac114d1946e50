"""Hares and lynxes: the predator and prey of posteriordb's hudson_lynx_hare-lotka_volterra.

Time is in years where a trial has days. A model rests until its first fraction; here that
"fraction" lets life begin in 1900. Hares are observed as ``alc`` and lynxes as ``mdsc``, in
thousands of pelts.
"""

from lymphokin.model import Block, Flow, Output, state


class LotkaVolterra(Block):
    """Prey that grows until it is eaten, predators that starve unless they eat."""

    alive = state("1")
    hare = state("1e3", initial=lambda p: p.hare_start)
    lynx = state("1e3", initial=lambda p: p.lynx_start)
    shows = {"alc": Output("1e3", "hare pelts"), "mdsc": Output("1e3", "lynx pelts")}

    def flows(self, y, p, u):
        births = y.alive * p.lynx_birth * y.hare * y.lynx
        return {
            "alive": Flow(0.0, 0.0),
            "hare": Flow(y.alive * p.hare_birth * y.hare, y.alive * p.hare_death * y.lynx),
            "lynx": Flow(births, y.alive * p.lynx_death),
        }

    def on_fraction(self, y, p, fraction):
        return {"alive": y.alive + fraction.share}

    def outputs(self, y, p, u):
        return {"alc": y.hare, "mdsc": y.lynx}


blocks = (LotkaVolterra(),)
