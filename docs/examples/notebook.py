"""From a table to a forecast in Python, as in a notebook; the tests run this file.

Synthetic data, no real patients. Research use only.
"""

# %% The data: read and checked. All problems are listed in one message.
from pathlib import Path

from matplotlib import pyplot

import lymphokin as lk

folder = Path(globals().get("folder", "notebook-output"))
folder.mkdir(exist_ok=True)
trial = lk.simulate_trial(seed=5, per_arm=3, run_in=1)
lk.write_events(trial.cohort, folder / "synthetic_trial.csv")
cohort = lk.read_events(folder / "synthetic_trial.csv")

# %% A model that comes with lymphokin. `method="quick"` is for a look; leave it out for a report.
fit = lk.fit(cohort, "hedos_hcc", method="quick", seed=1)
print(fit.verdict)
print(fit.summary[["name", "unit", "q05", "q50", "q95", "learnt"]])

# %% Risks of the fitted patients from counts up to day 14, and of new patients.
risks = fit.forecast(counts_until=14)
print(risks.patients[["p_grade2_measured", "alc_q05", "alc_q50", "alc_q95"]])
new = cohort.select(["S002", "S005"])  # as if the fit had never seen them
later = fit.forecast(new, counts_until=14)
assert list(later.patients.index) == ["S002", "S005"]

# %% Pictures, on axes of your own if you like.
figure, both = pyplot.subplots(1, 2, figsize=(11, 4), sharey=True)
for patient, ax in zip(("S002", "S006"), both, strict=True):
    lk.plot.curves(fit, patient, ax=ax, forecast=risks)
figure.savefig(folder / "patients.png")
lk.plot.risks(risks).figure.savefig(folder / "risks.png")
lk.plot.prior_posterior(fit).figure.savefig(folder / "prior_posterior.png")

# %% What if this patient had fewer fractions? Both schedules are solved on the same draws.
patient = lk.Patient(site="lung_peripheral", counts=[(-7, 1.2)])
answer = lk.what_if(fit, patient, a="5x10", b="3x18/2")
print(answer.headline)

# %% Save, open, and find the same numbers.
fit.save(folder / "run", counts_until=14)
again = lk.open_run(folder / "run")
same = again.forecast(counts_until=14)
assert same.patients.equals(risks.patients)
assert lk.what_if(again, patient, a="5x10", b="3x18/2").headline == answer.headline


# %% A model made here: hit cells that linger for a fixed time, in one class.
default = lk.model_file("hedos_hcc")
Pool = type(default.blocks[-1])


class SlowerPool(Pool):
    """The pool of the shipped model, which recovers half as fast."""

    def flows(self, y, p, u):
        flows = super().flows(y, p, u)
        return {name: type(flow)(flow.inflow / 2, flow.loss / 2) for name, flow in flows.items()}


mine = lk.make_model("slower_pool", (*default.blocks[:-1], SlowerPool()), {"extends": "hedos_hcc"})
rival = lk.fit(cohort, mine, method="quick", seed=1)
rival.save(folder / "rival")

# Opening a run never runs a stranger's code: a model that is not lymphokin's own is named.
file = folder / "rival" / "model" / "slower_pool.py"
opened = lk.open_run(folder / "rival", model=file)
assert opened.model.sha256 == mine.sha256

# %% A model file: by its path, with its table beside it. This one was saved with the run above.
from_file = lk.fit(cohort, file, method="quick", seed=1)
assert from_file.summary.equals(rival.summary)
