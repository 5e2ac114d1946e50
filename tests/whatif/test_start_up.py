"""One patient's risk starts without what takes seconds to import."""

import json
import subprocess
import sys

SLOW = ("pandas", "xarray", "numpyro", "arviz_stats", "scipy.stats", "scipy.optimize", "matplotlib")
SCRIPT = f"""
import json, sys
import lymphokin.cli, lymphokin.whatif.what_if
print(json.dumps([name for name in {SLOW} if name in sys.modules]))
"""


def test_one_patient_needs_no_tables_and_no_sampler():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(done.stdout) == []
