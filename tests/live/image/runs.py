"""An image as OCI lays it out, unpacked and run by runc: as its user, on a root file system that is read-only."""

from __future__ import annotations

import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Image:
    """One that was built.

    Attributes:
        root: its file system.
        config: how it is run.
        size: bytes that travel.
    """

    root: Path
    config: Mapping[str, Any]
    size: int


def unpacked(layout: Path, root: Path) -> Image:
    """The image of a folder."""

    def blob(digest: str) -> Path:
        return layout / "blobs" / Path(*digest.split(":"))

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        with tarfile.open(blob(layer["digest"])) as archive:
            archive.extractall(root, filter="fully_trusted")
    config = json.loads(blob(manifest["config"]["digest"]).read_text())["config"]
    return Image(root, config, sum(layer["size"] for layer in manifest["layers"]))


@dataclass(frozen=True)
class Container:
    """One that runs.

    Attributes:
        place: how runc finds it.
    """

    process: subprocess.Popen[bytes]
    place: tuple[str, ...]
    name: str

    @property
    def init(self) -> int:
        """Its first process, as this machine numbers it."""
        said = subprocess.run([*self.place, "state", self.name], check=True, capture_output=True, timeout=30)
        return int(json.loads(said.stdout)["pid"])

    def execute(self, *argv: str) -> str:
        """What a program says that runs beside it, as the same user."""
        done = subprocess.run(
            [*self.place, "exec", self.name, *argv], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def run(image: Image, bundle: Path, words: Sequence[str], state: Path) -> Iterator[Container]:
    """It runs with these arguments; on the network of this machine, so that a test reaches it."""
    uid, gid = map(int, image.config["User"].split(":"))
    own = {"source": str(state), "options": ["rbind", "rw", "nosuid"]}
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
        {"destination": "/var/lib/allotment", "type": "bind", **own},
        {"destination": "/etc/resolv.conf", "type": "bind", "source": "/etc/resolv.conf", "options": ["rbind", "ro"]},
    ]  # fmt: skip
    spec = {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": [*image.config["Entrypoint"], *words],
            "env": image.config["Env"],
            "cwd": image.config["WorkingDir"],
            "capabilities": {each: [] for each in ("bounding", "effective", "permitted", "ambient", "inheritable")},
            "noNewPrivileges": True,
        },
        "root": {"path": str(image.root), "readonly": True},
        "mounts": mounts,
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
    }
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(spec))
    name = f"allotment-{uuid.uuid4().hex[:8]}"
    place = ("runc", "--root", str(bundle / "runc"))
    with (bundle / "log").open("wb") as log:
        process = subprocess.Popen(
            [*place, "run", "--bundle", str(bundle), name], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield Container(process, place, name)
    finally:
        subprocess.run([*place, "kill", name, "TERM"], check=False, capture_output=True)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            subprocess.run([*place, "kill", name, "KILL"], check=False, capture_output=True)
            process.wait(20)
        subprocess.run([*place, "delete", "--force", name], check=False, capture_output=True)
