"""Runs what the guest asks of the host: `host VERB …` in guest/check.sh.

A request is a file `request-ID` in the exchange directory (words that end in NUL), renamed into
place; the reply is `output-ID`, then `answer-ID` with the exit status.
"""

import subprocess
import threading
from pathlib import Path

from . import gateway, network

POLL_SECONDS = 0.01
SHELL_SECONDS = 120


class Errands(threading.Thread):
    def __init__(self, exchange, served_gateway, scratch):
        super().__init__(daemon=True)
        self.exchange = Path(exchange)
        self.gateway = served_gateway
        self.scratch = Path(scratch)
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(POLL_SECONDS):
            for request in sorted(self.exchange.glob("request-*")):
                words = request.read_bytes().decode().split("\0")[:-1]
                identifier = request.name.removeprefix("request-")
                request.unlink()
                self._reply(identifier, *self._serve(words))

    def _reply(self, identifier, code, output):
        (self.exchange / f"output-{identifier}").write_bytes(output)
        partial = self.exchange / f".answer-{identifier}"
        partial.write_text(f"{code}\n")
        partial.rename(self.exchange / f"answer-{identifier}")

    def _serve(self, words):
        try:
            return self._dispatch(*words)
        except gateway.Refused as refusal:
            return 1, f"{refusal}\n".encode()
        except (subprocess.SubprocessError, TypeError, OSError) as error:
            return 99, f"host: {words}: {error}\n".encode()

    def _dispatch(self, verb, *arguments):
        actions = {
            "kill9": self.gateway.kill,
            "stop": self.gateway.stop,
            "start": self.gateway.start,
            "pause": lambda: self.gateway.signal(gateway.PAUSE),
            "resume": lambda: self.gateway.signal(gateway.RESUME),
            "link": lambda: network.set_link(*arguments),
        }
        if verb in actions:
            actions[verb]()
            return 0, b""
        if verb == "restart":
            self.gateway.stop()
            self.gateway.start()
            return 0, b""
        if verb == "capstan":
            ended = self.gateway.verb(arguments)
            return ended.returncode, ended.stdout
        if verb == "sh":
            return self._shell(["bash", "-c", *arguments], self.scratch)
        if verb == "block":
            return self._shell(self._block(*arguments), self._where())
        if verb == "serve":
            self.gateway.serve(self._block(*arguments), cwd=self._where(), env=self._environment())
            return 0, b""
        return 99, f"host: no verb {verb}\n".encode()

    def _shell(self, command, directory):
        ended = subprocess.run(
            command, cwd=directory, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SHELL_SECONDS, check=False
        )
        return ended.returncode, ended.stdout

    def _block(self, name):
        return ["bash", str(self.exchange / name)]

    def _where(self):
        """The directory in which the last block of a document ended."""
        note = self.exchange / "where"
        return note.read_text().rstrip("\n") if note.exists() else self.scratch

    def _environment(self):
        return self.gateway.environment() | {
            "EXCHANGE": str(self.exchange),
            "WHERE": str(self.exchange / "where"),
        }
