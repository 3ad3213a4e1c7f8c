"""Build the server's container image from Debian's packages and the wheel; no registry of images is asked.

    python -m tools.build_image [--tag NAME] [--into FOLDER]

Needs mmdebstrap and buildah (Debian: apt-get install mmdebstrap buildah), and as a rule root. Packages come from the
mirror that apt knows, Python's from the index that pip knows, each with the hash that is locked. What is written into
FOLDER is an image as OCI lays it out; without it the image stays in buildah's storage.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TAG: Final = "localhost/allotment:latest"
RELEASE: Final = "bookworm"
PYTHON: Final = "python3.11"
USER: Final = 65532
"""Nobody's number on a usual machine."""
PACKAGES: Final = (
    *(f"{PYTHON}-minimal", f"lib{PYTHON}-stdlib", "libstdc++6", "libgcc-s1", "libuuid1"),
    *("git", "ca-certificates", "tzdata"),
)
_UNUSED: Final = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl", "usr/share/perl5", "usr/share/info"),
    *("usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/x86_64-linux-gnu/perl5"),
    *(
        "usr/lib/systemd",
        "usr/lib/udev",
        "usr/lib/init",
        "usr/lib/apt",
        "usr/lib/dpkg",
        "usr/lib/x86_64-linux-gnu/gconv",
    ),
    *("lib/systemd", "lib/udev", "lib/init", "lib/apt", "usr/lib/tmpfiles.d"),
)
_PASSWD: Final = f"root:x:0:0::/:/none\nallotment:x:{USER}:{USER}::/var/lib/allotment:/none\n"
_GROUP: Final = f"root:x:0:\nallotment:x:{USER}:\n"


def main(words: Sequence[str] | None = None) -> int:
    """Build it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_image", description=__doc__)
    parser.add_argument("--tag", default=TAG, help="name of the image")
    parser.add_argument("--into", type=Path, default=None, help="folder for the image, as OCI lays it out")
    parser.add_argument("--storage", type=Path, default=None, help="buildah's storage; its usual one by default")
    asked = parser.parse_args(words)
    missing = [each for each in ("mmdebstrap", "buildah") if shutil.which(each) is None]
    if missing:
        print(
            f"build_image: {' and '.join(missing)} not found; on Debian: apt-get install {' '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    with tempfile.TemporaryDirectory(prefix="allotment-image-") as folder:
        root = Path(folder) / "root"
        unpacked(root)
        installed(root)
        size = sum(each.lstat().st_size for each in root.rglob("*") if not each.is_symlink())
        print(f"build_image: {size >> 20} MiB unpacked", file=sys.stderr)
        build(Path(folder), asked.tag, asked.into, asked.storage)
    return 0


def unpacked(root: Path) -> None:
    """Debian's packages, unpacked; none of their scripts is run, so that nothing of the system has to be there."""
    root.mkdir()
    packed = root.with_suffix(".tar")
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(PACKAGES)}", RELEASE, str(packed))
    with tarfile.open(packed) as archive:
        archive.extractall(root, filter="fully_trusted")
    packed.unlink()
    for each in _UNUSED:
        shutil.rmtree(root / each, ignore_errors=True)
    for each in root.rglob("*"):
        if not each.is_symlink() and each.is_file() and each.stat().st_mode & (stat.S_ISUID | stat.S_ISGID):
            each.chmod(0o755)
    for each in scripts_of_git(root / "usr/lib/git-core"):
        each.unlink()
    authorities = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_bytes(b"".join(each.read_bytes() for each in authorities))
    (root / "etc/passwd").write_text(_PASSWD)
    (root / "etc/group").write_text(_GROUP)
    home = root / "var/lib/allotment"
    home.mkdir(parents=True)
    (root / "var/lib/misc").mkdir(exist_ok=True)
    home.chmod(0o700)
    os.chown(home, USER, USER)


def scripts_of_git(folder: Path) -> Iterator[Path]:
    """Those that a shell or a Perl would have to run: neither is there."""
    for each in sorted(folder.rglob("*")):
        if each.is_file() and not each.is_symlink():
            with each.open("rb") as file:
                if file.read(2) == b"#!":
                    yield each


def installed(root: Path) -> None:
    """The wheel and its locked dependencies, compiled."""
    target = root / "opt/allotment"
    target.mkdir(parents=True)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    )
    with tempfile.TemporaryDirectory() as wheels:
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=ROOT)
        (wheel,) = Path(wheels).glob("*.whl")
        only = ("--no-deps", "--only-binary=:all:", "--target", str(target))
        run(*pip, *only, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt"))
        run(*pip, *only, "--upgrade", str(wheel))
    shutil.rmtree(target / "bin", ignore_errors=True)
    for each in list(target.rglob("__pycache__")):
        shutil.rmtree(each)
    run(sys.executable, "-m", "compileall", "-q", "-s", str(root), "--invalidation-mode", "unchecked-hash", str(target))
    for each in target.rglob("*"):
        each.chmod(each.stat().st_mode | (0o555 if each.is_dir() else 0o444))


def build(context: Path, tag: str, into: Path | None, storage: Path | None) -> None:
    """The image of what lies in ``root`` of a folder."""
    where = () if storage is None else ("--root", str(storage), "--runroot", str(storage / "run"))
    buildah = ("buildah", *where, "--storage-driver", "vfs")
    steps = ("build", "--quiet", "--isolation", "chroot", "--timestamp", "0", "--tag", tag)
    run(*buildah, *steps, "--file", str(ROOT / "deploy" / "Containerfile"), str(context))
    if into is not None:
        run(*buildah, "push", "--quiet", tag, f"oci:{into}:latest")


def run(*argv: str, cwd: Path | None = None) -> None:
    """A program, which has to end well."""
    subprocess.run(argv, check=True, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
