"""Subject identifiers that tell nobody who the subject is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path

from lymphokin.io.problems import Findings

LEAST_KEY_BYTES = 16
LETTERS = 10
"""Letters of a pseudonym: 50 bits, so that 10,000 subjects collide with a chance below 1e-7."""


def read_key(path: str | os.PathLike[str]) -> bytes:
    """The secret key of a key file. Raises BadInput if there is none, or it is too short."""
    path = Path(path)
    found = Findings(path.name)
    key = b""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        found.add(None, None, error.strerror or "unreadable", "a file with a secret key",
                  f"make one: head -c 32 /dev/urandom | base64 > {path.name}")  # fmt: skip
    else:
        if len(key) < LEAST_KEY_BYTES:
            expected = f"a secret key of at least {LEAST_KEY_BYTES} bytes"
            found.add(None, None, f"{len(key)} bytes", expected)
    found.raise_if_any()
    return key


def pseudonyms(ids: Iterable[str], key: bytes) -> dict[str, str]:
    """A pseudonym for each identifier: the same for the same key, not to be undone without it.

    Keyed (HMAC-SHA256), because the identifiers of a study are few enough to try them all
    against a plain hash. Raises ValueError if two subjects get the same pseudonym.
    """
    names = {}
    for subject in dict.fromkeys(ids):
        digest = hmac.new(key, subject.encode(), hashlib.sha256).digest()
        names[subject] = "S-" + base64.b32encode(digest).decode()[:LETTERS]
    if len(set(names.values())) < len(names):
        raise ValueError("two subjects have the same pseudonym under this key; choose another key")
    return names
