"""Is a SAS transport file (XPORT version 5 or 8) whole?

The format says nowhere how many records there are, and readers take a file that was cut for a
shorter one. But records have a fixed length and the last one is followed by blanks only: what
is left over after the last whole record betrays a cut.
"""

from __future__ import annotations

import re
import struct

_BLOCK = 80
_LIBRARY = re.compile(rb"HEADER RECORD\*{7}LIB(?:RARY |V8 )")
_NAMES = re.compile(rb"HEADER RECORD\*{7}(?:NAMESTR |NAMSTV8 )HEADER RECORD!{7}(.{30})", re.DOTALL)
_RECORDS = re.compile(rb"HEADER RECORD\*{7}OBS(?: |V8)\s+HEADER RECORD!{7}.{30}\s{2}", re.DOTALL)


def why_broken(data: bytes) -> str:
    """What is wrong with the bytes of a transport file, empty if nothing is."""
    if not _LIBRARY.match(data):
        return "no SAS transport header"
    if len(data) % _BLOCK:
        return f"{len(data):,} bytes, not a multiple of {_BLOCK}: the file was cut"
    names, records = _NAMES.search(data), _RECORDS.search(data)
    if names is None or records is None:
        return "no list of variables: the file was cut"
    digits = re.match(rb"0*(\d+)", names.group(1)[:10].strip() or b"x")
    count = int(digits.group(1)) if digits else 0
    first = names.end() + (-names.end()) % _BLOCK
    size = 140
    lengths = [
        struct.unpack_from(">h", data, first + size * i + 4)[0]
        for i in range(count)
        if first + size * (i + 1) <= records.start()
    ]
    if len(lengths) != count or min(lengths, default=0) <= 0:
        return "the list of variables is damaged"
    start = records.end() + (-records.end()) % _BLOCK
    body = data[start:]
    left = body[len(body) - len(body) % sum(lengths) :]
    if left.strip(b" \0"):
        return f"{len(left)} bytes after the last whole record: the file was cut"
    return ""
