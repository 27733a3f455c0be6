"""IAM tokens that were obtained elsewhere; they are valid for at most 12 hours."""

from collections.abc import Callable
from inspect import iscoroutine
from traceback import extract_tb

from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Secretive, clean_given, clean_secret
from vision_grpc.auth.exchanged import ExchangedCredentials
from vision_grpc.auth.refresh import TransientAuthError
from vision_grpc.auth.token import LONGEST_LIFE_S, Token
from vision_grpc.errors import AuthError
from vision_grpc.network.deadline import Deadline

# A callable does not say when its token expires. Whether calling it is cheap is up to its author.
_ASK_AGAIN_S = 300.0


class IamToken(Secretive):
    """An IAM token of a user or service account, or a callable that returns the one to use now.

    The callable is called in a separate thread: for the first token, every five minutes while
    there are calls, and when the service refuses the last token.

    Raises:
        ValueError: the token is empty or malformed.
    """

    # The token does not say whose it is, and a user's token needs the folder.
    is_service_account = False

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._static: str | None = None
        self._called: _CalledToken | None = None
        if callable(token):
            self._called = _CalledToken(token)
        else:
            self._static = f"Bearer {clean_given(token, 'IAM token', 'IamToken')}"

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return `Bearer <token>`.

        Raises:
            AuthError: the service refused the token and there is no other, or the callable failed.
        """
        if self._called is not None:
            return self._called.authorization(refused=refused, timeout_s=timeout_s)
        return self._unless(refused=refused is not None)

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return the same as `authorization`."""
        if self._called is not None:
            return await self._called.authorization_async(refused=refused, timeout_s=timeout_s)
        return self._unless(refused=refused is not None)

    def _unless(self, *, refused: bool) -> str:
        if refused or self._static is None:
            message = (
                "the service refused the IAM token: it has expired (after 12 hours at most), was revoked or is "
                "incomplete; make a new one with `yc iam create-token`, or pass credentials that renew themselves"
            )
            raise AuthError(message)
        return self._static


class _CalledToken(ExchangedCredentials):
    def __init__(self, function: Callable[[], str]) -> None:
        super().__init__()
        self._function = function

    @property
    def _origin(self) -> str:
        return "the callable of IamToken"

    def _exchange(self, deadline: Deadline) -> Token:  # noqa: ARG002 - nothing can stop the user's code
        problem = ""
        value: object = None
        try:
            value = self._function()
        except Exception as error:  # noqa: BLE001 - code of the user: any exception means that there is no token now
            frame = extract_tb(error.__traceback__)[-1]
            problem = f"raised {type(error).__name__} at {frame.filename}:{frame.lineno}"
        if problem:
            # Without the cause, whose text may contain the token.
            message = f"{self._origin} {problem}"
            raise TransientAuthError(message)
        if not isinstance(value, str):
            if iscoroutine(value):
                value.close()
            message = (
                f"{self._origin} returned an object of type {type(value).__name__}: it has to return the token as a "
                "str, and cannot be asynchronous"
            )
            raise AuthError(message)
        try:
            return Token(clean_secret(value, "IAM token"), LONGEST_LIFE_S, refresh_s=_ASK_AGAIN_S)
        except ValueError as error:
            message = f"{self._origin} did not return a token: {error}"
            raise TransientAuthError(message) from error
