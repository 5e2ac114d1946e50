"""Reads a parameter table from its TOML files, and refuses one with anything wrong in it."""

from __future__ import annotations

from pathlib import Path

from lymphokin.model.composites import composite_of
from lymphokin.model.correlation_rows import check_groups, correlations_of
from lymphokin.model.entry import Entry
from lymphokin.model.parameter_rows import check_products, parameter_of
from lymphokin.model.parameters import ParameterTable, TableError
from lymphokin.model.residual_rows import residual_of
from lymphokin.model.roles import contrast_entry
from lymphokin.model.table_files import merged_table
from lymphokin.model.varying_rows import check_columns, varying_of


def read_table(path: Path) -> ParameterTable:
    """Read a parameter table.

    Raises:
        TableError: with every problem of the file in one message.
    """
    raw = merged_table(path)
    problems: list[str] = []
    top = Entry("table", raw, problems)
    rows, scatter = top.parts("parameters"), top.parts("residuals")
    together, changing = top.parts("correlations"), top.parts("covariates")
    disputed, results = top.parts("contrast"), top.parts("composites")
    top.keys((), ())
    parameters = {name: parameter_of(name, entry, problems) for name, entry in rows.items()}
    residuals = {name: residual_of(name, entry, problems) for name, entry in scatter.items()}
    correlations = {
        name: correlations_of(name, entry, rows, problems) for name, entry in together.items()
    }
    varying = {name: varying_of(name, entry, problems) for name, entry in changing.items()}
    check_columns(rows, changing, problems)
    contrast = contrast_entry(disputed, rows, problems)
    composites = {name: composite_of(name, own, rows, problems) for name, own in results.items()}
    check_products(rows, problems)
    check_groups(correlations, problems)
    if problems:
        raise TableError(f"{path.name}: " + "; ".join(problems))
    return ParameterTable(
        {name: parameter for name, parameter in parameters.items() if parameter is not None},
        {name: residual for name, residual in residuals.items() if residual is not None},
        {name: group for name, group in correlations.items() if group is not None},
        {name: covariate for name, covariate in varying.items() if covariate is not None},
        contrast,
        {name: composite for name, composite in composites.items() if composite is not None},
    )
