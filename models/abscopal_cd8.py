"""The default model with activated CD8+ T cells, lesions in and outside the field, and events.

Killed tumour cells release antigen; antigen, the T cells that are left and the MDSC set how many
CD8+ cells are activated; these may attack every lesion. MDSC brake the activation by an exponent of
their own (gammaE), apart from the one on lymphocyte counts (gamma). Without a checkpoint inhibitor
hardly any lesion outside the field is expected to shrink. Progression outside the field and leaving
the trial are hazards that follow the lesions there and the count. What each number rests on stands
in ``abscopal_cd8.toml``, what data can tell in ``docs/abscopal.md``.
"""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Hazard, Output, model_file, state

default = model_file("myeloid_lymphoid")
begins = "first record"


class Lymphoid(default.Lymphoid):
    """Lymphocytes of the default model, which show how many T cells are left to be activated."""

    shows = default.Lymphoid.shows | {"t_cell_ratio": Output("1", "slow pool, fold of baseline")}

    def outputs(self, y, p, u):
        before = (1 - p.fast_fraction) * p.lymphocyte_baseline
        return super().outputs(y, p, u) | {"t_cell_ratio": y.slow / before}


class Lesions(Block):
    """Living and dying cells of each lesion, the antigen of all, and the CD8+ cells activated.

    The attack takes the same share of every lesion, so that one number per patient holds it.
    """

    log_living = state(
        "1",
        lambda p: jnp.log(p.lesion_volume),
        "ln of cm3 living, had there been no attack",
        "lesion",
    )
    dying = state("cm3", meaning="killed by dose and not cleared, as above", per="lesion")
    in_field = state("1", meaning="1 once the lesion is irradiated", per="lesion")
    antigen = state("1", 1.0, "antigen of all lesions, fold of that before treatment")
    active = state("cells/uL", lambda p: p.active_baseline, "activated CD8+ T cells in the blood")
    spared = state("1", meaning="ln of the fold by which a weaker attack makes lesions larger")
    shows = {
        "diameter": Output("mm", "longest diameter of a lesion", decimals=0),
        "cd8": Output("cells/uL", "activated CD8+ T cells", decimals=1),
        "outside": Output("cm3", "volume of all lesions outside the field, 0 before there is one"),
        "irradiated": Output("1", "1 once a lesion is irradiated"),
    }

    def flows(self, y, p, u):
        # What the attack kills gives off its antigen too, so that antigen is of all the cells.
        released = jnp.exp(y.log_living) + p.burst * p.clearing * y.dying
        release = u.sum_over_lesions(released) / u.sum_over_lesions(p.lesion_volume)
        # Both are 1 before treatment, so that the activated cells then rest at their baseline.
        stimulus = y.antigen * (1 + p.half_antigen) / (y.antigen + p.half_antigen)
        brake = jnp.exp(-p.function_suppression * jnp.log(u.mdsc_ratio))
        activation = p.active_loss * p.active_baseline * u.t_cell_ratio * stimulus * brake
        antigen_loss = p.active_loss + p.antigen_excess_loss
        return {
            "log_living": Flow(p.growth, 0.0),
            "dying": Flow(0.0, p.clearing),
            "in_field": Flow(0.0, 0.0),
            "antigen": Flow(antigen_loss * release, antigen_loss),
            "active": Flow(activation, p.active_loss),
            # Growth and clearing are net of the attack before treatment.
            "spared": Flow(p.attack * (p.active_baseline - y.active), 0.0),
        }

    def on_fraction(self, y, p, fraction):
        effect = p.tumour_alpha * (fraction.gy + fraction.gy**2 / p.alpha_beta_ratio)
        killed = jnp.exp(y.log_living) * (1 - jnp.exp(-effect))
        immune_dose = p.immune_dose_scale * fraction.immune_dose
        return {
            "log_living": y.log_living - effect,
            "dying": y.dying + killed,
            "in_field": jnp.where(fraction.gy > 0, 1.0, y.in_field),
            "active": jnp.exp(-p.active_radiosensitivity * immune_dose) * y.active,
        }

    def outputs(self, y, p, u):
        living, larger = jnp.exp(y.log_living), jnp.exp(y.spared)
        irradiated = jnp.minimum(u.sum_over_lesions(y.in_field), 1.0)
        # Where no dose came nothing is dying.
        outside = larger * u.sum_over_lesions((1 - y.in_field) * living)
        # A cube root by logarithms, which costs a third.
        log_volume = jnp.log(6 / jnp.pi * (living + y.dying)) + y.spared
        return {
            "diameter": 10 * jnp.exp(log_volume / 3),
            "cd8": y.active,
            "outside": irradiated * outside,
            "irradiated": irradiated,
        }


class Events(Block):
    """Progression outside the field, from the first fraction on, and who leaves the trial."""

    hazards = {
        "progression": Hazard("progression outside the field", "progression outside the field"),
        "dropout": Hazard("drop-out", "drop-out"),
    }

    def hazard_rates(self, y, p, u):
        log_count = jnp.log(u.alc)
        by_size = p.by_size * jnp.log(1 + u.outside)  # in cm3: 1 where no lesion is seen
        progressing = p.usual_progression * jnp.exp(by_size + p.by_count * log_count)
        return {
            "progression": u.irradiated * progressing,
            "dropout": p.usual_dropout * jnp.exp(-p.dropout_by_count * log_count),
        }


blocks = (*default.blocks[:-1], Lymphoid(), Lesions(), Events())
