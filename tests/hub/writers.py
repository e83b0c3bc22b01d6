"""What processes do that write at once or are killed; loaded once by the server they fork from."""

from multiprocessing.connection import Connection

from dimgs.hub import Hub
from dimgs.variables import parse_unit
from tests.hub.test_hub import run

# a process that is forked has the units already
parse_unit("m^2/s")


def adds(pipe: Connection, address: str, name: str, first: int, last: int) -> None:
    """Add runs one by one, and tell the id of each that is kept."""
    with Hub(address, user=name) as hub:
        pipe.send("ready")
        pipe.recv()
        for k in range(first, last):
            (id,) = hub.add_runs([run(f"{name} {k}", 1.0 + k)])
            pipe.send(id)


def takes(pipe: Connection, address: str, folder: str, what: str) -> None:
    """Import a bundle, or sync with a folder."""
    with Hub(address, user="carl") as hub:
        pipe.send("ready")
        pipe.recv()
        if what == "merge":
            hub.merge(folder)
        else:
            hub.sync(folder)


def opens(pipe: Connection, address: str) -> None:
    """Open a hub, and upgrade it on the way."""
    pipe.send("ready")
    pipe.recv()
    Hub(address, user="anna").close()
