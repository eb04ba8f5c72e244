"""Runs the commands of a document: every fenced shell block, as it is written.

The word after `sh` says where; a block without one fails the scenario.

    ```sh host          on the gateway's machine; the directory stays for the next block
    ```sh host serve    the same for a command that does not end: goes on when it listens
    ```sh client        on the initiator's machine, as root; variables stay

A command that fails fails its block. Three commands are not what they seem, here and in the guest:
`git clone` gives the tree under test, `apt install` only checks that it could, `sudo` just runs.
`make run` builds nothing, because the binary under test is given.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from .scenario import SUITE

REPOSITORY = SUITE.parent.parent
SHELLS = {"sh", "bash", "shell", "console"}
FENCE = re.compile(r"^ *```(.*)$")

HOST_SHIMS = {
    "git": f'[ "$1" = clone ] && ln -s {REPOSITORY} "${{3:-$(basename "$2" .git)}}"',
    "sudo": 'exec "$@"',
    "apt": 'exec apt-get --simulate "$@"',
}

PROLOGUE = """\
sudo() { "$@"; }
apt() { apt-get --simulate "$@"; }
line=0
set -e -o pipefail
trap 'fail "{document} line $line" "$BASH_COMMAND"; exit 1' ERR
"""


@dataclass
class Block:
    line: int
    words: list
    text: str


def blocks(text):
    """Yields each fenced block of a Markdown text."""
    opened, info, lines = 0, "", []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if fence and not opened:
            opened, info, lines = number, fence[1], []
        elif fence:
            yield Block(opened, info.split(), "\n".join(lines))
            opened = 0
        elif opened:
            lines.append(line)


def prepare(document, exchange, scratch):
    """Writes the scenario's script and what it needs; returns the script."""
    script = [PROLOGUE.replace("{document}", document)]
    for block in blocks((REPOSITORY / document).read_text()):
        if block.words and block.words[0] in SHELLS:
            script += _commands(block, document, exchange)
    _shims(scratch)
    path = Path(exchange) / "document.sh"
    path.write_text("\n".join(script) + "\n")
    return path


def _commands(block, document, exchange):
    claim = f"{document} line {block.line}"
    match block.words[1:]:
        case ["client"]:
            commands = block.text
        case ["host"]:
            commands = f"host block {_host_script(block, exchange)}"
        case ["host", "serve"]:
            commands = f"host serve {_host_script(block, exchange)}"
        case _:
            return [f'fail "{claim}" "not marked as host, host serve or client"']
    return [f"line={block.line}", commands, f'pass "{claim}"']


def _host_script(block, exchange):
    path = Path(exchange) / f"block-{block.line}.sh"
    # Where the block ends is where the next one begins.
    path.write_text(f"set -e -o pipefail\ntrap 'pwd >\"$WHERE\"' EXIT\n{block.text}\n")
    return path.name


def _shims(scratch):
    directory = Path(scratch) / "bin"
    directory.mkdir()
    for name, text in HOST_SHIMS.items():
        shim = directory / name
        shim.write_text(f"#!/bin/sh\n{text}\n")
        shim.chmod(0o755)
