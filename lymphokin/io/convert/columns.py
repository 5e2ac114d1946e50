"""Where a laboratory domain (SDTM LB and PC, ADaM ADLB) keeps what is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Names of a domain's columns; of several, the first that is there counts.

    `unit` may be a column whose text ends with the unit in brackets. `described` are columns whose
    words may say that a record is of another specimen, `named` those that name the test.
    """

    test: str
    text: str
    text_unit: str
    standard_text: str
    number: str
    unit: tuple[str, ...]
    dates: tuple[str, ...]
    study_day: str
    low: tuple[str, ...]
    baseline: str
    derived: str
    lloq: str
    uloq: str
    specimen: str
    described: tuple[str, ...]
    named: tuple[str, ...]
    method: str
    status: str
    sequence: str
    grade: tuple[str, ...] = ()
    shown_again: bool = False
    imputed: str = ""


SDTM_LB = Columns("LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESC", "LBSTRESN", ("LBSTRESU",),
                  ("LBDTC",), "LBDY", ("LBSTNRLO",), "LBBLFL", "LBDRVFL", "LBLLOQ", "LBULOQ",
                  "LBSPEC", ("LBSPEC", "LBLOC", "LBCAT", "LBSCAT", "LBTEST"), ("LBTEST",),
                  "LBMETHOD", "LBSTAT", "LBSEQ", ("LBTOXGR",))  # fmt: skip
SDTM_PC = Columns("PCTESTCD", "PCORRES", "PCORRESU", "PCSTRESC", "PCSTRESN", ("PCSTRESU",),
                  ("PCDTC",), "PCDY", (), "PCBLFL", "PCDRVFL", "PCLLOQ", "PCULOQ", "PCSPEC",
                  ("PCSPEC", "PCCAT", "PCSCAT", "PCTEST"), (), "PCMETHOD", "PCSTAT",
                  "PCSEQ")  # fmt: skip
ADAM_LB = Columns("PARAMCD", "LBORRES", "LBORRESU", "AVALC", "AVAL", ("AVALU", "PARAM", "LBSTRESU"),
                  ("ADTM", "LBDTC", "ADT"), "ADY", ("ANRLO", "A1LO"), "ABLFL", "DTYPE", "LBLLOQ",
                  "LBULOQ", "LBSPEC", ("LBSPEC", "LBLOC", "PARCAT1", "PARCAT2", "LBCAT", "PARAM"),
                  ("PARAM",), "LBMETHOD", "LBSTAT", "LBSEQ", ("ATOXGRL", "ATOXGR"), True,
                  "ADTF")  # fmt: skip
