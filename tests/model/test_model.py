"""The modelling vocabulary: what a model file and its table may say, and what is refused."""

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lymphokin.model import ModelError, TableError, load_model, model_file, shipped_models
from lymphokin.solve import StepRule, Treatment, build_timeline, solve

DOCS = Path(__file__).parents[2] / "docs"
SPLEEN = DOCS / "examples" / "spleen.py"

POOL = '''"""One pool of cells."""

from lymphokin.model import Block, Flow, Output, state


class Pool(Block):
    cells = state("1e9/L", initial=lambda p: p.baseline)
    shows = {"alc": Output("1e9/L")}

    def flows(self, y, p, u):
        return {"cells": Flow(p.turnover * p.baseline, p.turnover)}

    def outputs(self, y, p, u):
        return {"alc": y.cells}


blocks = (Pool(),)
'''


def entry(name: str, **changes: str | float | None) -> str:
    """A complete entry of a parameter table; None leaves a key out."""
    keys = {
        "symbol": "k",
        "meaning": "m",
        "unit": "1/d",
        "transform": "log",
        "median": 1.0,
        "source": "s",
        "certainty": "proposed prior",
    } | changes
    lines = [f"{key} = {value!r}" for key, value in keys.items() if value is not None]
    return "\n".join([f"[parameters.{name}]", *lines, ""])


@pytest.fixture
def load(tmp_path):
    """Write a model file and its table, and load them by path."""

    def load_files(code: str, *entries: str):
        (tmp_path / "pool.toml").write_text("\n".join(entries))
        (tmp_path / "pool.py").write_text(code)
        return load_model(tmp_path / "pool.py")

    return load_files


def course(fraction_days, immune_dose: float, days) -> Treatment:
    """Fractions of one immune dose each, no drug."""
    n, none = len(fraction_days), np.zeros(0)
    share = np.full(n, 1 / max(n, 1))
    at = np.asarray(fraction_days, float)
    return Treatment(at, np.full(n, immune_dose), share, none, none, np.asarray(days, float))


def solve_typical(model, patient: Treatment, rule: StepRule | None = None) -> dict[str, np.ndarray]:
    """States and outputs [day] of a typical patient on the days of the course."""
    p = SimpleNamespace(**{q.name: q.median * q.per_day for q in model.table})
    timeline, layout = build_timeline([patient], rule)
    solution = solve(model, p, p, timeline)
    nodes = [layout.node(timeline, 0, day) for day in patient.days]
    return {k: np.asarray(v)[nodes, 0] for k, v in (solution.states | solution.outputs).items()}


# The models that come with lymphokin


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_loads_and_says_where_its_numbers_come_from(name):
    model = load_model(name)
    known = {"alc"}, {"alc", "mdsc", "atra"}, {"alc", "mdsc", "atra", "diameter", "cd8"}
    assert set(model.observed) in known
    assert model.description
    for parameter in model.table:
        assert parameter.source
        assert parameter.certainty in {"read", "computed", "proposed prior", "fixed"}
        assert (parameter.certainty == "fixed") == (
            parameter.population_sd == parameter.between_subject_sd == 0
        )


def test_variants_and_rivals_come_with_the_default_model():
    variants = {"saturating_kill", "lymphocyte_feedback", "myeloid_lymphoid_literature"}
    variants |= {"abscopal_cd8"}
    rivals = {"hedos_hcc", "hedos_extension", "lung_sbrt", "friberg_lymphocyte", "jin_trafficking"}
    assert set(shipped_models()) == {"myeloid_lymphoid"} | variants | rivals


def test_a_table_that_extends_another_inherits_replaces_and_removes():
    default, rival = load_model("myeloid_lymphoid").table, load_model("saturating_kill").table
    names, others = set(default.parameters), set(rival.parameters)
    assert names - others == {"radiosensitivity"}
    assert others - names == {"surviving_floor", "saturation_rate"}
    assert all(rival[name] == default[name] for name in names & others)
    assert rival.residuals == default.residuals


