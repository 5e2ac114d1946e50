"""The posterior as a NumPyro model: standard normal latents and the cohort's likelihood."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from lymphokin.population import CohortArrays, CohortLikelihood, Latents

SITES = Latents._fields


def posterior_model(likelihood: CohortLikelihood, arrays: CohortArrays) -> None:
    """NumPyro model of a cohort; its sites are the fields of :class:`Latents`."""
    hierarchy = likelihood.hierarchy
    shapes = hierarchy.shapes(arrays)
    z = numpyro.sample(
        "population",
        dist.Normal(0.0, 1.0).expand(shapes.population).to_event(1),  # type: ignore[arg-type]
    )
    mean, sd = hierarchy.subject_prior(hierarchy.population(z))
    subject = numpyro.sample(
        "subject",
        dist.Normal(mean[:, None], sd[:, None]).expand(shapes.subject).to_event(2),  # type: ignore[arg-type]
    )
    treated, occasion = (
        numpyro.sample(name, dist.Normal(0.0, 1.0).expand(shape).to_event(2))  # type: ignore[arg-type]
        if shape[0] * shape[1]  # type: ignore[index]
        else jnp.zeros(shape)
        for name, shape in (("treated", shapes.treated), ("occasion", shapes.occasion))
    )
    latents = Latents(z, subject, treated, occasion)  # type: ignore[arg-type]
    numpyro.factor("likelihood", likelihood.total(latents, arrays))
