"""`GET /?name=bob` is answered with what a greeter says to bob. Where it can't be reached, the
answer says why, or is the text of `&default=TEXT` if there is one."""

import sys

from componentize_py_types import Err
from wit_world.imports import greeter
from wit_world.imports.wrpc_errors_types import (
    Delivery,
    RpcError,
    RpcError_LinkDenied,
    RpcError_Other,
    RpcError_Overloaded,
    RpcError_Protocol,
    RpcError_TargetFailed,
    RpcError_TargetUnavailable,
    RpcError_Timeout,
    RpcError_Transport,
)

import back_off
from http_handler import Handler, Request, Response


class IncomingHandler(Handler):
    """What componentize-py looks for: the implementation of `wasi:http/incoming-handler`."""

    def answer(self, request: Request) -> Response:
        name = request.parameter("name")
        if name is None:
            return Response(400, "whom to greet? /?name=bob")
        try:
            return Response(200, greet_patiently(name))
        except Err as error:
            default = request.parameter("default")
            if default is None:
                return explain(error.value)
            # Whoever asked can do without the greeter, whatever is the matter with it.
            return Response(200, default)


def greet_patiently(name: str) -> str:
    """Asks for a greeting, again if that is safe and may help."""
    for delay in back_off.DELAYS:
        try:
            return greeter.greet(name)
        except Err as error:
            if not may_pass(error.value):
                raise
            back_off.sleep(delay)
    return greeter.greet(name)


def may_pass(error: RpcError) -> bool:
    """Whether the same call may succeed in a moment and can't have any effect twice."""
    match error:
        # It takes an operator to add the link, and a developer to mend the interface.
        case RpcError_LinkDenied() | RpcError_Protocol():
            return False
        # Nobody has run the call. To repeat it after UNKNOWN or ACCEPTED, `greet` would have to be
        # idempotent.
        case _:
            return error.value.delivery == Delivery.NOT_SENT


def explain(error: RpcError) -> Response:
    """Says over HTTP what went wrong."""
    match error:
        case RpcError_LinkDenied(failure):
            status, case = 403, "link-denied"
        case RpcError_TargetUnavailable(failure):
            status, case = 503, "target-unavailable"
        case RpcError_Overloaded(failure):
            status, case = 503, "overloaded"
        case RpcError_Timeout(failure):
            status, case = 504, "timeout"
        case RpcError_TargetFailed(failure):
            status, case = 502, "target-failed"
        case RpcError_Transport(failure):
            status, case = 502, "transport"
        case RpcError_Protocol(failure):
            status, case = 502, "protocol"
        # Every case that was added after this component was built, too.
        case RpcError_Other(failure):
            status, case = 500, "other"
    # The message is for the operator, not for whoever asked.
    print(f"{case}: {failure.message}", file=sys.stderr)
    delivery = failure.delivery.name.lower().replace("_", "-")
    headers = {"retry-after": "1"} if status == 503 else {}
    return Response(status, f"{case}, {delivery}", headers)