def test_each_block_is_known_by_what_it_reads():
    model = load_model("myeloid_lymphoid")
    reads = model.reads()
    assert list(reads) == ["Atra", "Differentiation", "Myeloid", "Lymphoid"]
    assert {"absorption_rate", "absorption_lag", "max_induction"} <= reads["Atra"]
    assert {"suppression", "radiosensitivity", "immune_dose_scale"} <= reads["Lymphoid"]
    assert "suppression" not in reads["Myeloid"]
    assert frozenset().union(*reads.values()) == frozenset(model.table.parameters)


def test_parameters_of_the_drug_alone_say_nothing_about_the_untreated():
    drug_only = load_model("myeloid_lymphoid").exposure_only
    assert {"intrinsic_clearance", "absorption_lag", "half_effect_concentration"} <= drug_only
    assert not drug_only & {"max_differentiation", "mdsc_turnover", "lymphocyte_baseline"}


def test_a_fixed_parameter_has_its_value_and_no_spread():
    model = load_model("myeloid_lymphoid")
    fixed = model.with_fixed(suppression=0, radiosensitivity=0.4)
    for name, value in {"suppression": 0.0, "radiosensitivity": 0.4}.items():
        parameter = fixed.table[name]
        assert parameter.to_natural(parameter.typical(2.0)) == pytest.approx(value)
        assert parameter.between_subject_sd == 0
    assert model.table["suppression"].median == 0.5
    with pytest.raises(TableError, match=r"cannot fix gamma: the parameters are .*suppression"):
        model.with_fixed(gamma=0)


def test_a_parameter_is_not_fixed_beyond_its_bounds():
    model = load_model("myeloid_lymphoid")
    at_bounds = {"radiosensitivity": 0, "fast_fraction": 1, "radiation_drive": -0.8}
    assert model.with_fixed(**at_bounds).table["radiation_drive"].median == -0.8
    with pytest.raises(TableError) as refused:
        model.with_fixed(
            radiosensitivity=-1, fast_fraction=1.2, radiation_drive=-0.9, suppression=np.nan,
            absorption_lag=2.5, lymphocyte_baseline=np.inf,
        )  # fmt: skip
    assert str(refused.value) == (
        "cannot fix radiosensitivity at -1: expected a finite number of at least 0 1/Gy; "
        "fast_fraction at 1.2: expected a number from 0 to 1; "
        "radiation_drive at -0.9: expected a finite number of at least -0.8; "
        "suppression at nan: expected a finite number of at least 0; "
        "absorption_lag at 2.5: expected a number from 0 to 2 h; "
        "lymphocyte_baseline at inf: expected a finite number of at least 0 1e9/L"
    )


def test_without_suppression_the_myeloid_cells_do_not_matter():
    patient = course([0, 1, 2], 0.5, [0, 3, 20, 46])
    model = load_model("myeloid_lymphoid").with_fixed(suppression=0)
    one = solve_typical(model, patient)
    other = solve_typical(model.with_fixed(radiation_drive=0), patient)
    assert one["alc"] == pytest.approx(other["alc"], rel=1e-12)
    assert one["mdsc"][-1] != pytest.approx(other["mdsc"][-1], rel=0.01)


# A model of one's own


def test_a_model_of_ones_own_needs_one_file_and_one_table(load):
    model = load(POOL, entry("baseline", unit="1e9/L"), entry("turnover"))
    assert model.name == "pool"
    assert model.description == "One pool of cells."
    assert solve_typical(model, course([], 0, [0, 50]))["alc"] == pytest.approx([1, 1])


def test_a_parameter_that_the_table_lacks_is_named_with_its_block(load):
    with pytest.raises(ModelError, match=r"block Pool of model pool asks for turnover\b"):
        load(POOL, entry("baseline"))


