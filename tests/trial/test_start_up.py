"""The exact commands start without what they do not need."""

import json
import subprocess
import sys

HEAVY = ("jax", "pandas", "numpyro", "scipy.stats", "scipy.optimize", "matplotlib")
RATES = "--control 0.5 --treated 0.15"
COMMANDS = (
    f"power {RATES} --dropout-rate 0.1",
    f"sample-size {RATES}",
    f"compare {RATES} --n 8",
    "safety --looks 3,6 --table --accrual 3 --runs 5",
    "safety-decision --enrolled 3 --events 1",
)
PROGRAM = f"""
import json, sys
from lymphokin.cli import main
found = {{}}
for command in {COMMANDS!r}:
    sys.argv = ["lymphokin", "trial", *command.split()]
    try:
        main()
    except SystemExit as ended:
        found[command] = [ended.code, [name for name in {HEAVY!r} if name in sys.modules]]
print(json.dumps(found), file=sys.stderr)
"""


def test_an_exact_command_imports_no_jax_no_pandas_and_no_scipy_stats():
    """One after the other in a new process: the first one named imported what follows it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == {command: [0, []] for command in COMMANDS}
