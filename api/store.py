"""The database as routes get it: one query on one connection, given back before the answer is sent."""

from typing import Annotated

from fastapi import Depends, Request

from bypuls.store.database import Database


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_database)]
