"""The daemon under test, as a process that scenarios may kill, pause and start again."""

import os
import signal
import subprocess
import time
from pathlib import Path

from . import network

PORT = 3260
START_SECONDS = 30
STOP_SECONDS = 5  # what `capstan serve` promises after SIGTERM


class Gateway:
    def __init__(self, binary, data, arguments, log):
        self.command = [binary, "serve", "--data", str(data), *arguments]
        self.binary = binary
        self.data = Path(data)
        self.log = Path(log)
        self.process = None

    def start(self):
        """Starts the daemon and waits until it listens."""
        if self.running():
            raise Refused("the gateway runs already")
        self.serve(self.command, cwd=self.data.parent)

    def serve(self, command, **options):
        """Starts the daemon through a command that may be a shell or make."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **options
            )
        self._wait_until_it_listens()

    def kill(self):
        """SIGKILL, and gone when this returns."""
        self._require_running()
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, as Ctrl-C to all of its processes; the promise is an end within five seconds."""
        self._require_running()
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Refused(f"still there {STOP_SECONDS} s after SIGTERM: {self.log_tail()}") from None
        # A shell or make in between ends by the signal.
        if code not in (0, -signal.SIGTERM):
            raise Refused(f"ended with {code} after SIGTERM: {self.log_tail()}")
        if self.process.args == self.command and code != 0:
            raise Refused(f"ended by the signal instead of in order: {self.log_tail()}")

    def signal(self, number):
        self._require_running()
        self.process.send_signal(number)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def verb(self, arguments):
        """One of the command line's verbs on this gateway's data directory."""
        return subprocess.run(
            [self.binary, *arguments], env=self.environment(), cwd=self.data.parent, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
        )

    def environment(self):
        """For the command line, and for commands on the host."""
        scratch = self.data.parent
        return os.environ | {
            "CAPSTAN_DATA": str(self.data),
            "PATH": f"{scratch}/bin:{scratch}/target/release:{os.environ['PATH']}",
            # `make run` finds the binary under test and does not build.
            "CARGO": "true",
            "CARGO_TARGET_DIR": f"{scratch}/target",
        }

    def log_tail(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return " | ".join(lines[-5:])

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + START_SECONDS
        while not network.listens("self", PORT):
            if not self.running():
                raise Refused(f"the gateway ended with {self.process.returncode}: {self.log_tail()}")
            if time.monotonic() > deadline:
                raise Refused(f"nothing listens on port {PORT} after {START_SECONDS} s")
            time.sleep(0.02)

    def _require_running(self):
        if not self.running():
            raise Refused(f"the gateway does not run: {self.log_tail()}")


class Refused(Exception):
    """What a scenario asked for did not happen; the text says why."""


PAUSE = signal.SIGSTOP
RESUME = signal.SIGCONT
