"""A fit of a cohort as a value: its draws, what they say of the patients, and how it is saved."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint, shipped_endpoints
from lymphokin.files import AnyPath, refuse_existing, write_text
from lymphokin.infer import CohortDensity, density_of
from lymphokin.infer.belief import FORMER_METHODS
from lymphokin.infer.latent_draws import LATENTS, flat_latents, prior_of
from lymphokin.io import Cohort, read_events
from lymphokin.io.sites import with_sites_of
from lymphokin.model import Model
from lymphokin.pages.notebook import parameters_html
from lymphokin.pages.wording import patients
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict import (
    Forecast,
    arm_contrast,
    chosen_draws,
    composites_table,
    fitted_courses,
    forecast,
    own_shares,
)
from lymphokin.predict.endpoint_draws import POPULATION_DRAWS
from lymphokin.predict.forecast import days_of_interest
from lymphokin.predict.survival import Survival, fitted_survival
from lymphokin.predict.trajectories import curves_table
from lymphokin.progress import Reporter, shown
from lymphokin.report import ReportContents, report_contents, write_report
from lymphokin.report.sites import sites_page
from lymphokin.research_use import RESEARCH_USE
from lymphokin.run.folder import DRAWS_FILE, read_draws, write_run
from lymphokin.run.population import population_of
from lymphokin.run.provenance import file_sha256
from lymphokin.solve import StepRule

CURVE_DRAWS = 200
QUICK_POPULATION_DRAWS = 50
"""Population draws behind the risks of an approximation: for a look, in a third of the time."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted cohort: draws of the posterior, and what they say about its patients.

    :func:`lymphokin.fit` and :func:`lymphokin.open_run` make it.

    Attributes:
        summary: one row per population quantity, in the units of the parameter table: mean, sd,
            equal-tailed quantiles (``q05`` ... ``q95``), those of the prior, how much was learnt,
            and convergence.
        config: everything that was chosen.
        provenance: versions, hashes, seed, convergence, warnings of the data.
        model: the fitted model, with whatever was fixed.
        cohort: the fitted patients.
        folder: the run folder, None before the fit is saved.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> fit.convergence["level"]
        'bad'
        >>> risks = fit.forecast(counts_until=14)
        >>> list(risks.patients.columns[:3])
        ['arm', 'endpoint_day', 'p_grade2_measured']
    """

    summary: pd.DataFrame
    config: dict[str, Any]
    provenance: dict[str, Any]
    model: Model
    cohort: Cohort
    folder: Path | None = None
    _draws: xr.DataTree | None = None
    _unfinished: Path | None = None

    @cached_property
    def draws(self) -> xr.DataTree:
        """The draws, an ArviZ ``DataTree``.

        Groups ``posterior`` (population quantities [chain, draw], in table units),
        ``unconstrained_posterior`` (the population's standard normal latents), ``sample_stats``
        (with ``lp`` and ``energy``) and ``prior``; of up to 1,000 evenly spaced draws (400 from 250
        patients on) ``individuals`` (each patient's parameters [chain, draw, patient], in table
        units), ``latents`` (all, patients included), ``log_likelihood`` (of each record, and of all
        records of each patient in ``of_patient``) and ``posterior_predictive``;
        ``prior_predictive``, ``observed_data`` and
        ``constant_data``; of an approximation also ``approximation`` and ``svi``.

        Raises:
            ValueError: when the file in the run folder is damaged or another than was saved.
        """
        if self._draws is not None:
            return self._draws
        assert self.folder is not None
        return read_draws(self.folder, self.provenance)

    @cached_property
    def draws_sha256(self) -> str | None:
        """Hash of the file of draws; None before the fit is saved."""
        return None if self.folder is None else file_sha256(self.folder / DRAWS_FILE)

    @cached_property
    def density(self) -> CohortDensity:
        """The posterior density of the fitted cohort.

        Raises:
            ValueError: when the draws are those of another cohort, or of sites without patients.
        """
        if self.of_sites:
            raise ValueError(
                "a run of pooled sites holds none of their patients: nothing can be said of single "
                "ones; forecast others with it"
            )
        density = density_of(self.model, self.cohort, self.steps).with_prior(prior_of(self.draws))
        expected = sum(part.size for part in density.start())
        if self.x.shape[1] != expected:
            raise ValueError(
                f"{self.folder} is damaged: its cohort and its draws are of different trials "
                f"({expected} unknowns against {self.x.shape[1]})"
            )
        return density

    @property
    def of_sites(self) -> bool:
        """Whether it pools what sites have shared, and holds no patients."""
        return "pool" in self.provenance

    @property
    def steps(self) -> StepRule:
        """Step sizes of the solver with which the fit was made."""
        rtol = self.config.get("rtol")
        return StepRule() if rtol is None else StepRule.for_tolerance(rtol)

    @property
    def method(self) -> str:
        """How the posterior was found; see :data:`lymphokin.infer.METHODS`."""
        method = str(self.config.get("method", "hmc"))
        return FORMER_METHODS.get(method, method)

    @property
    def seed(self) -> int:
        """Seed of the fit's random numbers."""
        return int(self.config["seed"])

    @property
    def convergence(self) -> dict[str, Any]:
        """``level`` (good, caution or bad), ``verdict`` and the numbers behind it."""
        return self.provenance["convergence"]

    @property
    def verdict(self) -> str:
        """How far the fit can be believed, in a sentence."""
        return str(self.convergence["verdict"])

    @cached_property
    def x(self) -> np.ndarray:
        """[draw, latent] flat latents of the draws whose patients were kept, chain after chain."""
        x = flat_latents(self.draws.children["latents"])
        return x.reshape(-1, x.shape[-1])

    def _repr_html_(self) -> str:
        """The fit as a notebook shows it: how far to believe it, and what was learnt best."""
        synthetic = "SYNTHETIC DATA. " if self.cohort.synthetic else ""
        title = f"{synthetic}Fit of {self.model.name} to {patients(len(self.cohort))}"
        markov = self.method == "hmc"
        how = [] if markov else [f"An approximation (method {self.method}), not Markov chains."]
        notes = [self.verdict, *how, RESEARCH_USE]
        return parameters_html(title, self.summary, notes)

    def read(self, events: Cohort | AnyPath) -> Cohort:
        """New patients: a cohort as it is, or an event table, read as the fitted one was.

        Raises:
            BadInput: when the table cannot be used, or a site of its patients has other numbers
                than those that the fit was made with.

        Example:
            >>> len(fit.read(table))
            7
        """
        known = self.cohort.sites
        if not isinstance(events, Cohort):
            return read_events(events, model=self.model, sites=known)
        # Of a fit of sites no patient rests on the numbers of one.
        return events if self.of_sites else with_sites_of(events, known)

    def population_z(self) -> np.ndarray:
        """[draw, quantity] population latents."""
        z = self.draws[LATENTS]["population"].to_numpy().astype(np.float64)
        return z.reshape(-1, z.shape[-1])

    @cached_property
    def population(self) -> PopulationDraws:
        """The draws of the population, for what-ifs and virtual trials.

        Raises:
            ValueError: when the fit is a single point, without uncertainty.
        """
        self.require_draws("a forecast of one patient")
        return population_of(self)

    def require_draws(self, purpose: str) -> None:
        """Refuse a fit that is a single point where its uncertainty is needed.

        Raises:
            ValueError: naming the purpose.
        """
        stuck = not np.ptp(self.population_z(), axis=0).any()
        if self.method == "map" or stuck:
            why = "method map" if self.method == "map" else "its chains never moved"
            raise ValueError(
                f"{purpose} needs draws of the population, and this fit ({why}) is a single "
                "point without uncertainty: fit again with method hmc, or quick for a look"
            )

    def forecast(
        self,
        cohort: Cohort | AnyPath | None = None,
        *,
        counts_until: float | None = None,
        seed: int | None = None,
        endpoint: str | os.PathLike[str] | Endpoint | None = None,
    ) -> Forecast:
        """Forecast the fitted patients, or new ones.

        Args:
            cohort: new patients, or the path of their event table; None: the fitted patients,
                each from records up to ``counts_until`` alone, as if the later ones did not exist.
            counts_until: last day whose records are used (0 = baseline); None: all before the
                endpoint visit.
            seed: of the random numbers; None: the fit's.
            endpoint: what is asked: a name (:func:`lymphokin.endpoints.shipped_endpoints`), a TOML
                file, or an endpoint; None: grade >= 2 at the visit 6 weeks after radiotherapy.

        Returns:
            one row per patient in ``.patients``: the columns of ``patients.csv``, or of another
            endpoint those of its name.

        Raises:
            BadInput: when the event table cannot be used, or its sites mean something else.
            ModelError: when the model has no lymphocyte count.
            NoForecastError: when the model has no solution for some patients.

        Example:
            >>> fit = lk.open_run(run_folder)
            >>> new = fit.forecast(lk.read_events(table), counts_until=14)
            >>> float(new.patients["p_grade2_measured"].max()) <= 1.0
            True
        """
        asked = read_endpoint(endpoint or DEFAULT)
        patients = self.cohort
        if cohort is not None:
            patients = self.read(cohort)
        usual = asked == shipped_endpoints()[DEFAULT]
        if cohort is None and usual:
            density = self.density
        else:
            days = None if usual else days_of_interest(patients, asked)
            density = density_of(self.model, patients, self.steps, days)
        return forecast(
            density,
            self.population_z(),
            in_fit=cohort is None,
            seen=self.provenance["seen"],
            seen_sites=self.provenance.get("seen_sites"),
            synthetic=self.cohort.synthetic or patients.synthetic,
            endpoint=asked,
            counts_until=counts_until,
            seed=self.seed if seed is None else seed,
            populations=POPULATION_DRAWS if self.method == "hmc" else QUICK_POPULATION_DRAWS,
        )

    def survival(
        self, event: str = "", *, until: float | None = None, seed: int | None = None
    ) -> Survival:
        """Survival curves of the fitted patients' arms: how many an event has spared over time.

        Args:
            event: one that the model has a hazard of; empty where there is only one.
            until: last day of the curves; None: the last record of the event.
            seed: of the random numbers; None: the fit's.

        Raises:
            ModelError: when the model has no hazard of that event.
            ValueError: when nobody has a record of it and ``until`` is not given.

        Example:
            >>> fit.survival("progression").curves.columns.tolist()
            ['arm', 'day', 'q05', 'q50', 'q95']
        """
        seed = self.seed if seed is None else seed
        z = chosen_draws(self.population_z(), CURVE_DRAWS, seed)
        return fitted_survival(self.density, self.steps, z, event, until, seed)

    @cached_property
    def contrast(self) -> pd.DataFrame:
        """Predicted share with grade >= 2 in each arm, with the disputed link and without it.

        One row per ``link`` ("fitted", "zero") and ``arm`` ("SBRT", the same with the drug, and
        "difference"): ``n``, ``rate_q05``, ``rate_q50``, ``rate_q95`` (90 % equal-tailed interval).
        Empty where the model has no such link or nobody got the drug.
        """
        return arm_contrast(self.density, self._curve_draws, self.seed)

    @cached_property
    def composites(self) -> pd.DataFrame:
        """What the model declares that a trial can teach, ``[composites]`` of its table.

        One row per ``composite``, ``arm`` and ``version``: "prior", "fitted", and each disputed
        link without which it is shown. ``mean``, ``q05``, ``q50``, ``q95`` (90 % equal-tailed
        interval), ``contraction`` and ``learnt``. Empty where the model declares none.
        """
        z = chosen_draws(self.population_z(), CURVE_DRAWS, self.seed)
        believed = self.convergence["level"] != "bad"
        return composites_table(self.density, z, self.seed, believed)

    @property
    def _curve_draws(self) -> np.ndarray:
        return chosen_draws(self.x, CURVE_DRAWS, self.seed)

    @cached_property
    def curves(self) -> tuple[xr.Dataset, pd.DataFrame | None]:
        """Fitted curves of every patient over time, and fitted levels at the drug samples.

        See :func:`lymphokin.predict.fitted_courses`.
        """
        return fitted_courses(self.density, self._curve_draws)

    def report(
        self,
        path: AnyPath,
        *,
        counts_until: float | None = None,
        endpoint: AnyPath | Endpoint | None = None,
        progress: bool | Reporter | None = None,
    ) -> Path:
        """Write the report of the fit: one HTML page that needs no network.

        Args:
            path: the page; one that exists is replaced.
            counts_until: as of :meth:`forecast`.
            endpoint: another one to show besides, as of :meth:`forecast`; None: no other.
            progress: True, False, a reporter of your own; None: a bar where someone looks.

        Example:
            >>> fit.report("day14.html", counts_until=14).name
            'day14.html'
        """
        # What there is none of is refused before the work.
        besides = None if endpoint is None else read_endpoint(endpoint)
        with shown(progress) as reporter:
            if self.of_sites:
                return write_text(path, sites_page(self.provenance, self.summary))
            reporter.stage("forecasting every patient")
            predicted = self.forecast(counts_until=counts_until)
            contents = self._contents(predicted, reporter)
            if besides is not None:
                asked = self.forecast(endpoint=besides, counts_until=counts_until)
                contents = replace(contents, asked=asked)
            reporter.stage("writing the report")
            return write_report(contents, path)

    def _contents(self, predicted: Forecast, reporter: Reporter) -> ReportContents:
        reporter.stage("drawing curves and contrasts")
        (curves, levels), events = self.curves, self.density.packed.events
        contents = report_contents(
            self.model,
            self.draws,
            self.summary,
            self.provenance,
            self.cohort,
            predicted,
            self.contrast,
            curves,
            levels,
            tuple(self.survival(name) for name, rows in events.items() if len(rows)),
        )
        shares = own_shares(self.density, self._curve_draws)
        return replace(contents, own_shares=shares, composites=self.composites)

    def save(
        self,
        folder: AnyPath,
        *,
        counts_until: float | None = None,
        progress: bool | Reporter | None = None,
    ) -> Forecast | None:
        """Save the fit as a run folder, with forecasts of its patients and its report.

        A model without a lymphocyte count has no forecasts of the endpoint, and so no report. Of
        pooled sites the report says what each has shown.

        Args:
            folder: the run folder; it must not exist, and appears complete or not at all.
            counts_until: as of :meth:`forecast`, for ``patients.csv`` and ``report.html``.
            progress: True, False, a reporter of your own; None: a bar where someone looks.

        Returns:
            the forecasts in ``patients.csv``; None where there are none.

        Raises:
            FileExistsError: when the folder exists.

        Example:
            >>> saved = fit.save("runs/trial", counts_until=14)
            >>> lk.open_run("runs/trial").forecast(counts_until=14).patients.equals(saved.patients)
            True
        """
        refuse_existing(folder)
        chosen = {} if counts_until is None else {"counts_until": counts_until}
        with shown(progress) as reporter:
            predicted = forecasts = curves = page = None
            if self.model.counts_lymphocytes and not self.of_sites:
                reporter.stage("forecasting every patient")
                predicted = self.forecast(counts_until=counts_until)
                contents = self._contents(predicted, reporter)
                forecasts = predicted.patients, self.contrast, contents
            reporter.stage("writing the run folder")
            if self.of_sites:
                page = sites_page(self.provenance, self.summary)
            else:
                curves = curves_table(self.curves[0], self.model.observables)
            write_run(
                folder,
                draws=self.draws,
                config=self.config | chosen,
                provenance=self.provenance,
                summary=self.summary,
                cohort=self.cohort,
                model=self.model,
                curves=curves,
                forecasts=forecasts,
                page=page,
            )
        if self._unfinished is not None:
            shutil.rmtree(self._unfinished, ignore_errors=True)
        return predicted
