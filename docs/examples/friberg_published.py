"""Lymphocytes that proliferate, mature in three steps and circulate, with published kinetics.

The chain of Friberg 2002 (doi:10.1200/JCO.2002.02.140) as it was fitted to lymphocyte counts under
sunitinib (Wang 2020) and under interleukin-7 (Park 2025, doi:10.2147/DDDT.S564085): three steps of
maturation, one rate for all, and a weak feedback. The shipped ``friberg_lymphocyte`` has one step,
a starting value for its rate and a feedback of 1, as strong as the program that it comes from.

Radiation hits circulating cells only, as there. Neither study irradiated anybody: they are priors
of kinetics, and disagree about the rate by a factor of 14. Park's cells leave the circulation
faster than they mature (1.22 per day); here both go at one rate.
"""

from lymphokin.model import Flow, model_file, state

shipped = model_file("friberg_lymphocyte")


def baseline(p):
    return p.lymphocyte_baseline


class Lymphocytes(shipped.FribergLymphocytes):
    """The shipped cells, which mature in two steps more."""

    maturing_2 = state("1e9/L", baseline)
    maturing_3 = state("1e9/L", baseline)

    def flows(self, y, p, u):
        rate = p.transit_rate
        return super().flows(y, p, u) | {
            "maturing_2": Flow(rate * y.transit, rate),
            "maturing_3": Flow(rate * y.maturing_2, rate),
            "circulating": Flow(rate * y.maturing_3, rate),
        }


blocks = (Lymphocytes(),)
