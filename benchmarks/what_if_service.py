"""How fast the what-if service answers, and whether its memory stays bounded.

    uv run python benchmarks/what_if_service.py [RUN] [--requests 1000]

Starts `lymphokin serve` (twice: the first start fills the compile cache), then measures the time
from start to first answer, the time per key of the first look and of the answer, for one user and
for eight at once, and the memory over many requests (over varied questions: `what_if_memory.py`).
Prints JSON. The aims on two quiet cores: p95
of 150 ms for the first look and 600 ms for the answer, with eight users 1 s for the answer.
Meaningful on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.whatif.limits import PREVIEW_DRAWS, SETTLED_DRAWS

START_LIMIT_S = 900
USERS = 8


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Service:
    """A running `lymphokin serve`."""

    def __init__(self, run: Path | None, *options: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, "-c", "from lymphokin.cli import main; main()", "serve"]
        command += [str(run)] if run else []
        command += options
        self.began = time.perf_counter()
        self.process = subprocess.Popen([*command, "--port", str(port), "--no-open"])
        while self._health() != "ready":
            if time.perf_counter() - self.began > START_LIMIT_S or self.process.poll() is not None:
                raise RuntimeError("the service did not start")
            time.sleep(0.05)
        page = urllib.request.urlopen(self.url).read().decode()
        self.token = re.search(r'lymphokin-token" content="([^"]+)"', page)[1]  # type: ignore[index]

    def _health(self) -> str:
        try:
            return json.load(urllib.request.urlopen(f"{self.url}/api/v1/health"))["status"]
        except (urllib.error.URLError, OSError):
            return "not yet"

    def form(self) -> dict[str, Any]:
        return json.load(urllib.request.urlopen(f"{self.url}/api/v1/form"))

    def ask(self, question: dict[str, Any], kind: str = "whatif") -> float:
        """Seconds until the answer to a question; waits where the service asks for it."""
        headers = {"Content-Type": "application/json", "X-Lymphokin-Token": self.token}
        body = json.dumps(question).encode()
        while True:
            began = time.perf_counter()
            request = urllib.request.Request(f"{self.url}/api/v1/{kind}", body, headers)
            try:
                json.load(urllib.request.urlopen(request))
                return time.perf_counter() - began
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise
                time.sleep(0.1)

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def typed(question: dict[str, Any], i: int) -> dict[str, Any]:
    """The baseline count as somebody types it: another value each time."""
    counts = [{"day": -1, "value": round(0.8 + 0.0001 * (i % 12_000), 4)}]
    return question | {"patient": question["patient"] | {"counts": counts}}


def dragged(question: dict[str, Any], i: int) -> dict[str, Any]:
    """The last fraction of B moved and changed."""
    *kept, last = question["b"]["fractions"]
    fractions = [*kept, {"day": last["day"] + i % 20, "gy": 5 + 0.01 * (i % 1000)}]
    return question | {"b": question["b"] | {"fractions": fractions}}


def summary(seconds: list[float]) -> dict[str, float]:
    ms = 1000 * np.asarray(seconds)
    return {
        "p50_ms": round(float(np.median(ms)), 1),
        "p95_ms": round(float(np.quantile(ms, 0.95)), 1),
    }


def at_once(service: Service, question: dict[str, Any], each: int) -> list[float]:
    """Seconds per question of eight users who all drag."""
    found: list[float] = []

    def user(n: int) -> None:
        found.extend(service.ask(dragged(question, 1000 + n * each + i)) for i in range(each))

    threads = [threading.Thread(target=user, args=(n,)) for n in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", nargs="?", type=Path)
    options.add_argument("--requests", type=int, default=1000)
    chosen = options.parse_args()
    Service(chosen.run).stop()
    service = Service(chosen.run)
    try:
        question = service.form()["default"]
        service.ask(question)
        result: dict[str, Any] = {
            "cpus": os.cpu_count(),
            "load": os.getloadavg()[0],
            "start_to_first_answer_s": round(time.perf_counter() - service.began, 1),
        }
        for name, draws in (("first_look", PREVIEW_DRAWS), ("answer", SETTLED_DRAWS)):
            asked = question | {"draws": draws}
            result[name] = {
                "key_typed": summary([service.ask(typed(asked, i)) for i in range(60)]),
                "key_dragged": summary([service.ask(dragged(asked, i)) for i in range(60)]),
                "eight_users": summary(at_once(service, asked, 15)),
            }
        memory = [service.memory_mb()]
        for i in range(chosen.requests):
            service.ask(typed(question, 100 + i))
            if (i + 1) % max(1, chosen.requests // 5) == 0:
                memory.append(service.memory_mb())
        result["memory_mb"] = [round(m) for m in memory]
        result["requests"] = chosen.requests
    finally:
        service.stop()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
