"""The client machine: Debian's user-mode Linux kernel on the host's own files."""

import os
import subprocess
import threading
from pathlib import Path

from . import network
from .scenario import SUITE

# User-mode Linux cannot poll a plain file, so kernel messages come through a pipe with this number.
KERNEL_FD = 7


class Guest:
    def __init__(self, scenario, script, exchange, kernel_log):
        reading, writing = os.pipe()
        os.dup2(writing, KERNEL_FD)
        os.close(writing)
        self.process = subprocess.Popen(
            _command(scenario, script, exchange),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=[KERNEL_FD], cwd=exchange,
        )
        os.close(KERNEL_FD)
        threading.Thread(target=_copy, args=(reading, kernel_log), daemon=True).start()

    def lines(self):
        """What the guest says, line by line, until it powers off."""
        for line in self.process.stdout:
            yield line.decode(errors="replace").rstrip("\r\n")
        self.process.wait()

    def kill(self):
        self.process.kill()


def _command(scenario, script, exchange):
    return [
        "linux.uml", f"mem={scenario.memory}",
        "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={SUITE}/guest/init",
        # hybrid (receive raw, send through the tap) is the fastest of the transports.
        f"vec0:transport=hybrid,ifname={network.TAP},depth=256,gro=1",
        "con=null", "con0=null,fd:1", "ssl=null", f"ssl0=null,fd:{KERNEL_FD}",
        "console=ttyS0", "loglevel=7", "noreboot",
        f"umid={scenario.name}", f"uml_dir={exchange}/uml",
        # Words that the kernel does not know become init's environment.
        f"CAPSTAN_INTEROP={SUITE}", f"CAPSTAN_EXCHANGE={exchange}", f"CAPSTAN_SCENARIO={script}",
    ]


def _copy(descriptor, path):
    with open(descriptor, "rb", buffering=0) as source, Path(path).open("wb", buffering=0) as log:
        while chunk := source.read(65536):
            log.write(chunk)
