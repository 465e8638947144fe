# SPDX-License-Identifier: GPL-2.0-only
"""Case of tests/harness/run: the newcomer's walk of CONTRIBUTING.md, command by command."""
import os
import pathlib
import re
import shutil
import subprocess

import harness
from harness import case, check, environment

TRIES = 3  # of a run that a busy host made inconclusive
ROOT = pathlib.Path(__file__).resolve().parents[2]


def repository():
    """The working tree as it is, in a repository of its own."""
    def git(*arguments):
        return subprocess.run(["git", "-c", "user.name=ktest", "-c", "user.email=ktest@localhost",
                               "-C", str(tree), *arguments], check=True, capture_output=True)

    tree = harness.work / "origin"
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(lambda name: (ROOT / name).exists(), listed.stdout.splitlines()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "working tree")
    return tree


def steps():
    """Commands, and the lines they are said to print."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walk = re.search(r"^## A first walk$(.*?)^## ", text, re.M | re.S).group(1)
    found = re.findall(r"^```sh\n(.*?)^```\n+```\n(.*?)^```$", walk, re.M | re.S)
    check(len(found) == walk.count("```sh") == 3, found)
    return [(commands, said.splitlines()) for commands, said in found]


def in_order(said, lines):
    """Each line is among those printed, in this order; "..." stands for any, a number for any."""
    printed = iter(re.sub(r"\d+", "0", line) for line in said.splitlines())
    for line in lines:
        if line != "...":
            check(re.sub(r"\d+", "0", line) in printed, f"'{line}' is not printed:\n{said}")


@case
def first_walk_works():
    """Clone, unit tests, a scenario that is dropped in, and its check broken."""
    where, stands = harness.work, harness.work / "stands-at"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    env = environment(False, XDG_CACHE_HOME=str(harness.work / "cache"),
                      CCACHE_DIR=os.environ.get("CCACHE_DIR") or str(cache / "ccache"),
                      XDG_STATE_HOME=str(harness.work / "state"), GIT_CONFIG_COUNT="1",
                      GIT_CONFIG_KEY_0=f"url.{repository()}.insteadOf",
                      GIT_CONFIG_VALUE_0="https://HOST/ktest")
    for commands, lines in steps():
        for _ in range(TRIES):
            done = subprocess.run(["sh", "-ec", f"{commands}\npwd >{stands}"], cwd=where, env=env,
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if "INCONCLUSIVE" not in done.stdout:
                break
        check(done.returncode == 0, commands, done.stdout)
        in_order(done.stdout, lines)
        where = stands.read_text().strip()
    print(f"{sum(os.times()[2:4]):.0f} s of CPU time")
