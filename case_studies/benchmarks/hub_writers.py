"""Clients that write to a server at once, while it may be killed: what is kept, and how soon.

Run it with ``python -m case_studies.benchmarks.hub_writers --clients 32 --seconds 60`` and, for a
server that is killed at random moments and started again, with ``--kills 50``. The hub is a new
file, or with ``--hub`` an empty database of PostgreSQL. Each client is a process that adds one run
after another over REST; an entry counts as told once the server has answered for it. In the end all
that was told has to be there, once: a client that got no answer adds the same run again.
"""

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.hub_queries import record
from dimgs.common.errors import StoreError
from dimgs.hub import Hub

ROOT = Path(__file__).resolve().parents[2]
# a client waits so long, in seconds, before it asks a server again that did not answer
PAUSE = 0.1


def client(pipe: Connection, address: str, token: str, first: int) -> None:
    """Add runs until the time that is told, and tell the id of each and how long it took."""
    os.environ["DIMGS_HUB_TOKEN"] = token
    rng = random.Random(first)
    told: list[tuple[str, float]] = []
    hub: Hub | None = None
    k = first
    pipe.send("ready")
    until = pipe.recv()
    while time.time() < until:
        started = time.perf_counter()
        run = record(k, rng)
        while True:
            try:
                hub = hub or Hub(address)
                (id,) = hub.add_runs([run])
                break
            except StoreError:
                hub = None
                time.sleep(PAUSE)
        told.append((id, time.perf_counter() - started))
        k += 1
    pipe.send(told)


class Server:
    """The server of a hub on a port that stays when it is killed and started again."""

    def __init__(self, hub: str) -> None:
        self._hub, self._port = hub, "0"
        self.address = ""
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        words = ["-m", "dimgs", "hub", "serve", "--hub", self._hub, "--port", self._port, "--json"]
        # the hub that is served is the one that is named, whoever starts it
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DIMGS_HUB")}
        self.process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was told, what is there, and the times; 1 if something is lost or there twice."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--hub", help="an empty database of PostgreSQL; by default a new file")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        address = asked.hub or str(Path(folder) / "group.sqlite")
        with Hub(address, user="admin") as hub:
            tokens = []
            for k in range(asked.clients):
                hub.set_user(f"client {k}", "contributor")
                tokens.append(hub.new_token(f"client {k}", scope="write"))
        with Server(address) as server:
            told = _written(server, tokens, asked)
        with Hub(address, user="admin") as hub:
            listed = [e["id"] for e in hub.listed("run")]
    ids = [id for id, _ in told]
    lost, twice = len(set(ids) - set(listed)), len(listed) - len(set(ids))
    times = 1e3 * np.array([seconds for _, seconds in told])
    print(f"{len(ids)} runs told by {asked.clients} clients, {asked.kills} kills of the server")
    print(f"there: {len(listed)}; lost: {lost}; more than told: {twice}")
    print(
        f"{len(ids) / asked.seconds:.0f} runs/s; each took {np.median(times):.0f} ms (median), "
        f"{np.quantile(times, 0.95):.0f} ms (95 %), {times.max():.0f} ms at most"
    )
    return int(lost > 0 or twice > 0 or len(set(ids)) != len(ids))


def _written(server: Server, tokens: Sequence[str], asked: Any) -> list[tuple[str, float]]:
    """What all clients were told, while the server is killed now and then."""
    # what is forked from a process that does nothing else starts at once
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "dimgs.hub.hub"])
    rng = random.Random(asked.seed)
    every = []
    for k, token in enumerate(tokens):
        pipe, end = context.Pipe()
        process = context.Process(target=client, args=(end, server.address, token, 10_000_000 * k))
        process.start()
        every.append((process, pipe))
    for _, pipe in every:
        assert pipe.recv() == "ready"
    until = time.time() + asked.seconds
    for _, pipe in every:
        pipe.send(until)
    for _ in range(asked.kills):
        time.sleep(rng.uniform(0.5, 1.5) * asked.seconds / asked.kills)
        server.kill()
        server.start()
    told = [item for _, pipe in every for item in pipe.recv()]
    for process, _ in every:
        process.join()
    return told


if __name__ == "__main__":
    sys.exit(main())
