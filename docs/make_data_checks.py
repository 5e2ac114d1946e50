"""Write the table of docs/data_checks.md again from the checks themselves.

Run from the repository root: uv run python docs/make_data_checks.py
"""

import re
from pathlib import Path

from lymphokin.plausible import CHECKS, Check

PAGE = Path(__file__).parent / "data_checks.md"
HEADER = ("check", "what is compared", "refused outside", "refused outside unless accepted",
          "warned outside", "source")  # fmt: skip


def row(check: Check) -> str:
    """A check as a row of the table."""
    ranges = [check.range_text(limits) for limits in (check.possible, check.plausible, check.usual)]
    words = (f"`{check.name}`", check.compared, *ranges, check.source)
    return "| " + " | ".join(words) + " |"


def table() -> str:
    """The table of all checks."""
    rule = "|" + "---|" * len(HEADER)
    return "\n".join(["| " + " | ".join(HEADER) + " |", rule, *map(row, CHECKS.values())])


def page(text: str) -> str:
    """The page `text` with the table as it is now."""
    return re.sub(r"\| check \|.*?(?=\n\n|\n*\Z)", lambda _: table(), text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
