"""What an example is, as data: `--help` prints them, and the tests run each of them as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExampleNeeds(StrEnum):
    """What must be there for an example to work."""

    DIRECTORY = "directory"
    """The reference platform as `my-platform`; tested offline."""
    CLUSTER = "cluster"
    """A live API server in the kubeconfig; tested against a sandbox."""
    SANDBOX = "sandbox"
    """A sandbox called `dev-eastus`, or the right to start one."""
    STORE = "store"
    """A store of jobs, and a backup of it called `jobs-2027-01-31.db`; tested offline."""
    SERVER = "server"
    """A server of jobs, with a job called `train` that is over, `train.py` and `job.yaml`; tested live."""
    ELSEWHERE = "elsewhere"
    """A server that listens on an address of the network, and a token for it on standard input; tested live."""
    PEOPLE = "people"
    """A server at which ``ada@acme.example`` has signed in; tested live."""
    REQUESTS = "requests"
    """A server with a request, or a grant, called ``r7k2f9qa`` that stands so that this can be done; tested live."""
    CONNECTED = "connected"
    """A server of the reference platform with `training-eastus` connected, and `kubeconfig` here; tested live."""
    CHECKOUT = "checkout"
    """The repository's folder `examples` in the current one; tested offline."""


@dataclass(frozen=True, slots=True)
class Example:
    """One command line.

    Attributes:
        line: as a user types it into a shell.
        note: what it is for.
    """

    line: str
    note: str
    needs: ExampleNeeds = ExampleNeeds.DIRECTORY

    def spoken_as(self, program: str) -> str:
        """The line with the program's name as the user called it."""
        return self.line.replace("allot ", f"{program} ") if program != "allot" else self.line


CommandExamples = dict[tuple[str, ...], tuple[Example, ...]]
"""By the command's words."""
