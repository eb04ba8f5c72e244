"""One scenario, from the first process of its namespaces: `python -m harness.inside …`.

../run starts this under unshare(1): network, mounts and process numbers are this scenario's own.
When this process ends, however it ends, the kernel ends the daemon and the guest and takes the tap
device and the mounts away; nothing needs to be cleaned up.
"""

import argparse
import subprocess
import sys
import threading
from pathlib import Path

from . import document, network, scenario
from .errands import Errands
from .gateway import Gateway, Refused
from .guest import Guest


def main():
    options = _options()
    story = scenario.load(options.scenario)
    work = Path(options.work)
    exchange = work / "exchange"
    scratch = work / "scratch"
    for directory in (exchange, scratch):
        directory.mkdir()
    if story.disk:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={story.disk}", "tmpfs", str(scratch)], check=True
        )
    network.create()
    _install(options.capstan, scratch)
    script = story.script
    if story.document:
        script = document.prepare(story.document, exchange, scratch)
    gateway = Gateway(options.capstan, scratch / "data", story.serve, work / "gateway.log")
    if story.starts_gateway:
        try:
            gateway.start()
        except (Refused, OSError) as failure:
            print(f"not ok the gateway starts: {failure}", flush=True)
            return 1
    Errands(exchange, gateway, scratch).start()
    ended = _run_guest(story, script, exchange, work)
    healthy = _end_of_gateway(story, gateway)
    return 0 if ended and healthy else 1


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--capstan", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("scenario")
    return parser.parse_args()


def _install(binary, scratch):
    """Puts the binary where `make` and a shell find it: see Gateway.environment."""
    release = scratch / "target" / "release"
    release.mkdir(parents=True)
    (release / "capstan").symlink_to(binary)


def _run_guest(story, script, exchange, work):
    """Passes the guest's lines on; true when the scenario came to its end."""
    guest = Guest(story, script, exchange, work / "kernel.log")
    late = threading.Event()

    def on_deadline():
        late.set()
        guest.kill()

    deadline = threading.Timer(story.timeout_seconds, on_deadline)
    deadline.daemon = True
    deadline.start()
    ended = False
    with (work / "guest.log").open("w") as log:
        for line in guest.lines():
            if line == "end":
                ended = True
            elif line.startswith(("ok ", "not ok ", "# ")):
                print(line, flush=True)
            else:
                log.write(line + "\n")
                log.flush()
    deadline.cancel()
    if late.is_set():
        print(f"not ok the scenario ends within {story.timeout_seconds} s", flush=True)
    elif not ended:
        print("not ok the scenario runs to its end: see guest-kernel.log, kernel.log", flush=True)
    return ended


def _end_of_gateway(story, gateway):
    """The daemon has survived the scenario and ends in order."""
    if not gateway.running():
        if story.starts_gateway:
            print(f"not ok the gateway lives to the end: {gateway.log_tail()}", flush=True)
        return not story.starts_gateway
    try:
        gateway.stop()
    except Refused as failure:
        print(f"not ok the gateway ends within 5 s of SIGTERM: {failure}", flush=True)
        return False
    print("ok the gateway lives to the end and stops on SIGTERM", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
