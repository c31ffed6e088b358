"""A bad line: a proxy that loses requests, loses answers to requests that arrived, and is cut for a while."""

from __future__ import annotations

import contextlib
import random
import socket
import threading


class Lossy:
    """Forwards to `to` on a port of its own. Each piece of a request is lost with probability `loss`, and the answer
    to one that arrived with the same again; `cut()` until `mend()` nothing passes. What is lost ends its connection,
    as a phone sees it."""

    def __init__(self, to: int, loss: float, seed: int = 7) -> None:
        self.loss, self.lost, self._to = loss, 0, to
        self._dice, self._up = random.Random(seed), True
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._up = False
        for one in list(self._open):
            _end(one)

    def mend(self) -> None:
        self._up = True

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        if not self._up:
            _end(near)
            return
        far = socket.create_connection(("127.0.0.1", self._to))
        self._open |= {near, far}
        mute = threading.Event()
        threading.Thread(target=self._answers, args=(far, near, mute), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if self._dice.random() < self.loss:
                    self.lost += 1
                    break
                if self._dice.random() < self.loss:
                    self.lost += 1
                    mute.set()  # it arrives, is done, and nobody hears of it
                far.sendall(data)
        if not mute.is_set():
            self._end_both(near, far)

    def _answers(self, far: socket.socket, near: socket.socket, mute: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if mute.is_set():
                    break
                near.sendall(data)
        self._end_both(near, far)

    def _end_both(self, *both: socket.socket) -> None:
        for one in both:
            self._open.discard(one)
            _end(one)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
