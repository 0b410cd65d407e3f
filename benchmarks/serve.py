"""`feallm serve` under load: many clients at once beside one at a time, and a soak.

    python benchmarks/serve.py [--clients 16] [--seconds 10] [--rounds 3] [--side 320] [--explain] [--detector mtcnn]
    python benchmarks/serve.py --soak 60 --clients 32

Each request is one photo of one face, `--side` pixels square, over a connection that is kept. One client and many take
turns, so that a machine whose speed swings does not favour one of them; the ratio is between requests a second. What
limits it is told beside it: the seconds of one core that the server spent on a request, and how many cores it kept
busy. Finding faces takes most of a request and is done by a thread a core; so with one client, whose request occupies
little more than one core, the others are idle, and the ratio can hardly exceed the number of cores.

The soak asks a mixture (numbers, words, what-if, chat) and prints the server's memory along the way; it ends with 1
where a request failed, or memory grew by more than 10 % after the first third.
"""

import argparse
import base64
import http.client
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BOUNDARY = "feallm-benchmark"


@dataclass(frozen=True)
class Ask:
    """One request, ready to be sent."""

    path: str
    kind: str
    body: bytes


@dataclass
class Result:
    """Seconds of each answer, and what was no 200."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Served:
    """A server in a process of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "feallm", "serve", "--port", "0", "--queue", "256", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if found := re.search(r"served at (http://\S+)", line):
                self.host = urlsplit(found[1]).netloc
                return
        raise SystemExit("".join(lines))

    def metric(self, name: str) -> float:
        line = http.client.HTTPConnection(self.host)
        line.request("GET", "/metrics")
        text = line.getresponse().read().decode()
        line.close()
        return float(next(row for row in text.splitlines() if row.startswith(f"{name} ")).split()[1])

    @property
    def cpu(self) -> float:
        return self.metric("process_cpu_seconds_total")

    @property
    def batches(self) -> tuple[float, float]:
        """Faces that were read so far, and batches that they were read in."""
        return self.metric("feallm_batch_faces_sum"), self.metric("feallm_batch_faces_count")

    @property
    def memory(self) -> float:
        """MB."""
        return self.metric("process_resident_memory_bytes") / 1e6

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def photo(side: int) -> bytes:
    """A photo of one face as JPEG."""
    from PIL import Image
    from skimage import data

    held = io.BytesIO()
    Image.fromarray(data.astronaut()).crop((60, 0, 380, 320)).resize((side, side)).save(held, "JPEG", quality=90)
    return held.getvalue()


def upload(picture: bytes, explain: bool) -> Ask:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'.encode()
    body = head + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    path = f"/v1/analyze?explain={'true' if explain else 'false'}"
    return Ask(path, f"multipart/form-data; boundary={BOUNDARY}", body)


def mixture(picture: bytes) -> list[Ask]:
    url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    parts = [{"type": "text", "text": "Why?"}, {"type": "image_url", "image_url": {"url": url}}]
    chat = {"model": "feallm-tiny", "messages": [{"role": "user", "content": parts}]}
    asks = [("/v1/whatif", {"image": url, "without": ["AU12"]}), ("/v1/chat/completions", chat)]
    told = [Ask(path, "application/json", json.dumps(body).encode()) for path, body in asks]
    return [*[upload(picture, False)] * 6, upload(picture, True), *told]


def load(host: str, asks: Sequence[Ask], clients: int, seconds: float) -> Result:
    """What `clients` clients get that ask again and again, each over one connection."""
    result, end = Result(), time.monotonic() + seconds

    def one(number: int) -> None:
        line = http.client.HTTPConnection(host, timeout=120)
        turn = number
        while time.monotonic() < end:
            ask = asks[turn % len(asks)]
            turn += 1
            start = time.perf_counter()
            try:
                line.request("POST", ask.path, ask.body, {"Content-Type": ask.kind})
                answer = line.getresponse()
                text = answer.read()
            except OSError as error:
                result.failures.append(repr(error))
                return
            if answer.status != 200:
                result.failures.append(f"{answer.status} {text[:200]!r}")
            result.seconds.append(time.perf_counter() - start)
        line.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return result


def told(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"median {1000 * statistics.median(ordered):6.0f} ms, p95 {1000 * p95:6.0f} ms"


def compare(options: argparse.Namespace) -> int:
    server = Served("--detector", options.detector)
    asks = [upload(photo(options.side), options.explain)]
    rates: dict[int, list[float]] = {1: [], options.clients: []}
    taken: dict[int, list[float]] = {1: [], options.clients: []}
    spent = {1: 0.0, options.clients: 0.0}
    read: dict[int, tuple[float, float]] = {1: (0.0, 0.0), options.clients: (0.0, 0.0)}
    load(server.host, asks, 2, 2)  # warm
    failures = []
    for _ in range(options.rounds):
        for clients in rates:
            batches, before, start = server.batches, server.cpu, time.monotonic()
            found = load(server.host, asks, clients, options.seconds)
            rates[clients].append(len(found.seconds) / (time.monotonic() - start))
            spent[clients] += server.cpu - before
            faces, number = (now - then for now, then in zip(server.batches, batches, strict=True))
            read[clients] = (read[clients][0] + faces, read[clients][1] + number)
            taken[clients] += found.seconds
            failures += found.failures
    whole = options.seconds * options.rounds
    print(f"{os.cpu_count()} cores, {options.side} pixels, detector {options.detector}, words {options.explain}")
    for clients, each in rates.items():
        cores = (
            f"{1000 * spent[clients] / len(taken[clients]):.0f} ms of a core a request, {spent[clients] / whole:.2f}"
        )
        together = f"{read[clients][0] / read[clients][1]:.1f} faces a batch"
        rate = f"{statistics.median(each):7.1f} /s   {told(taken[clients])}"
        print(f"{clients:3d} clients {rate}   {cores} cores busy, {together}")
    ratios = [many / one for one, many in zip(rates[1], rates[options.clients], strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{statistics.median(ratios):.2f} times the requests of one at a time (rounds: {spread})")
    print(f"{len(failures)} failures {failures[:3]}")
    server.stop()
    return 1 if failures else 0


def soak(options: argparse.Namespace) -> int:
    server, asks = Served("--detector", options.detector), mixture(photo(options.side))
    load(server.host, asks, options.clients, 5)
    memory, failures, answers = [server.memory], [], 0
    for _ in range(12):
        found = load(server.host, asks, options.clients, options.soak / 12)
        memory.append(server.memory)
        failures += found.failures
        answers += len(found.seconds)
        line = f"{answers:7d} answers, {len(failures)} failures, {memory[-1]:7.0f} MB, {told(found.seconds)}"
        print(line, flush=True)
    growth = memory[-1] / memory[4] - 1
    grown = f"{100 * growth:+.1f} % after the first third"
    print(f"memory {memory[0]:.0f} MB at first, {memory[-1]:.0f} MB at last, {grown}")
    print(*failures[:5], sep="\n")
    server.stop()
    return 1 if failures or growth > 0.1 else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--detector", default="mtcnn")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--soak", type=float, default=None, metavar="SECONDS")
    options = parser.parse_args()
    return compare(options) if options.soak is None else soak(options)


if __name__ == "__main__":
    raise SystemExit(main())
