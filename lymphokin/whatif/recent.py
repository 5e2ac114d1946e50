"""Results that are kept for the next question, the latest only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Recent:
    """The latest results by key; bounded, so that a long session does not grow."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get[T](self, key: Any, make: Callable[[], T]) -> T:
        """The result for a key, made if it is not there."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        made = make()
        with self._lock:
            self._results[key] = made
            while len(self._results) > self._size:
                self._results.popitem(last=False)
        return made
