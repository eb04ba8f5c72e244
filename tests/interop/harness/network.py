"""The cable between host and guest: a tap device in a network namespace that nobody else uses."""

import subprocess
from pathlib import Path

TAP = "tap0"
HOST_ADDRESS = "10.99.0.1"


def create():
    """Lays the cable. The guest reaches the host as 10.99.0.1 and as 127.0.0.1 (see guest/boot)."""
    _ip("link", "set", "lo", "up")
    # Without vnet_hdr the guest complains about each large packet.
    _ip("tuntap", "add", "dev", TAP, "mode", "tap", "vnet_hdr")
    _ip("address", "add", f"{HOST_ADDRESS}/24", "dev", TAP)
    _ip("link", "set", TAP, "up")
    settings = Path("/proc/sys/net/ipv4/conf")
    (settings / TAP / "route_localnet").write_text("1")
    (settings / TAP / "rp_filter").write_text("0")
    (settings / "all" / "rp_filter").write_text("0")


def set_link(state):
    """Cuts host and guest off from each other (`down`), or joins them again (`up`).

    By the host's address: a tap device that goes down breaks the guest's end of it for good.
    """
    _ip("address", {"down": "del", "up": "add"}[state], f"{HOST_ADDRESS}/24", "dev", TAP)


def listens(pid, port):
    """Whether something listens on TCP `port` in the network namespace of process `pid`."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                return True
    return False


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)
