"""Whatever the bytes, an event table is read or refused; a large one is read in seconds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io import BadInput, read_events

HEADER = "ID,TIME,EVID,CMT,AMT,II,ADDL,DVID,DV,LLOQ,SITE,LESION,TUBE"


@given(st.binary(max_size=400))
def test_random_bytes_are_bad_input(tmp_path, content):
    path = tmp_path / "trial.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_events(path)


VALID = "\n".join(
    [
        "# synthetic",
        HEADER + ",AGE,SEX,START_DATE,N_LESIONS",
        "A,-3,0,,,,,alc,1.4,0.1,liver,,,50,F,2026-03-09,2",
        "A,0,1,rt,10,1,4,,,,liver,,,50,F,2026-03-09,2",
        "A,0,1,atra,270,21,3,,,,liver,,,50,F,2026-03-09,2",
        "A,4,0,,,,,mdsc,20,,liver,,edta,50,F,2026-03-09,2",
        "B,0,0,,,,,alc,<0.2,,spine+brain,,,60,M,2026-03-10,2",
        "B,0,1,rt,9,,,,,,spine+brain,1,,60,M,2026-03-10,2",
    ]
).encode()
CELLS = (b"", b".", b",", b'"', b"\n", b"\r", b"#", b"-", b"nan", b"<", b"9" * 30, b"\xff", b"\0")
CELLS += (b"1e308", b"2026-03-09", b"0001-01-01", b"9999-12-31T23:59", b"rt", b"+", b"\xe2\x80\xa8")


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(VALID)),
            st.integers(0, 30),
            st.sampled_from(CELLS) | st.binary(max_size=3),
        ),
        max_size=6,
    )
)
@settings(max_examples=60)
def test_a_damaged_table_is_read_or_refused(tmp_path, cuts):
    content = VALID
    for at, length, insert in cuts:
        content = content[:at] + insert + content[at + length :]
    path = tmp_path / "trial.csv"
    path.write_bytes(content)
    try:
        cohort = read_events(path)
    except BadInput:
        return
    assert (cohort.observations["value"].dropna() > 0).all()
    assert np.isfinite(cohort.observations["day"]).all()
    assert np.isfinite(cohort.fractions["prescribed_gy"]).all()


@pytest.mark.parametrize("patients", [5_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_large_table(tmp_path, patients):
    """20 records of each patient: 100,000, and a million."""
    visits = 15
    block = "".join(f"@,{day},1,rt,10,,,liver\n" for day in range(5))
    block += "".join(f"@,{5 + day},0,,,alc,0.{71 + day},liver\n" for day in range(visits - 1))
    block = "@,0,0,,,alc,1.41,liver\n" + block
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("ID,TIME,EVID,CMT,AMT,DVID,DV,SITE\n")
        file.writelines(block.replace("@", f"P{i}") for i in range(patients))
    cohort = read_events(path)
    assert len(cohort) == patients
    assert len(cohort.fractions) + len(cohort.observations) == 20 * patients
