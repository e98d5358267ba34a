"""A Debian 13 in a folder of the project, with the servers in it: made by debootstrap, used by chroot."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "trixie"
PACKAGES = "postgresql-17-timescaledb,mosquitto,micropython"


class Tree:
    """The folder and the programs in it; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def complete(self) -> bool:
        """Whether the whole of the present recipe has been installed."""
        return self._recipe.is_file() and self._recipe.read_text() == f"{SUITE} {PACKAGES}"

    @property
    def _recipe(self) -> Path:
        return self.path / "etc" / "bypuls-testbed"

    def install(self, tell: Callable[[str], None]) -> None:
        """Make the tree unless it is complete; needs root and debootstrap, about 50 s and 700 MB.

        It is built under another name and moved into place when complete, so that an interrupted installation
        is simply done again. Raises RuntimeError when debootstrap fails.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent) as lock:
            if self.complete:
                return
            unfinished = self.path.with_name(f"{self.path.name}.unfinished")
            for leftover in (unfinished, self.path):
                _remove(leftover)
            _debootstrap(unfinished, lock, tell)
            (unfinished / "var/lib/testbed").mkdir()
            (unfinished / self._recipe.relative_to(self.path)).write_text(f"{SUITE} {PACKAGES}")
            unfinished.rename(self.path)

    def command(self, program: str) -> list[str]:
        """Return the command that runs a program of the tree, such as `usr/bin/micropython`, outside of it.

        The tree's own dynamic loader is used, because the C library of this machine may be older.
        """
        loader = next(self.path.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"))
        return [str(loader), "--library-path", str(loader.parent), str(self.path / program)]

    def chroot(self, user: str, command: list[str]) -> list[str]:
        """Return the command that runs `command` inside the tree, as a user of the tree."""
        uid, gid = self.ids(user)
        clean = ["/usr/bin/env", "-i", "PATH=/usr/bin"]
        return ["/usr/sbin/chroot", f"--userspec={uid}:{gid}", str(self.path), *clean, *command]

    def ids(self, user: str) -> tuple[int, int]:
        """Return the tree's user and group number of a user."""
        for line in (self.path / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == user:
                return int(uid), int(gid)
        raise LookupError(f"the tree has no user {user}")

    @contextmanager
    def folder(self, user: str) -> Iterator[Path]:
        """Make a folder inside the tree that belongs to `user`, and remove it at the end.

        What killed test runs left behind is removed too: the folder of a live one is locked.
        """
        parent = self.path / "var/lib/testbed"
        with _locked(parent):
            for leftover in parent.iterdir():
                handle = os.open(leftover, os.O_RDONLY)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(leftover)
                except BlockingIOError:
                    pass
                finally:
                    os.close(handle)
            path = Path(tempfile.mkdtemp(dir=parent))
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            os.chown(path, *self.ids(user))
            yield path
        finally:
            shutil.rmtree(path)
            os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _remove(tree: Path) -> None:
    """Remove a tree, after unmounting what a killed debootstrap left mounted in it."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.replace(r"\040", " ").startswith(f"{tree.resolve()}/"):
            subprocess.run(["umount", mount.replace(r"\040", " ")], check=True)
    if tree.exists():
        shutil.rmtree(tree)


def _debootstrap(target: Path, lock: int, tell: Callable[[str], None]) -> None:
    """Run debootstrap and tell its progress in some ten lines; all of it goes to a log beside the target.

    It holds the lock too: if we are killed, the next installation waits for it to end.
    """
    log = target.with_name("debootstrap.log")
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(target)]
    counts: dict[str, int] = {}
    with (
        log.open("w") as record,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
        ) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            record.write(line)
            step = line.removeprefix("I: ").split(maxsplit=1)[0] if line.startswith("I: ") else ""
            if step in ("Retrieving", "Unpacking", "Configuring"):
                counts[step] = counts.get(step, 0) + 1
                if counts[step] % 50 == 1:
                    tell(f"  {step.lower()} packages ({counts[step] - 1} so far)")
    if child.returncode != 0:
        tail = "".join(log.read_text().splitlines(keepends=True)[-15:])
        raise RuntimeError(f"debootstrap failed with status {child.returncode}; the end of {log}:\n{tail}")
