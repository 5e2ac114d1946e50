"""The population of a fit, with what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lymphokin.io.visits import endpoint_visits
from lymphokin.pages.messages import Message, say
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import provenance_of, rounded
from lymphokin.predict.range import NAMES, features, seen_until
from lymphokin.predict.risk_calibration import calibration_of_run
from lymphokin.run.folder import read_forecasts

if TYPE_CHECKING:
    from lymphokin.run.fit import Fit


def population_of(fit: Fit) -> PopulationDraws:
    """Draws of the population of a fit."""
    origin, convergence = fit.provenance, fit.convergence
    facts: dict[str, Any] = {
        "synthetic": bool(origin["synthetic_data"]),
        "draws": len(fit.population_z()),
        "created": origin.get("created"),
        "commit": origin.get("commit") or None,
        "data_sha256": origin.get("data_sha256"),
        "posterior_sha256": fit.draws_sha256,
        "rhat_max": rounded(convergence.get("rhat_max"), 3),
        "ess_bulk_min": rounded(convergence.get("ess_bulk_min"), 0),
        "divergences": convergence.get("divergences"),
        "verdict": fit.verdict,
    }
    seen = {name: (low, high) for name, (low, high) in origin["seen"].items()}
    if fit.of_sites:
        pool = origin["pool"]
        facts["patients"] = pool["patients"]
        provenance = provenance_of(fit.model, "fit", pool["title"], **facts)
        offsets = tuple(pool["offsets"])
        return PopulationDraws(
            fit.model,
            fit.population_z(),
            provenance,
            seen,
            centre_offsets=offsets,
            sites=fit.cohort.sites,
        )
    update = origin.get("update", {})
    title = _title(fit, origin["data_file"], bool(origin["synthetic_data"]))
    if update:
        title = say("rests.updated", before=update["of"], fit=title)
    forecasts = None if fit.folder is None else read_forecasts(fit.folder, origin)
    provenance = provenance_of(
        fit.model,
        "fit",
        title.text,
        title_message=title,
        **facts,
        patients=len(fit.cohort) + (update.get("patients") or 0),
        calibration=calibration_of_run(forecasts, fit.config.get("counts_until")),
    )
    return PopulationDraws(
        fit.model,
        fit.population_z(),
        provenance,
        seen,
        features(fit.cohort, endpoint_visits(fit.cohort))[list(NAMES)],
        origin.get("approximation", {}).get("verdict"),
        sites=fit.cohort.sites,
        seen_until=origin.get("seen_until", seen_until(fit.cohort)),
        seen_sites=_seen_sites(fit),
    )


def _seen_sites(fit: Fit) -> frozenset[str] | None:
    """Sites of the patients behind a fit; None of an update that does not say those before it."""
    if "seen_sites" in fit.provenance:
        return frozenset(fit.provenance["seen_sites"])
    return None if "update" in fit.provenance else frozenset(fit.cohort.site_names)


def _title(fit: Fit, file: str | None, synthetic: bool) -> Message:
    """What the draws of a fit rest on."""
    kind = say("rests.synthetic") if synthetic else say("rests.data")
    of = file or say("rests.no_file")
    if fit.method == "hmc":
        return say("rests.fit", file=of, kind=kind)
    return say("rests.approximate", method=fit.method, file=of, kind=kind)
