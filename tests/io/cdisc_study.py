"""A small study as CDISC files: each test changes what it is about."""

from pathlib import Path

import pytest

from lymphokin.io import BadInput
from lymphokin.io.convert import Conversion, convert

DAYS = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06")  # Monday to Friday

DM = """USUBJID,ARM,AGE,SEX,SITEID,RFXSTDTC,RFXENDTC,RFSTDTC,BSABL
X-1,SBRT,61,F,01,2026-03-02,2026-03-10,2026-03-02,1.8
X-2,SBRT,58,M,02,2026-03-02,2026-03-10,2026-03-02,2.0
"""
LB = """USUBJID,LBSEQ,LBTESTCD,LBORRES,LBORRESU,LBSTRESC,LBSTRESN,LBSTRESU,LBDTC
X-1,1,LYM,1.42,10^9/L,1.42,1.42,10^9/L,2026-02-27
X-1,3,LYM,0.71,10^9/L,0.71,0.71,10^9/L,2026-03-16
X-2,1,LYM,1.60,10^9/L,1.60,1.60,10^9/L,2026-02-27
X-2,3,LYM,0.93,10^9/L,0.93,0.93,10^9/L,2026-03-16
"""
PR = "USUBJID,PRSEQ,PRTRT,PRCAT,PRDOSE,PRDOSU,PRSTDTC,PRLOC\n" + "".join(
    f"{who},{n},SBRT,RADIOTHERAPY,10,Gy,{day},LIVER\n"
    for who in ("X-1", "X-2")
    for n, day in enumerate(DAYS, start=1)
)
EX_COLUMNS = "USUBJID,EXSEQ,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXROUTE,EXSTDTC,EXENDTC\n"
FILES = {"dm": DM, "lb": LB, "pr": PR}


def patients(number: int) -> dict[str, str]:
    """The files of as many patients, X-1, X-2 and so on: a case of a test for each of them."""
    files = {}
    for name, text in FILES.items():
        head, *rows = text.splitlines(keepends=True)
        of_one = [row for row in rows if row.startswith("X-2")]
        everyone = [row.replace("X-2", f"X-{n}") for n in range(1, number + 1) for row in of_one]
        files[name] = "".join([head, *everyone])
    return files


def done(folder: Path, mapping: str = "", **changed: str | None) -> Conversion:
    """The conversion of the study with some files changed; None leaves one out."""
    folder = folder / f"study{len(list(folder.iterdir()))}"
    folder.mkdir()
    for name, text in (FILES | changed).items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text)
    stated = folder.parent / "mapping.toml"
    stated.write_text(mapping)
    return convert(folder, stated)


def refused(folder: Path, *words: str, mapping: str = "", **changed: str | None) -> str:
    """The message with which the study is refused; it holds the words."""
    with pytest.raises(BadInput) as error:
        done(folder, mapping, **changed)
    message = str(error.value)
    for word in words:
        assert word in message, message
    return message


type Places = dict[tuple[str, int | None, str | None, str | None], str]


def places(error: BadInput) -> Places:
    """What is expected (and the hint) at each file, row, column and value that is refused."""
    found: Places = {}
    for at in error.problems:
        place = (at.file, at.row, at.column, at.value)
        found[place] = f"{found.get(place, '')} {at.expected} ({at.hint})".strip()
    return found


def problems(folder: Path, mapping: str = "", **changed: str | None) -> Places:
    """The places of everything for which the study is refused."""
    with pytest.raises(BadInput) as error:
        done(folder, mapping, **changed)
    return places(error.value)


def account(conversion: Conversion) -> str:
    """The account as one text."""
    return "\n".join(conversion.account.lines())


def counts(conversion: Conversion, who: str = "X-1") -> list[float]:
    """The lymphocyte counts of a patient."""
    seen = conversion.cohort.observations
    return seen[(seen["id"] == who) & (seen["quantity"] == "alc")]["value"].tolist()


def doses(conversion: Conversion, who: str = "X-1") -> list[tuple[float, float]]:
    """Day and mg of every dose of a patient."""
    given = conversion.cohort.doses
    given = given[given["id"] == who]
    return list(zip(given["day"].round(4).tolist(), given["amount_mg"].tolist(), strict=True))


def fractions(conversion: Conversion, who: str = "X-1") -> list[tuple[float, float, int]]:
    """Day, Gy and lesion of every fraction of a patient."""
    given = conversion.cohort.fractions
    given = given[given["id"] == who]
    columns = (given["day"].round(4), given["prescribed_gy"], given["lesion"])
    return list(zip(*(column.tolist() for column in columns), strict=True))
