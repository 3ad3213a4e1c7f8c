"""The image is built, and runc runs it: nobody's user, nothing to write to but its state, no shell, nothing set-uid."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay
from tests.live.debian import install
from tests.live.image.runs import Image, run, unpacked
from tests.live.replicas.servers import until
from tests.loopback import free_port

pytestmark = [
    pytest.mark.live,
    pytest.mark.nightly,
    pytest.mark.skipif(os.getuid() != 0, reason="builds file systems of others, and runs them"),
]
ROOT = Path(__file__).parents[3]
SHELLS = {"sh", "bash", "dash", "ash", "zsh", "busybox", "perl", "apt", "dpkg", "pip"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    given = os.environ.get("ALLOTMENT_IMAGE")
    for program in ("mmdebstrap", "buildah", "runc"):
        if shutil.which(program) is None:
            install(program)
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here, and it cannot be installed: apt-get install {program}")
    folder = tmp_path_factory.mktemp("image")
    layout = Path(given) if given else folder / "layout"
    if not given:
        argv = [sys.executable, "-m", "tools.build_image", "--storage", str(folder / "storage"), "--into", str(layout)]
        subprocess.run(argv, cwd=ROOT, check=True, timeout=1800)
    return unpacked(layout, folder / "root")


def test_it_holds_no_shell_nothing_set_uid_and_nothing_that_its_user_may_write(image: Image) -> None:
    files = [each for each in image.root.rglob("*") if not each.is_symlink()]
    assert [each for each in files if each.is_file() and each.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)] == []
    assert {
        each.name for each in image.root.rglob("*") if os.access(each, os.X_OK) and not each.is_dir()
    } & SHELLS == set()
    uid, gid = map(int, image.config["User"].split(":"))
    home = image.root / "var/lib/allotment"
    writable = {
        each
        for each in files
        if each.stat().st_mode & stat.S_IWOTH or each.stat().st_uid == uid or each.stat().st_gid == gid
    }
    assert writable <= {home, image.root / "tmp"}
    assert uid > 10_000
    unpacked_size = sum(each.stat().st_size for each in files if each.is_file())
    sys.stderr.write(f"the image: {image.size >> 20} MiB travel, {unpacked_size >> 20} MiB unpacked\n")


def test_a_server_runs_in_it_and_answers(image: Image, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    uid, gid = map(int, image.config["User"].split(":"))
    os.chown(state, uid, gid)
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        each.chmod(each.stat().st_mode | 0o011)
    port, watched = free_port(), free_port()
    words = ("--listen", f"127.0.0.1:{port}", "--metrics-listen", f"127.0.0.1:{watched}", "--log-format", "json")
    with run(image, tmp_path / "bundle", words, state) as container:

        def ready() -> bool:
            assert container.process.poll() is None, (tmp_path / "bundle/log").read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{watched}/readyz", trust_env=False).status_code == 200
            except httpx.HTTPError:
                return False

        took = until(ready, 120, (tmp_path / "bundle/log").read_text)
        assert httpx.get(f"http://127.0.0.1:{watched}/healthz", trust_env=False).json() == {"alive": True}
        made = container.execute("/usr/bin/python3.11", "-m", "allotment", "token", "create", "tests").strip()
        told = RemoteServer(NetworkWay(f"http://127.0.0.1:{port}", made)).status()
        assert (told.platform, told.pid) == ("acme", 1)
        status = Path(f"/proc/{container.init}/status").read_text()
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        mounted = [line.split() for line in Path(f"/proc/{container.init}/mountinfo").read_text().splitlines()]
        assert [each[5].split(",")[0] for each in mounted if each[4] == "/"] == ["ro"]
        sys.stderr.write(f"the server in the image was ready after {took:.1f} s\n")
