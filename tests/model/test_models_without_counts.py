"""Models of a drug or of myeloid cells alone are fitted; what needs a count is refused."""

import pytest

import lymphokin as lk
from lymphokin.model import ModelError, load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.engine import Engine

DRUG = '''"""A drug alone, on the hours clock."""

from lymphokin.model import Block, Flow, Output, state


class Drug(Block):
    clock = "hours"
    gut = state("mg")
    central = state("mg")
    shows = {"atra": Output("ng/mL", "concentration")}

    def flows(self, y, p, u):
        return {
            "gut": Flow(0.0, p.absorption_rate),
            "central": Flow(p.absorption_rate * y.gut, p.elimination_rate),
        }

    def on_dose(self, y, p, amount):
        return {"gut": y.gut + amount}

    def outputs(self, y, p, u):
        return {"atra": 20 * y.central}


blocks = (Drug(),)
'''
RATE = """
[parameters.{name}]
symbol = "k"
meaning = "a rate"
unit = "1/h"
transform = "log"
median = {median}
population_sd = 0.4
between_subject_sd = 0.3
source = "none: a test"
certainty = "proposed prior"
"""
RESIDUAL = """
[residuals.atra]
distribution = "normal"
scale = "log"
sd = 0.3
sd_log_sd = 0.3
source = "none: a test"
certainty = "proposed prior"
"""
MDSC = '''"""The default model without its lymphocytes."""

from lymphokin.model import model_file

blocks = model_file("myeloid_lymphoid").blocks[:-1]
'''
LYMPHOID = [
    "lymphocyte_baseline",
    "radiosensitivity",
    "immune_dose_scale",
    "prompt_loss",
    "doomed_half_life",
    "fast_fraction",
    "fast_half_life",
    "slow_half_life",
    "suppression",
]


@pytest.fixture(scope="module", params=["drug", "mdsc"])
def model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / f"{request.param}.py"
    if request.param == "drug":
        path.write_text(DRUG)
        rates = {"absorption_rate": 1.0, "elimination_rate": 0.3}
        table = "".join(RATE.format(name=n, median=k) for n, k in rates.items()) + RESIDUAL
    else:
        path.write_text(MDSC)
        table = 'extends = "myeloid_lymphoid"\n'
        table += "".join(f"[parameters.{name}]\nremove = true\n" for name in LYMPHOID)
        table += "[residuals.alc]\nremove = true\n"
    path.with_suffix(".toml").write_text(table)
    return load_model(path)


@pytest.mark.slow  # compiles a fit
def test_a_model_without_counts_is_fitted_and_saved_without_forecasts(model, small_trial, tmp_path):
    fit = lk.fit(small_trial.cohort, model, method="quick", progress=False)
    assert fit.save(tmp_path / "run", progress=False) is None
    assert not (tmp_path / "run" / "patients.csv").exists()
    again = lk.open_run(tmp_path / "run", model)
    assert again.summary["q50"].notna().all()
    with pytest.raises(ModelError, match=f"a forecast of the endpoint needs .* {model.name} has"):
        again.forecast()


def test_questions_about_counts_are_refused_before_anything_is_computed(model):
    with pytest.raises(
        ModelError, match=f"a what-if needs a lymphocyte count, and model {model.name}"
    ):
        Engine(PopulationDraws.of_prior(model, draws=8))
