"""A loss that can turn negative is refused when a model is loaded."""

import pytest

import lymphokin as lk
from lymphokin.model import ModelError
from lymphokin.model.individuals import individuals
from lymphokin.model.losses import refuse_negative_losses

MODEL = '''"""One pool whose loss is {loss}."""

from lymphokin.model import Flow, model_file

hedos = model_file("hedos_hcc")


class Pool(hedos.OnePool):
    def flows(self, y, p, u):
        loss = {loss}
        return {{"lymphocytes": Flow(loss * p.lymphocyte_baseline, loss)}}


blocks = (Pool(),)
'''


def load(folder, loss, table='extends = "hedos_hcc"\n'):
    path = folder / "pool.py"
    path.write_text(MODEL.format(loss=loss))
    path.with_suffix(".toml").write_text(table)
    return lk.load_model(path)


WIDE = """extends = "hedos_hcc"

[parameters.recovery_rate]
transform = "identity"
population_sd = 0.05
"""


@pytest.mark.parametrize(
    ("loss", "table", "when"),
    [
        ("-p.recovery_rate", 'extends = "hedos_hcc"\n', "in an untreated patient"),
        ("p.recovery_rate", WIDE, "in an untreated patient"),
        (
            "p.recovery_rate * (y.lymphocytes / p.lymphocyte_baseline - 0.8)",
            'extends = "hedos_hcc"\n',
            "after a fraction of 1 Gy",
        ),
    ],
)
def test_file_block_state_and_parameters_are_named(tmp_path, loss, table, when):
    with pytest.raises(ModelError) as caught:
        load(tmp_path, loss, table)
    reported = str(caught.value)
    assert reported.startswith(
        "pool.py: a loss or a hazard is negative at plausible parameters: Pool.lymphocytes"
    )
    for part in ("per day at", "recovery_rate = ", f" {when}. Write as inflow"):
        assert part in reported
    assert reported.count("Pool.lymphocytes") == 1


def test_a_loss_that_only_falls_is_taken(tmp_path):
    loss = "p.recovery_rate * y.lymphocytes / p.lymphocyte_baseline"
    assert load(tmp_path, loss).name == "pool"


@pytest.mark.parametrize("name", lk.shipped_models())
def test_no_shipped_model_has_one(name):
    model = lk.load_model(name)
    assert refuse_negative_losses(model) is model


def test_individuals_are_those_of_the_prior():
    model = lk.load_model("hedos_hcc")
    drawn = individuals(model, 4000)
    values = sorted(person["lymphocyte_baseline"] for person in drawn)
    parameter = model.table["lymphocyte_baseline"]
    assert values[2000] == pytest.approx(parameter.median, rel=0.03)
    spread = (parameter.population_sd**2 + parameter.between_subject_sd**2) ** 0.5
    assert values[3365] / values[2000] == pytest.approx(2.718281828**spread, rel=0.05)
