"""A caller of a few lines: one call by SIP over UDP, with whatever SDP a check wants, whose sound comes from elsewhere."""

import re
import socket
import uuid


class Caller:
    """Calls `user` at the bridge; `port` is where the bridge wants its RTP."""

    def __init__(self, bridge_port, user, media):
        self.bridge = ("127.0.0.1", bridge_port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        # Where the bridge's own sound goes; nobody listens.
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.user, self.call_id, self.to = user, uuid.uuid4().hex, f"<sip:{user}@127.0.0.1>"
        sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {self.rtp.getsockname()[1]} RTP/AVP {media}"
        self.send("INVITE", 1, sdp)
        while True:
            answer = self.socket.recv(65536).decode("latin-1")
            status = int(answer.split(" ", 2)[1])
            if status >= 200:
                break
        self.to = re.search(r"(?im)^To:\s*(.*?)\r?$", answer)[1]
        self.send("ACK", 1)
        if status != 200:
            raise ValueError(f"answered with {status}")
        self.answer = answer.split("\r\n\r\n", 1)[1]
        self.port = int(re.search(r"(?m)^m=audio (\d+)", self.answer)[1])

    def send(self, method, number, body=""):
        host, port = self.socket.getsockname()
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} sip:{self.user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.call_id}{number}{method}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:red@127.0.0.1>;tag=red\r\nTo: {self.to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:red@{host}:{port}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.socket.sendto(text.encode(), self.bridge)

    def hang_up(self):
        self.send("BYE", 2)
        self.socket.close()
        self.rtp.close()
