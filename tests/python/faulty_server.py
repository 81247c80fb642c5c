"""A web server that can be told to misbehave, for group D of the faults."""

from __future__ import annotations

import io
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# What is done with one request: called with the connection, the object's bytes (None: there is
# none) and the request. True: it has answered, and the connection lives on.
Fault = Callable[["Request"], bool]


@dataclass
class Request:
    connection: socket.socket
    method: str
    path: str
    headers: dict[str, str]
    value: bytes | None

    def reply(self, status: str, body: bytes = b"", **headers: str) -> bool:
        """Answer; underscores in names of headers stand for dashes."""
        lines = [f"HTTP/1.1 {status}"]
        headers.setdefault("Content_Length", str(len(body)))
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        if self.method != "HEAD":
            self.connection.sendall(body)
        return True

    def serve(self, cut: int | None = None) -> bool:
        """Answer as a good server does; with `cut` only so many bytes, then hang up."""
        if self.value is None:
            return self.reply("404 Not Found")
        etag = f'"{hash(self.value) & 0xFFFFFFFF:x}"'
        if self.headers.get("if-match", etag) != etag:
            return self.reply("412 Precondition Failed")
        wanted = self.range()
        if wanted is None:
            return self._send("200 OK", self.value, cut, ETag=etag)
        first, last = wanted
        size = len(self.value)
        if first >= size:
            return self.reply("416 Range Not Satisfiable", Content_Range=f"bytes */{size}")
        body = self.value[first : last + 1]
        place = f"bytes {first}-{first + len(body) - 1}/{size}"
        return self._send("206 Partial Content", body, cut, ETag=etag, Content_Range=place)

    def range(self) -> tuple[int, int] | None:
        """First and last byte asked for."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))
        if match is None or self.value is None:
            return None
        first, last = match.groups()
        if not first:
            return max(0, len(self.value) - int(last)), len(self.value) - 1
        return int(first), int(last) if last else len(self.value) - 1

    def _send(self, status: str, body: bytes, cut: int | None, **headers: str) -> bool:
        if cut is None:
            return self.reply(status, body, **headers)
        self.reply(status, body[:cut], Content_Length=str(len(body)), **headers)
        return False


def status(line: str, **headers: str) -> Fault:
    return lambda request: request.reply(line, b"<Error/>", **headers)


def cut_after(length: int) -> Fault:
    return lambda request: request.serve(cut=length)


def reset(request: Request) -> bool:
    linger = struct.pack("ii", 1, 0)  # an RST instead of a FIN
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    return False


def stall(request: Request) -> bool:
    time.sleep(30)
    return False


def drip(request: Request) -> bool:
    """Send one byte a second, so that the idle time is never over."""
    assert request.value is not None
    size = len(request.value)
    request.connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    for byte in request.value:
        request.connection.sendall(bytes([byte]))
        time.sleep(0.3)
    return True


@dataclass
class FaultyServer:
    """Serves `objects` by path. Each request takes the next of `faults`; then it is a good one."""

    objects: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        host = "https://localhost" if self.tls else "http://127.0.0.1"
        self.url = f"{host}:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # or accept() would go on
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        if self.tls:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:  # the client does not trust us
                return
        with connection, connection.makefile("rb") as lines:
            try:
                while self._one(connection, lines):
                    pass
            except OSError:
                pass

    def _one(self, connection: socket.socket, lines: io.BufferedReader) -> bool:
        first = lines.readline().decode().split()
        if len(first) != 3:
            return False
        headers = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        lines.read(int(headers.get("content-length", "0")))
        value = self.objects.get(first[1].partition("?")[0])
        request = Request(connection, first[0], first[1], headers, value)
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        return fault(request) if fault else request.serve()
