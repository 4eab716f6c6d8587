"""Which protocol a port speaks, found out by asking: HTTP/1.1, or the HTTP/2 that gRPC needs."""

import contextlib
import socket
import ssl
from enum import Enum

SECONDS = 3
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # and empty SETTINGS
REQUEST = b"POST /v1/traces HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-protobuf\r\n"
REQUEST += b"Content-Length: 0\r\nConnection: close\r\n\r\n"
SETTINGS = 4
NO_ANSWER = (OSError, ValueError)  # the second for what can be no host's name, among them UnicodeError


class Answer(Enum):
    SILENT = "nothing"
    HTTP1 = "HTTP/1.1"
    HTTP2 = "HTTP/2"
    BOTH = "both"


def ask(host: str, port: int, secure: bool, grpc: bool) -> Answer:
    """Tries what the exporter would speak first, then the other."""
    if secure:
        return ask_tls(host, port)
    if not reachable(host, port):
        return Answer.SILENT
    kinds = (Answer.HTTP2, Answer.HTTP1) if grpc else (Answer.HTTP1, Answer.HTTP2)
    return next((kind for kind in kinds if speaks(host, port, kind)), Answer.SILENT)


def reachable(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), SECONDS).close()
    except NO_ANSWER:
        return False
    return True


def speaks(host: str, port: int, kind: Answer) -> bool:
    with contextlib.suppress(*NO_ANSWER), socket.create_connection((host, port), SECONDS) as connection:
        connection.settimeout(SECONDS)
        connection.sendall(PREFACE if kind is Answer.HTTP2 else REQUEST % host.encode("idna"))
        reply = connection.recv(16)
        if kind is Answer.HTTP2:
            return len(reply) > 3 and reply[3] == SETTINGS
        return reply.startswith(b"HTTP/1")
    return False


def ask_tls(host: str, port: int) -> Answer:
    """Over TLS both sides name their protocols; a server that names none speaks HTTP/1.1."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with (
            socket.create_connection((host, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            return Answer.BOTH if connection.selected_alpn_protocol() == "h2" else Answer.HTTP1
    except NO_ANSWER:
        return Answer.SILENT
