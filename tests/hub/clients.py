"""Clients of the loopback Hub, each a process of its own with a home of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.hubserver import LoopbackHub

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {"alice": "hf_secretOfAlice", "bob": "hf_secretOfBob", "eve": "hf_secretOfEve"}
PRELUDE = """
import json, os, sys, time
from pathlib import Path
from zoo import hub

def tell(**facts):
    print("FACT " + json.dumps(facts, default=str), flush=True)

def attempt(name, call, *args, **kwargs):
    start = time.perf_counter()
    try:
        facts = {"value": str(call(*args, **kwargs))}
    except hub.HubError as error:
        facts = {k: getattr(error, k) for k in ("repo", "revision", "file", "cause", "remedy")}
        facts["text"] = str(error)
    tell(name=name, seconds=time.perf_counter() - start, **facts)
    return facts.get("value")
"""


@dataclass
class Said:
    """What a client process printed: facts by name, and everything as text."""

    facts: dict[str, dict[str, Any]]
    text: str
    code: int

    def __getitem__(self, name: str) -> dict[str, Any]:
        assert name in self.facts, self.text
        return self.facts[name]


@dataclass
class Client:
    """A user: her token, her own home and caches, and nothing of this process's environment."""

    hub: LoopbackHub
    home: Path
    user: str | None = "alice"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: os.environ[k] for k in ("PATH", "LANG", "LD_LIBRARY_PATH") if k in os.environ}
        token = {"HF_TOKEN": TOKENS[self.user]} if self.user else {}
        return {
            **kept,
            **token,
            "HOME": str(self.home),
            "HF_HOME": str(self.home / "hf"),
            "ZOO_CACHE": str(self.home / "zoo"),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "NO_PROXY": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def start(self, script: str, *args: object, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script, *map(str, args)],
            env=self.environment(**more),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def python(self, script: str, *args: object, **more: str) -> Said:
        """Run a script that uses `zoo.hub` or huggingface_hub; collect the facts that it tells."""
        return finished(self.start(script, *args, **more))

    def hf(self, *words: object, **more: str) -> str:
        """Run the `hf` tool; its output."""
        code = "from huggingface_hub.cli.hf import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            env=self.environment(HF_HUB_DISABLE_XET="1", **more),
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def finished(process: subprocess.Popen[str]) -> Said:
    with process:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    lines = [json.loads(line[5:]) for line in out.splitlines() if line.startswith("FACT ")]
    return Said({fact.pop("name"): fact for fact in lines}, out + err, process.returncode)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def publish(hub: LoopbackHub, repo: str, folder: Path, **changed: bytes) -> str:
    """Put a release on the Hub behind everybody's back; the commit."""
    found = hub.store.repos.get(repo) or hub.store.create(repo, "alice")
    files = {**contents(folder), **{k.replace("__", "."): v for k, v in changed.items()}}
    return hub.store.commit(found, "main", files, "alice", "behind your back").oid
