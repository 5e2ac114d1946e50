"""What shifts a measurement beside its error: the tube, the centre, the hours until processing."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.io import BadInput, read_events
from lymphokin.model import TableError
from tests.statistical_model.conftest import cohort_of, posterior_of

DELAY = {"per_hour": -0.05, "per_hour_sd": 0.02, "source": "a test"}
CENTRE = {"reference": "A", "B": 0.3, "B_sd": 0.1, "source": "a test"}
EFFECTS = {"error": "log_normal", "covariates": {"DELAY": DELAY, "CENTRE": CENTRE}}


def test_a_delay_and_a_centre_shift_what_is_measured(level_model):
    model = level_model(residual=EFFECTS)
    cohort = cohort_of([[2.0, 2.0], [2.0, 2.0], [2.0, 2.0]], centre=["A", "B", "C"])
    hours = [0.0, 4.0, np.nan, 2.0, 1.0, 1.0]
    cohort = replace(cohort, observations=cohort.observations.assign(delay=hours))
    posterior = posterior_of(model, cohort)
    names = posterior.hierarchy.population_names
    z = jnp.zeros(len(names)).at[names.index("alc_delay_log_ratio")].set(1.0)
    z = z.at[names.index("alc_B_log_ratio")].set(-2.0)
    latents = posterior.start()._replace(population=z)
    log_count = posterior.likelihood.predictions(latents, posterior.arrays)["alc"][0][:6]
    per_hour, centre = -0.05 + 0.02, 0.3 - 2 * 0.1
    shift = per_hour * np.nan_to_num(hours) + centre * np.array([0, 0, 1, 1, 0, 0])
    np.testing.assert_allclose(log_count, np.log(2.0) + shift, rtol=1e-12)
    assert posterior.packed.warnings == (
        "DELAY is blank for 1 alc record(s): processed at once",
        "CENTRE C: the model has no ratio of alc for it; such records count as A",
    )
    unit = {q.name: q.unit for q in posterior.hierarchy.quantities}
    assert unit["alc_delay_log_ratio"] == "1/h"


@pytest.mark.parametrize(
    ("covariates", "expected"),
    [
        ({"SEX": {"reference": "F", "M": 0.1}}, "expected DELAY or one of TUBE, CENTRE"),
        ({"DELAY": {"per_hour_sd": 0.1}}, "per_hour is missing"),
        ({"DELAY": {"per_hour": 0.1, "per_day": 2.4}}, "unknown key 'per_day'"),
    ],
)
def test_an_effect_that_cannot_be_is_refused(level_model, covariates, expected):
    with pytest.raises(Exception, match=expected) as refused:
        level_model(residual={"covariates": covariates})
    assert isinstance(refused.value.__cause__ or refused.value, TableError)


def test_a_delay_is_read_and_a_wrong_one_refused(tmp_path):
    header = "ID,TIME,EVID,CMT,AMT,DVID,DV,DELAY\nP1,-1,0,,,alc,1.4,\n"
    table = tmp_path / "delays.csv"
    table.write_text(header + "P1,0,1,rt,8,,,\nP1,0,0,,,mdsc,18,2.5\nP1,7,0,,,mdsc,20,\n")
    delays = read_events(table).observations["delay"].to_numpy()
    np.testing.assert_array_equal(delays, [np.nan, 2.5, np.nan])
    table.write_text(header + "P1,0,1,rt,8,,,\nP1,0,0,,,mdsc,18,-1\nP1,7,0,,,mdsc,20,500\n")
    with pytest.raises(BadInput) as refused:
        read_events(table)
    reported = str(refused.value)
    for part in ("delays.csv: 2 problems",
                 "DELAY: expected the time from drawing to processing a blood sample",
                 "line 4: found -1", "line 5: found 500"):  # fmt: skip
        assert part in reported
