"""The user account that the servers run under."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from bypuls.errors import BypulsError


@dataclass(frozen=True, slots=True)
class Account:
    """A user; `options` make setpriv run a program as that user, and are empty for the user we are."""

    uid: int
    gid: int
    options: tuple[str, ...]

    def own(self, folder: Path) -> None:
        """Hand an empty folder over to this user, closed to all others."""
        folder.chmod(0o700)
        os.chown(folder, self.uid, self.gid)


def server_account() -> Account:
    """Return who runs the database and the broker: whoever we are, except that root becomes `nobody`.

    PostgreSQL refuses to run as root. `nobody` can't enter folders such as /root, where the data or the
    programs may lie, so it keeps the one capability with which root itself does that. It is dac_override, not
    the narrower dac_read_search, since container engines leave root only the former by default.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), ())
    try:
        user = pwd.getpwnam("nobody")
    except KeyError as error:
        raise BypulsError(
            "PostgreSQL refuses to run as root, and there is no user `nobody`: start as another user"
        ) from error
    options = (
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    )
    return Account(user.pw_uid, user.pw_gid, options)


def bound_to_us(signal_name: str, account: Account | None = None) -> list[str]:
    """Return what to put before a command so that it gets a signal when the thread that started it ends.

    However this process ends, its children then don't outlive it.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise BypulsError("the program setpriv is missing: install util-linux (bypuls up runs on Linux)")
    return [setpriv, f"--pdeathsig={signal_name}", *(account.options if account else ())]
