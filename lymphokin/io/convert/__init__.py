"""Other people's files into the event table: CDISC, NONMEM, spreadsheets.

Every source row is accounted for: used, or dropped with a reason (`account.Account`).
"""

from lymphokin.io.convert.account import Account
from lymphokin.io.convert.convert import Conversion, convert
from lymphokin.io.convert.mapping import read_mapping

__all__ = ["Account", "Conversion", "convert", "read_mapping"]
