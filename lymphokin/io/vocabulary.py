"""The words of the event table: columns, other names for them, and the values they may take."""

from lymphokin.quantities import DRUGS, OBSERVABLES

REQUIRED = ("ID", "TIME", "EVID", "CMT", "AMT", "DVID", "DV")
"""Columns every event table has (a cohort without doses leaves CMT and AMT blank)."""

RECORD_COLUMNS = (
    *REQUIRED,
    "II",
    "ADDL",
    "SS",
    "RATE",
    "DUR",
    "LLOQ",
    "CENS",
    "LIMIT",
    "LLN",
    "MDV",
    "LESION",
    "LESION_CM3",
    "TUBE",
    "DELAY",
    "SD",
)
"""Columns that may differ from record to record."""

TEXT_COVARIATES = ("ARM", "CENTRE", "SITE", "SEX", "IMMUNE_DOSE_SOURCE", "START_DATE")
NUMERIC_COVARIATES = ("AGE", "BSA", "N_LESIONS", "PTV_CM3", "IMMUNE_DOSE_GY")
CATEGORY_COVARIATES = ("ARM", "CENTRE", "SITE", "SEX", "IMMUNE_DOSE_SOURCE")
"""Those of words that say what kind a patient is."""
PER_LESION = "PTV_PER_LESION_CM3"
"""The total target volume over the lesions: a covariate that is computed."""
COVARIATES = (
    "ARM",
    "CENTRE",
    "SITE",
    "AGE",
    "SEX",
    "BSA",
    "N_LESIONS",
    "PTV_CM3",
    "IMMUNE_DOSE_GY",
    "IMMUNE_DOSE_SOURCE",
    "START_DATE",
)
"""Columns that are constant within a patient."""

COLUMNS = (*RECORD_COLUMNS, *COVARIATES)

SELDOM = (
    "II",
    "SS",
    "RATE",
    "DUR",
    "CENS",
    "LIMIT",
    "LLN",
    "LESION_CM3",
    "DELAY",
    "SD",
    "IMMUNE_DOSE_SOURCE",
)
"""Columns that are written only where they say something."""

HOUR_COLUMNS = ("AFRLT", "NFRLT")
"""CDISC ADPPK times from the first dose, in hours (their unit stands in FRLTU)."""

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "ID": ("USUBJID", "SUBJID"),
    "TIME": HOUR_COLUMNS,
    "DUR": ("TINF",),
    "LLOQ": ("ALLOQ",),
    "LLN": ("ANRLO",),
    "CENTRE": ("SITEID",),
}
"""CDISC ADPPK names that are read when the column itself is absent, best first."""

OF_RESULTS = ("DVU", "DVUNIT", "DV_UNIT", "DVUNITS", "UNIT", "UNITS")
OF_DOSES = ("AMTU", "AMTUNIT", "AMT_UNIT", "AMTUNITS", "DOSEU", "DOSU", "UNIT", "UNITS")
"""Names of columns that state the unit of DV and of AMT."""
UNIT_COLUMNS = tuple(dict.fromkeys((*OF_RESULTS, *OF_DOSES)))
ANY_TABLE = frozenset({*COLUMNS, *UNIT_COLUMNS, "FRLTU"}.union(*OTHER_NAMES.values()))
"""Columns that have a meaning in every table, whatever the model."""

COMPARTMENTS = ("rt", *DRUGS)
QUANTITIES = tuple(OBSERVABLES)
"""Words of CMT and DVID that a table may hold without a model."""
TUBES = ("heparin", "edta")
SEXES = ("F", "M")
IMMUNE_DOSE_SOURCES = ("blood", "edic", "organs", "dvh", "dicom")
"""Where IMMUNE_DOSE_GY comes from: a calculation of the dose to the blood, the EDIC formula, mean
organ doses, dose-volume histograms, or DICOM dose with structures. Blank: taken as known."""
