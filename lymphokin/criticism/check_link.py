"""Check the disputed link of a fit: the same trial fitted with it and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lymphokin.criticism.forecasts.comparison import with_error
from lymphokin.criticism.forecasts.leave_one_out import counts_left_out
from lymphokin.criticism.result import CheckResult, about_fit
from lymphokin.criticism.sections import Section, Table
from lymphokin.criticism.teaching.link import LinkContrast, judge_link, link_contrast
from lymphokin.infer.learnt import NOT_MEASURED
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.model.roles import contrast_of
from lymphokin.pages.wording import fixed, joined, symbol
from lymphokin.progress import Reporter, shown
from lymphokin.run import Fit
from lymphokin.run import fit as run_fit
from lymphokin.verdict import Verdict


@dataclass(frozen=True, eq=False)
class LinkCheck(CheckResult):
    """Counts described with the disputed link and without it; see :func:`check_link`.

    Attributes:
        contrast: what left-out counts say of the two.
        pareto_k: how far the populations of the two quick fits, with the link and without, are
            from the posterior.
    """

    contrast: LinkContrast
    pareto_k: tuple[float, float]
    template = "link.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return (judge_link(self.contrast),)

    @property
    def read_first(self) -> Sequence[str]:
        strength = self.about["symbol"]
        fits = zip((f"{strength} free", f"{strength} = 0"), self.pareto_k, strict=True)
        far = [f"{name} (Pareto k {fixed(k, 2)})" for name, k in fits if k > UNRELIABLE_PARETO_K]
        if not far:
            return ()
        return [
            f"By its own verdict the quick fit with {joined(far)} is not to be believed, so what "
            "counts left out of it say of the link is a hint. Before you rely on it, fit by Markov "
            f"chains with {strength} free and with {strength} = 0, and compare the two."
        ]

    def as_dict(self) -> dict[str, Any]:
        k_with, k_without = self.pareto_k
        return {
            **super().as_dict(),
            "read_first": list(self.read_first),
            "pareto_k": {"with": k_with, "without": k_without},
        }

    def sections(self) -> list[Section]:
        c, strength = self.contrast, self.about["symbol"]
        rows = (
            ("with the link", f"{c.residual_sd[0]:.3f}", with_error(c.difference, c.error)),
            ("without", f"{c.residual_sd[1]:.3f}", "0"),
        )
        columns = ("fit", "residual SD of ln count", "ln density of left-out counts")
        caption = f"Two quick fits; {c.counts} counts left out, {c.unreliable} cannot be"
        text = (
            "What nobody measured can bend the curve of counts in any way that the counts ask for. "
            f"So the trial was fitted twice, with {strength} free and with {strength} = 0, and "
            "each count was left out of both."
        )
        tables = (Table(caption, columns, rows),)
        return [
            Section("link", "With the link and without it", text, self.verdicts, (), (), tables)
        ]


def check_link(fit: Fit, *, seed: int = 0, progress: bool | Reporter | None = None) -> LinkCheck:
    """Fit the trial of a fit with the disputed link and without it, and leave out its counts.

    Both fits are quick ones, so that the method is the same.

    Args:
        fit: the fit, for its cohort and model.
        seed: of all random numbers.
        progress: True, False, a reporter of your own; None: a bar where someone looks.

    Raises:
        ValueError: when the model has no such link, or it is fixed.

    Example:
        >>> result = lk.check_link(fit)
    """
    disputed = contrast_of(fit.model)
    if disputed is None or disputed.parameter not in set(fit.summary["name"]):
        which = f" ({disputed.parameter})" if disputed else ""
        raise ValueError(f"model {fit.model.name} has no fitted link{which} that could be left out")
    strength = disputed.parameter
    rtol, fits = fit.config.get("rtol"), []
    with shown(progress) as reporter:
        for model in (fit.model, fit.model.with_fixed(**{strength: 0.0})):
            fits.append(
                run_fit(fit.cohort, model, method="quick", seed=seed, rtol=rtol, progress=reporter)
            )
        reporter.stage("leaving out counts")
        left_out = tuple(counts_left_out(one, seed) for one in fits)
    words = fit.summary.set_index("name")["learnt"]
    sds = tuple(float(one.summary.set_index("name")["q50"]["alc_residual_sd"]) for one in fits)
    contrast = link_contrast(
        (left_out[0], left_out[1]), (sds[0], sds[1]), words[strength] != NOT_MEASURED
    )
    k_with, k_without = (
        float(one.provenance["approximation"]["pareto_k_population"]) for one in fits
    )
    about = {k: v for k, v in about_fit(fit, seed).items() if k != "convergence"}
    words_of = {"link": disputed.link, "symbol": symbol(fit.model.table[strength].symbol)}
    return LinkCheck(about | words_of, contrast, (k_with, k_without))