def test_a_state_that_the_block_lacks_is_named_with_its_block(load):
    code = POOL.replace("y.cells", "y.cell")
    with pytest.raises(
        ModelError, match=r"block Pool of model pool asks for y\.cell: expected y\.cells"
    ):
        load(code, entry("baseline"), entry("turnover"))


def test_every_entry_that_no_block_reads_is_refused(load):
    entries = [entry(name) for name in ("baseline", "turnover", "delay", "spare")]
    with pytest.raises(ModelError) as caught:
        load(POOL, *entries)
    assert "parameter delay is in the table but no block reads it" in str(caught.value)
    assert "parameter spare is in the table but no block reads it" in str(caught.value)


def test_everything_wrong_in_a_table_is_reported_at_once(load):
    with pytest.raises(ModelError) as caught:
        load(
            POOL,
            entry("baseline", median=None, source=None),
            entry("turnover", certainty=None, medain=2.0),
        )
    message = str(caught.value)
    assert message.startswith("pool.toml: ")
    assert "parameters.baseline: median is missing" in message
    assert "parameters.baseline: source is missing" in message
    assert "parameters.turnover: certainty is missing" in message
    assert "parameters.turnover: unknown key 'medain'" in message


def test_an_unknown_transform_is_refused(load):
    with pytest.raises(ModelError, match=r"parameters\.turnover: transform must be log"):
        load(POOL, entry("baseline"), entry("turnover", transform="sqrt"))


def test_a_measured_quantity_that_no_block_shows_is_refused(load):
    residual = '[residuals.cd8]\ndistribution = "normal"\nsd = 0.3\ncertainty = "fixed"\n'
    with pytest.raises(ModelError, match="residual 'cd8' has no block that shows it"):
        load(POOL, entry("baseline"), entry("turnover"), residual)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("blocks = (Pool(),)", ""), "must define `blocks`"),
        (("from lymphokin.model", "import nowhere\nfrom lymphokin.model"), "ModuleNotFoundError"),
        (("def flows", "def flows("), "SyntaxError"),
    ],
)
def test_a_file_that_is_no_model_is_refused(load, change, message):
    with pytest.raises(ModelError, match=message):
        load(POOL.replace(*change), entry("baseline"), entry("turnover"))


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model 'nothing'.*myeloid_lymphoid"):
        load_model("nothing")
    lonely = tmp_path / "lonely.py"
    lonely.write_text(POOL)
    with pytest.raises(ModelError, match=r"lonely\.toml"):
        load_model(lonely)


def test_an_hours_block_comes_first_and_hands_down_what_rests_at_zero(load):
    hours = POOL.replace("    shows", '    clock = "hours"\n    hands_down = ("cells",)\n    shows')
    with pytest.raises(ModelError, match=r"Pool\.cells is handed down, so it must rest at zero"):
        load(hours, entry("baseline"), entry("turnover"))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("(Pool(),)", "[Pool()]", "must define `blocks`, a tuple of Block instances"),
        ("(Pool(),)", "(Pool,)", "must define `blocks`, a tuple of Block instances"),
        ("(Pool(),)", "(Pool(), Pool())", "more than one block is called Pool"),
        ('{"cells": Flow', '{"cell": Flow', "flows lack state 'cells'; flows name 'cell'"),
        ("Flow(p.turnover * p.baseline, p.turnover)", "1.0", r"'cells' must be Flow.*not float"),
        ('{"alc": y.cells}', '{"ALC": y.cells}', "shows 'alc', but its outputs lack it"),
        ('{"alc": y.cells}', "None", "outputs must be a dict, not NoneType"),
        ("    shows", '    lag = "delay"\n    shows', "has a lag, 'delay', which needs clock"),
        ("    shows", '    clock = "weeks"\n    shows', 'clock must be "days" or "hours"'),
        ("    shows", '    hands_down = ("x",)\n    shows', "hands down 'x', which is not one of"),
        ("return {", 'raise KeyError("cells")\n        return {', "fails at the medians: KeyError"),
    ],
)
def test_a_block_that_does_not_say_what_it_must_is_refused(load, before, after, message):
    with pytest.raises(ModelError, match=message):
        load(POOL.replace(before, after), entry("baseline"), entry("turnover"))


