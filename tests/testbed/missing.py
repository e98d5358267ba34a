"""The one complaint when the servers for the tests can't be had."""

WAYS_OUT = """\
The tests run against a real TimescaleDB and a real Mosquitto. There are three ways to have them:
  1. As root on Debian (or where there is apt-get): `make test` installs them into .testbed/ by debootstrap.
  2. With a Docker engine that this user may use: `make test` runs their images.
  3. Your own, named by two settings:
     BYPULS_TEST_DATABASE_URL=postgresql://superuser:password@host/postgres, a server with TimescaleDB, on
     which databases bypuls_test_* and the roles of the migrations are made;
     BYPULS_TEST_MOSQUITTO=/path/to/mosquitto, needed only when there is none on the PATH."""


class MissingServer(Exception):
    """A server that tests need can't be had; the message says what is lacking and the ways out."""

    def __init__(self, lacking: str) -> None:
        super().__init__(f"{lacking}\n{WAYS_OUT}")
