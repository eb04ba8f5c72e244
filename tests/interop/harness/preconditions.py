"""What a machine must have to run the real clients; each lack is a sentence for a person."""

import os
import shutil
import subprocess
from pathlib import Path

TOOLS = {
    "linux.uml": "user-mode-linux",
    "iscsiadm": "open-iscsi",
    "mtx": "mtx",
    "mt-st": "mt-st",
    "sg_inq": "sg3-utils",
    "lsscsi": "lsscsi",
    "stenc": "stenc",
    "ip": "iproute2",
    "modprobe": "kmod",
    "sysctl": "procps",
    "unshare": "util-linux",
    "tshark": "tshark",
}
FILES = {
    "/lib/systemd/systemd-udevd": "udev",
    "/etc/bacula/scripts/mtx-changer": "bacula-sd",
}


def missing():
    """Returns the reasons why the scenarios cannot run here; empty when they can."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    os.environ["PATH"] = search
    packages = [package for tool, package in TOOLS.items() if not shutil.which(tool, path=search)]
    packages += [package for file, package in FILES.items() if not Path(file).exists()]
    reasons = [f"package {package} is not installed" for package in packages]
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        reasons.append("/dev/net/tun cannot be opened: no tap device for the client machine")
    return reasons or _namespaces()


def _namespaces():
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc",
               "ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "vnet_hdr"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return []
    return [f"no namespace with a tap device can be made (as root it can): {ended.stderr.strip()}"]
