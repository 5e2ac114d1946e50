"""How long the largest inputs take, and how much memory: each in a process of its own.

    uv run python benchmarks/large_inputs.py

A million-row event table is read, checked and packed; a dose grid of 512 x 512 x 300 voxels with
seven structures becomes an immune dose. Prints seconds of processor time and the peak memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS_PER_PATIENT = 50


def write_table(path: Path, rows: int = 1_000_000) -> None:
    """An event table of patients with 5 fractions and 45 counts each."""
    patient = np.repeat(np.arange(rows // ROWS_PER_PATIENT), ROWS_PER_PATIENT)
    record = np.tile(np.arange(ROWS_PER_PATIENT), rows // ROWS_PER_PATIENT)
    fraction = (record >= 1) & (record <= 5)
    day = np.where(record == 0, -3.0, np.where(fraction, record - 1.0, (record - 4) * 3 + 0.25))
    count = np.random.default_rng(0).lognormal(0.2, 0.4, len(record)).round(2).astype(str)
    table = pd.DataFrame(
        {
            "ID": np.char.add("P", np.char.zfill(patient.astype(str), 6)),
            "TIME": day,
            "EVID": fraction.astype(int),
            "CMT": np.where(fraction, "rt", ""),
            "AMT": np.where(fraction, "8", ""),
            "DVID": np.where(fraction, "", "alc"),
            "DV": np.where(fraction, "", count),
            "LLOQ": np.where(fraction, "", "0.1"),
            "ARM": np.where(patient % 2 == 0, "SBRT", "SBRT+ATRA"),
            "SITE": "liver",
            "N_LESIONS": 1,
        }
    )
    table.to_csv(path, index=False)


def write_dicom(folder: Path, shape: tuple[int, int, int] = (300, 512, 512)) -> None:
    """A dose grid [frame, row, column] of 1 mm voxels (frames 1.5 mm) with seven structures."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.dose.dicom_phantom import FRAME, write_dose, write_structures

    frames, rows, columns = shape
    write_dose(folder, lambda p: 0 * p[..., 0] + 2, size=(4, 4, 4), name="dose.dcm", frame=FRAME)
    import pydicom

    data = pydicom.dcmread(folder / "dose.dcm")
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    bump = [np.exp(-8 * axis**2) for axis in (z, y, x)]
    gray = bump[0][:, None, None] * bump[1][None, :, None] * bump[2][None, None, :]
    data.PixelData = (gray * 4e6).astype("<u4").tobytes()
    data.NumberOfFrames, data.Rows, data.Columns = frames, rows, columns
    data.PixelSpacing, data.DoseGridScaling = [1.0, 1.0], "1e-5"
    data.GridFrameOffsetVector = list(np.arange(frames) * 1.5)
    data.ImagePositionPatient = [-(columns - 1) / 2, -(rows - 1) / 2, -(frames - 1) * 0.75]
    data.save_as(folder / "dose.dcm")
    around = np.linspace(0, 2 * np.pi, 200, endpoint=False)

    def tube(cx, cy, rx, ry, low, high):
        ring = np.column_stack([cx + rx * np.cos(around), cy + ry * np.sin(around)])
        return [np.column_stack([ring, np.full(200, z)]) for z in np.arange(low, high, 3.0)]

    structures = {
        "External": tube(0, 0, 200, 130, -220, 220),
        "Lung_L": tube(-90, 0, 60, 80, -150, 100),
        "Lung_R": tube(90, 0, 60, 80, -150, 100),
        "Heart": tube(0, -30, 45, 45, -80, 40),
        "Liver": tube(50, 20, 80, 70, -200, -80),
        "Kidney_L": tube(-60, 60, 25, 30, -210, -110),
        "Kidney_R": tube(60, 60, 25, 30, -210, -110),
    }
    write_structures(folder, structures, frame=FRAME)


def table(path: Path) -> dict[str, float]:
    """Read, check and pack an event table."""
    from lymphokin.io import read_events
    from lymphokin.model import load_model
    from lymphokin.population import pack

    model = load_model("myeloid_lymphoid")
    start = time.process_time()
    cohort = read_events(path)
    read = time.process_time() - start
    pack(model, cohort)
    return {"read_s": read, "read_and_pack_s": time.process_time() - start}


def dicom(folder: Path) -> dict[str, float]:
    """The immune dose of a DICOM folder."""
    from lymphokin.dose.dicom.course import folder_doses

    start = time.process_time()
    (result,) = folder_doses(folder)
    return {"dose_s": time.process_time() - start, "immune_dose_gy": result.blood_gy}


def measured(what: str, path: Path) -> dict[str, float]:
    """Run one of the above in a process of its own; adds its peak memory in GB."""
    command = [sys.executable, __file__, what, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        result = {"table": table, "dicom": dicom}[sys.argv[1]](Path(sys.argv[2]))
        result["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps(result))
    else:
        with tempfile.TemporaryDirectory() as place:
            write_table(Path(place) / "events.csv")
            print("million rows", measured("table", Path(place) / "events.csv"))
            (Path(place) / "dicom").mkdir()
            write_dicom(Path(place) / "dicom")
            print("512 x 512 x 300", measured("dicom", Path(place) / "dicom"))
