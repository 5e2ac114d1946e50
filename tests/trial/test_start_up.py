"""The exact commands start without what they do not need."""

import subprocess
import sys

import pytest

HEAVY = ("jax", "pandas", "numpyro", "scipy.stats", "scipy.optimize", "matplotlib")
PROGRAM = """
import sys
from lymphokin.cli import main
sys.argv = ["lymphokin", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    code = ended.code
print("imported:", *(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""
RATES = "--control 0.5 --treated 0.15"


@pytest.mark.parametrize(
    "command",
    [
        f"power {RATES} --dropout-rate 0.1",
        f"sample-size {RATES}",
        f"compare {RATES} --n 8",
        "safety --looks 3,6 --table --accrual 3 --runs 5",
        "safety-decision --enrolled 3 --events 1",
    ],
)
def test_an_exact_command_imports_no_jax_no_pandas_and_no_scipy_stats(command):
    program = PROGRAM.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program, "trial", *command.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "imported:"
