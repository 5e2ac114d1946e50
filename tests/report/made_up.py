"""A report's contents in which every number differs, and the page as a browser sees it."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.io import Cohort
from lymphokin.model import load_model
from lymphokin.model.roles import contrast_of
from lymphokin.report import ReportContents

QUANTILES = ["q05", "q25", "q50", "q75", "q95"]
SPREAD = np.array([0.7, 0.85, 1.0, 1.2, 1.4])
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text; unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def labels(self) -> list[str]:
        """Alternative texts of the figures."""
        return [a["aria-label"] or "" for t, a in self.elements if a.get("role") == "img"]


def made_up(ids: list[str], arms: list[str | None], mdsc: bool = True) -> ReportContents:
    """A report's contents from small tables; arms with "ATRA" in their name have ATRA."""
    treated = [i for i, arm in zip(ids, arms, strict=True) if arm and "ATRA" in arm]
    days = np.arange(-14.0, 60.0, 7.0)
    place = {i: k for k, i in enumerate(ids)}
    seen = [
        (i, d, "alc", (1.1 + 0.013 * d / 7) * (1 + 0.07 * place[i]), False, None)
        for i in ids
        for d in (-7.0, 14.0, 46.0)
    ]
    seen += [(i, 21.0, "alc", 0.2, True, None) for i in ids]
    seen += [(i, 4.0, "mdsc", 18.0 + 2 * place[i], False, "edta") for i in ids if mdsc]
    seen += [(i, 0.125, "atra", 210.0 + 17 * place[i], False, None) for i in treated]
    observations = pd.DataFrame(
        seen, columns=["id", "day", "quantity", "value", "censored", "tube"]
    )
    cohort = Cohort(
        patients=pd.DataFrame({"arm": arms}, index=ids),
        fractions=pd.DataFrame(
            {"id": np.repeat(ids, 3), "day": [0.0, 1.0, 2.0] * len(ids), "prescribed_gy": 10.0}
        ),
        doses=pd.DataFrame(
            [(i, d, "atra", 270.0) for i in treated for d in (0.0, 1.0, 2.0, 21.0)],
            columns=["id", "day", "drug", "amount_mg"],
        ),
        observations=observations.assign(lloq=0.2),
        source="made_up.csv",
    )
    courses = {
        f"{quantity}_{q}": (
            ("patient", "day"),
            level * s * np.outer(1 + 0.09 * np.arange(len(ids)), 1 + 0.01 * np.arange(len(days))),
        )
        for quantity, level in {"alc": 1.0, **({"mdsc": 20.0} if mdsc else {})}.items()
        for q, s in zip(QUANTILES, SPREAD, strict=True)
    }
    parameters = pd.DataFrame(
        {
            "name": ["radiosensitivity", "suppression"],
            "symbol": ["alpha", "gamma"],
            "unit": ["1/Gy", "1"],
            "meaning": ["Lymphocytes hit per Gy", "Myeloid suppression"],
            "contraction": [0.9, -0.004],
            "rhat": [1.003, 1.006],
            "ess_bulk": [913.0, 947.0],
            "ess_tail": [811.0, 853.0],
            "certainty": "proposed prior",
            "source": "Judgement",
            "learnt": ["well", "prior only"],
        }
    ).assign(
        prior_q05=[0.21, 0.24],
        prior_q50=[0.51, 0.56],
        prior_q95=[1.27, 1.33],
        **{q: [s, 1.5 + s] for q, s in zip(QUANTILES, SPREAD, strict=True)},
    )
    names = sorted({str(arm) for arm in arms})
    contrast = [
        (kind, arm, 5 + j, 0.2 + shift, 0.4 + shift, 0.6 + shift)
        for kind, more in (("fitted", 0.0), ("zero", 0.05))
        for j, arm in enumerate(names)
        for shift in [more + 0.02 * j]
    ]
    if len(names) > 1:
        contrast += [("fitted", "difference", 11, -0.41, -0.13, 0.09)]
        contrast += [("zero", "difference", 11, -0.07, 0.01, 0.12)]
    levels = np.array([210.0 + 17 * place[i] for i in treated])
    atra = pd.DataFrame(
        {"quantity": "atra", "id": treated, "day": 0.125, "observed": levels, "censored": False}
    )
    atra = atra.assign(lower=np.nan, upper=np.nan)
    fitted = levels * (0.75 - 0.1 * (np.arange(len(treated)) % 2))  # within 90 %, and outside
    draws = np.random.default_rng(1).lognormal(size=(2, 300))
    return ReportContents(
        title="A made-up trial",
        synthetic=True,
        created="2026-03-02 10:00 UTC",
        cohort=cohort,
        counts_until=21.0,
        patients=made_up_patients(ids, arms),
        curves=xr.Dataset(courses, coords={"patient": ids, "day": days}),
        levels=atra.assign(**{q: fitted * s for q, s in zip(QUANTILES, SPREAD, strict=True)})
        if treated
        else None,
        parameters=parameters,
        parameter_draws={"radiosensitivity": (draws[0], draws[1])},
        own_shares=pd.DataFrame(
            [
                (kind, arm, 4, 0.25 + more, 0.35 + more, 0.45 + more)
                for kind, more in (("fitted", 0.0), ("zero", 0.05))
                for arm in dict.fromkeys(arms)
            ],
            columns=["link", "arm", "n", "rate_q05", "rate_q50", "rate_q95"],
        ),
        contrast=pd.DataFrame(
            contrast, columns=["link", "arm", "n", "rate_q05", "rate_q50", "rate_q95"]
        ),
        levels_of={"atra": ("atra",)},
        disputed=contrast_of(load_model("myeloid_lymphoid")),
        convergence={
            "verdict": "All chains agree.",
            "level": "good",
            "rhat_max": 1.004,
            "ess_bulk_min": 812.0,
            "divergences": 0,
            "divergence_share": 0.0,
            "draws": 500,
            "chains": 2,
            "worst": [("radiosensitivity", 1.004, 812.0)],
        },
        provenance={
            "model": "myeloid_lymphoid",
            "seed": 7,
            "versions": {"jax": "0.9"},
            "error": {"alc": 9.479635e-05},
        },
    )


def made_up_patients(ids: list[str], arms: list[str | None]) -> pd.DataFrame:
    """Forecasts in which no two numbers of a small cohort are alike."""
    k = np.arange(len(ids))
    share = k / max(len(ids), 3)
    return pd.DataFrame({"id": ids, "arm": arms}).assign(
        endpoint_day=44.0 + k % 5,
        p_grade2_measured=0.31 + 0.48 * share,
        p_grade2_true=0.27 + 0.47 * share,
        p_grade3_measured=0.12 + 0.15 * share,
        p_grade4_measured=0.04 + 0.06 * share,
        p_grade2_q05=0.19 + 0.42 * share,
        p_grade2_q95=0.45 + 0.45 * share,
        n_counts_used=2 + k % 7,
        baseline_grade=k % 3,
        extrapolation=["" if i % 3 else f"reason {i}" for i in k],
        observed_alc=0.71 + 0.11 * k / max(len(ids) / 3, 1),
        observed_grade2=0.71 + 0.11 * k / max(len(ids) / 3, 1) < 0.795,
        pareto_k=0.11 + 0.4 * share,
        **{f"alc_{q}": (0.9 + 0.4 * share) * s for q, s in zip(QUANTILES, SPREAD, strict=True)},
    )
