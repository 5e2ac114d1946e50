"""ATRA, IL-7, fewer fractions or nothing: one question about one patient.

    uv run python docs/examples/four_arms.py

Compares every arm of ``four_arms.toml`` with the first one, on the same draws of everything that is
unknown, and says beside each what its effect rests on. The model is ``il7_atra.py`` at its priors:
no trial compared these arms, and the numbers are what the priors say. Research use only.
"""

import tomllib
from pathlib import Path

import lymphokin as lk

HERE = Path(__file__).parent
LADDER = ("randomised in people", "observed in people", "mouse", "assumed")
"""How a step is known, best first."""


def arms():
    """The arms, each with its steps."""
    return tomllib.loads((HERE / "four_arms.toml").read_text(encoding="utf-8"))["arm"]


def weakest(arm):
    """The step that an arm hangs on."""
    return max(arm["step"], key=lambda step: LADDER.index(step["known"]))


def answers(patient, population=None, draws=3600):
    """Per arm, what a what-if says of it against the first arm."""
    reference, *others = arms()
    for arm in others:
        yield (
            arm,
            lk.what_if(
                population,
                patient,
                a=reference["schedule"],
                b=arm["schedule"],
                draws=draws,
                model=str(HERE / "il7_atra.py"),
            ),
        )


if __name__ == "__main__":
    patient = lk.Patient(site="lung_peripheral", n_lesions=2, counts=[(-7, 1.2)])
    for at, (arm, result) in enumerate(answers(patient)):
        a, b, change = result.answer.a, result.answer.b, result.answer.difference
        if at == 0:
            first = arms()[0]
            print(f"{first['name']} ({first['schedule']}): {a.judged.planned.shown:.0f} of 100")
        print(f"{arm['name']} ({arm['schedule']}): {b.judged.planned.shown:.0f} of 100")
        print(f"  {result.headline}")
        for step in arm["step"]:
            print(f"  {step['known']}: {step['claim']} ({step['source']})")
        print(f"  as well known as its weakest step: {weakest(arm)['known']}")
