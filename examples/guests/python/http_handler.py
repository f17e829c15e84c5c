"""As much of HTTP as this component needs, over `wasi:http`."""

from abc import abstractmethod
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.wasi_http_types import (
    Fields,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)


@dataclass
class Request:
    """What was asked."""

    path_with_query: str

    def parameter(self, name: str) -> str | None:
        """The first parameter of this name in the query."""
        query = parse_qs(urlsplit(self.path_with_query).query, keep_blank_values=True)
        return query.get(name, [None])[0]


@dataclass
class Response:
    """What to answer: a line of text."""

    status: int
    line: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, out: ResponseOutparam) -> None:
        headers = {"content-type": "text/plain; charset=utf-8"} | self.headers
        fields = Fields.from_list([(name, value.encode()) for name, value in headers.items()])
        response = OutgoingResponse(fields)
        response.set_status_code(self.status)
        body = response.body()
        ResponseOutparam.set(out, Ok(response))
        data = f"{self.line}\n".encode()
        try:
            with body.write() as stream:
                for start in range(0, len(data), 4096):
                    stream.blocking_write_and_flush(data[start : start + 4096])
            OutgoingBody.finish(body, None)
        except Err:
            # Whoever asked has gone, which is no concern of ours.
            pass


class Handler(exports.IncomingHandler):
    """Answers each request with one response."""

    @abstractmethod
    def answer(self, request: Request) -> Response: ...

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        self.answer(Request(request.path_with_query() or "/")).send(response_out)