def test_a_state_that_drifts_without_treatment_is_named(load):
    drifting = POOL.replace("p.turnover * p.baseline,", "2 * p.turnover * p.baseline,")
    with pytest.raises(ModelError, match=r"Pool\.cells of an untreated .* is not at rest.*1e9"):
        load(drifting, entry("baseline"), entry("turnover"))


BUILT_ON = """
from pathlib import Path
from lymphokin.model import model_file

base = model_file(Path(__file__).with_name("base.py"))
blocks = (base.Pool(),)
"""


def test_the_hash_of_a_model_covers_all_the_files_it_is_made_of(load, tmp_path):
    files = {"base.py": POOL, "base.toml": entry("baseline") + entry("turnover")}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    first = load(BUILT_ON, 'extends = "base"').sha256
    assert load(BUILT_ON, 'extends = "base"').sha256 == first
    seen = {first}
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n# changed\n")
        seen.add(load(BUILT_ON, 'extends = "base"').sha256)
    assert len(seen) == 3


def test_a_model_file_that_changed_is_run_again(load):
    entries = entry("baseline"), entry("turnover")
    assert load(POOL, *entries).description == "One pool of cells."
    assert load(POOL.replace("One pool", "A pool"), *entries).description == "A pool of cells."


def test_a_model_file_cannot_build_on_itself(load):
    with pytest.raises(ModelError, match=r"pool\.py builds on itself"):
        load(BUILT_ON.replace("base.py", "pool.py"))


# The example of the documentation: a spleen


def test_the_spleen_takes_at_most_twenty_lines():
    code = SPLEEN.read_text(encoding="utf-8")
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    assert ast.get_docstring(ast.parse(code))


@pytest.mark.parametrize("page", [DOCS / "extending.md", DOCS.parent / "README.md"])
def test_the_pages_show_the_spleen_as_it_is(page):
    assert SPLEEN.read_text(encoding="utf-8").partition("\n\n")[2] in page.read_text(
        encoding="utf-8"
    )


def test_with_a_spleen_the_untreated_stay_at_baseline():
    model = load_model(SPLEEN)
    rest = solve_typical(model, course([], 0, [0, 30, 180]))
    slow = 1.40 * (1 - model.table["fast_fraction"].median)
    assert np.abs(rest["alc"] / 1.40 - 1).max() < 1e-8
    assert np.abs(rest["spleen"] / (3 * slow) - 1).max() < 1e-8


def test_the_spleen_is_irradiated_with_the_slow_pool_and_shares_its_recovery():
    patient = course(range(5), 0.5, [0, 1, 2, 3, 4, 10, 46, 120])
    model, default = load_model(SPLEEN), load_model("myeloid_lymphoid")
    with_spleen, without = solve_typical(model, patient), solve_typical(default, patient)
    assert (np.diff(with_spleen["alc"][:5]) < 0).all()
    assert (np.diff(with_spleen["spleen"][:5]) < 0).all()
    assert with_spleen["alc"][0] == without["alc"][0] == pytest.approx(1.40)
    assert (with_spleen["alc"][6:] < without["alc"][6:]).all()
    assert (np.diff(with_spleen["alc"][5:]) > 0).all()


@pytest.mark.slow
def test_the_spleen_is_solved_to_a_ten_thousandth_with_halved_steps():
    patient, model = course(range(5), 0.5, [1, 5, 10, 46, 120]), load_model(SPLEEN)
    usual, fine = (solve_typical(model, patient, StepRule(refine=k))["alc"] for k in (2, 8))
    assert usual == pytest.approx(fine, rel=1e-4)


def test_one_model_file_builds_on_another_as_it_is_loaded_once():
    assert model_file("myeloid_lymphoid") is model_file("myeloid_lymphoid")
