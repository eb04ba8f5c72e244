"""A scenario: a shell script for the guest whose first comment lines say what it needs.

    # STORY, one sentence
    # serve: arguments of `capstan serve`             (the data directory comes by itself)
    # disk: 64M          the data directory is a file system of this size
    # the scenario starts the gateway
    # document: README.md                             (the commands are those of a document)
    # timeout: 180       seconds, from boot to power-off
    # memory: 1G         of the guest
    # by hand            runs only when it is named
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

SUITE = Path(__file__).resolve().parent.parent
SCENARIOS = SUITE / "scenarios"
DEFAULT_TIMEOUT_SECONDS = 180
DEFAULT_MEMORY = "768M"


@dataclass
class Scenario:
    name: str
    script: Path
    story: str = ""
    serve: list = field(default_factory=list)
    disk: str = ""
    document: str = ""
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    memory: str = DEFAULT_MEMORY
    by_hand: bool = False
    starts_gateway: bool = True


def load(name):
    script = SCENARIOS / f"{name}.sh"
    if not script.is_file():
        raise SystemExit(f"interop: no scenario {name}; there are: {' '.join(names())}")
    scenario = Scenario(name, script)
    for line in script.read_text().splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("# shellcheck"):
            continue
        _apply(scenario, line.lstrip("# "))
    return scenario


def names():
    return sorted(path.stem for path in SCENARIOS.glob("*.sh"))


def _apply(scenario, line):
    setting = re.fullmatch(r"(serve|disk|document|timeout|memory): *(.*)", line)
    if line == "by hand":
        scenario.by_hand = True
    elif line == "the scenario starts the gateway":
        scenario.starts_gateway = False
    elif not setting:
        scenario.story = f"{scenario.story} {line}".strip()
    elif setting[1] == "serve":
        scenario.serve += shlex.split(setting[2])
    elif setting[1] == "timeout":
        scenario.timeout_seconds = int(setting[2])
    else:
        setattr(scenario, setting[1], setting[2])
