"""Who may see the quarantine: those who have the operator's token, or everybody where none is set."""

from hmac import compare_digest
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import NotAnOperator
from bypuls.settings import ApiSettings

_bearer = HTTPBearer(
    auto_error=False, description="the platform's BYPULS_API_OPERATOR_TOKEN, where one is set"
)


async def check_operator(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raise NotAnOperator unless the request carries the operator's token, or none is set."""
    settings: ApiSettings = request.app.state.settings
    if settings.operator_token is None:
        return
    given = "" if credentials is None else credentials.credentials
    # Bytes, since compare_digest refuses text that is not ASCII.
    if not compare_digest(given.encode(), settings.operator_token.get_secret_value().encode()):
        raise NotAnOperator(
            "The quarantine needs the operator's token: send the header 'Authorization: Bearer <token>'."
        )
