"""A check shows what a model declares that a trial can teach, beside what it works out itself."""

import numpy as np

from lymphokin.criticism.teaching.composites import composites
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.learnt import NOT_MEASURED
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.predict.composites import _Reference
from lymphokin.sites import shipped_sites
from tests.predict.test_composites import COMPOSITE, load

__all__ = ["load"]


def test_a_check_names_declared_composites_without_their_links(load):
    model = load(COMPOSITE.format(name="fold", more='without = ["growth"]'))
    cohort = _Reference.of(model, shipped_sites()).density.packed.cohort
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))
    (found,) = composites(density, np.linspace(-0.1, 0.1, 25)[:, None], 1)
    assert (found.name, found.unit, found.meaning) == ("fold", "fold", "made up for a test, SBRT")
    assert found.learnt == NOT_MEASURED
    # A growth of 0.01 a day for 80 days; the typical value was drawn within 0.1 SD of 0.3.
    np.testing.assert_allclose(np.log(found.posterior), 0.8, rtol=0.04)
    assert np.ptp(np.log(found.prior)) > 5 * np.ptp(np.log(found.posterior))
