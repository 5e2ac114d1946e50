"""A fit as a value: posterior draws, configuration and provenance, saved as a folder and loaded."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import tomli_w
import xarray as xr

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.diagnostics import judge, population_summary, without_chains
from lymphokin.infer.sample import Sample
from lymphokin.model import Model, load_model
from lymphokin.research_use import RESEARCH_USE as RESEARCH_USE
from lymphokin.solve import StepRule

PRIOR_DRAWS = 4000
COHORT_FILE = "cohort.csv"
"""The fitted patients, in a run folder."""


def require_draws(config: Mapping[str, Any], purpose: str) -> None:
    """As :meth:`Fit.require_draws`, of a configuration alone."""
    if config.get("method") == "map":
        raise ValueError(
            f"{purpose} needs draws of the population, and this fit (--method map) is a single "
            "point without uncertainty: fit again with --method nuts, or quick for a look"
        )


@dataclass(frozen=True)
class Fit:
    """A fitted population model.

    ``draws``: groups ``posterior`` (population quantities and individual parameters in table
    units), ``sample_stats``, ``latents`` (the flat vector ``x``) and ``prior``; of an approximation
    also ``approximation`` (Pareto k of each patient), and ``svi`` (its ELBO).
    ``summary``: one row per population quantity. ``config``: everything that was chosen.
    """

    draws: xr.DataTree
    summary: pd.DataFrame
    config: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def x(self) -> np.ndarray:
        """[draw, latent] flat latents, chains one after the other."""
        x = self.draws["latents"]["x"].to_numpy().astype(np.float64)
        return x.reshape(-1, x.shape[-1])

    @property
    def method(self) -> str:
        """How the posterior was found; see :data:`lymphokin.infer.METHODS`."""
        return str(self.config.get("method", "nuts"))

    def require_draws(self, purpose: str) -> None:
        """Refuse a fit that is a single point where its uncertainty is needed.

        Raises:
            ValueError: naming the purpose.
        """
        require_draws(self.config, purpose)

    def model(self) -> Model:
        """The fitted model, with whatever was fixed.

        Raises:
            ModelError: when the model file is gone.
            ValueError: when the model file is not the fitted one any more.
        """
        model = load_model(self.config["model"]).with_fixed(**self.config["fixed"])
        if model.sha256 != self.provenance["model_sha256"]:
            raise ValueError(
                f"model {self.config['model']} has changed since this fit; fit again, or restore it"
            )
        return model

    def steps(self) -> StepRule:
        """Step sizes of the solver with which it was fitted."""
        rtol = self.config.get("rtol")
        return StepRule() if rtol is None else StepRule.for_tolerance(rtol)

    def population_z(self) -> np.ndarray:
        """[draw, quantity] population latents."""
        return self.x[:, : len(self.summary)]

    def write(self, folder: Path) -> None:
        """Write posterior.nc, config.toml, provenance.json and summary.csv into a folder."""
        self.draws.to_netcdf(folder / "posterior.nc", engine="h5netcdf")
        self.summary.to_csv(folder / "summary.csv", index=False)
        (folder / "config.toml").write_text(tomli_w.dumps(self.config), encoding="utf-8")
        text = json.dumps(self.provenance, indent=2, sort_keys=True)
        (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Fit:
        """Load a run folder.

        Raises:
            FileNotFoundError: naming the file that is missing.
        """
        for name in ("posterior.nc", "summary.csv", "config.toml", "provenance.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} is not a run folder: it has no {name}")
        with xr.open_datatree(folder / "posterior.nc", engine="h5netcdf") as stored:
            draws = stored.load()
        return cls(
            draws,
            pd.read_csv(folder / "summary.csv"),
            tomllib.loads((folder / "config.toml").read_text(encoding="utf-8")),
            json.loads((folder / "provenance.json").read_text(encoding="utf-8")),
        )


def assemble(
    density: CohortDensity, sample: Sample, config: dict[str, Any], provenance: dict[str, Any]
) -> Fit:
    """A fit from the draws of a method."""
    hierarchy, belief = density.hierarchy, sample.belief
    n_population = len(hierarchy.quantities)
    z = sample.x[..., :n_population]
    values = density.natural(z.reshape(-1, n_population))
    values = {name: value.reshape(z.shape[:2]) for name, value in values.items()}
    prior_z = np.random.default_rng(config["seed"]).standard_normal((PRIOR_DRAWS, n_population))
    prior = density.natural(prior_z.astype(z.dtype))
    summary = population_summary(hierarchy, z, values, prior, markov=belief is None)
    if belief is None:
        told = {"convergence": judge(summary, sample.statistics["diverging"]).as_dict()}
    else:
        convergence = without_chains(belief, z.shape[1])
        told = {"convergence": convergence.as_dict(), "approximation": belief.as_dict()}
    tree = _tree(density, sample, values, prior)
    return Fit(tree, summary, config, provenance | told)


def _tree(
    density: CohortDensity,
    sample: Sample,
    values: dict[str, np.ndarray],
    prior: dict[str, np.ndarray],
) -> xr.DataTree:
    hierarchy, arrays = density.hierarchy, density.arrays
    unravel = density.unravel()
    effects = hierarchy.subject_effects

    def individual(x: jax.Array) -> dict[str, jax.Array]:
        latents = unravel(x)
        p, _ = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
        return {e.name: getattr(p, e.name) / e.per_day for e in effects}

    shape = sample.x.shape[:2]
    of_patients = jax.jit(lambda x: jax.lax.map(individual, x))(
        jnp.asarray(sample.x.reshape(-1, sample.x.shape[-1]))
    )
    units = {q.name: q.unit for q in hierarchy.quantities}
    posterior_vars: dict[str, Any] = {
        name: (("chain", "draw"), v, {"units": units[name]}) for name, v in values.items()
    }
    for effect in effects:
        own = np.asarray(of_patients[effect.name]).reshape(*shape, -1)
        name = f"individual_{effect.name}"
        posterior_vars[name] = (("chain", "draw", "patient"), own, {"units": effect.unit})
    patients = {"patient": density.packed.cohort.patients.index.to_numpy(str)}
    stats = {name: (("chain", "draw"), value) for name, value in sample.statistics.items()}
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(posterior_vars, patients),
            "/sample_stats": xr.Dataset(stats),
            "/latents": xr.Dataset({"x": (("chain", "draw", "latent"), sample.x)}),
            "/prior": xr.Dataset({name: (("sample",), v) for name, v in prior.items()}),
            **{f"/{name}": group for name, group in sample.groups.items()},
        }
    )
