"""`make audit`: whether a vulnerability is known in anything that we lock. 0: in none; 1: in some; 2: nobody could say.

pip-audit passes over a package that its service does not know, and calls that no vulnerability; here it is an answer
that was not had.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = "requirements.txt"
ANSWER_SECONDS_MAX = 10


def main() -> int:
    """Ask about every locked package, and say what came of it."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--require-hashes", "--disable-pip"]
    quiet = ["--format", "json", "--progress-spinner", "off", "--timeout", str(ANSWER_SECONDS_MAX)]
    asked = subprocess.run([*command, *quiet], cwd=ROOT, capture_output=True, text=True, check=False)
    code, words = verdict(asked.stdout, asked.stderr)
    sys.stdout.write(words + "\n")
    return code


def verdict(answer: str, trouble: str) -> tuple[int, str]:
    """What pip-audit's JSON, or what it said instead, comes to: the exit code and words for people."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        last = (trouble.strip().splitlines() or ["it said nothing"])[-1]
        return 2, f"NOT AUDITED: the vulnerability service cannot be reached from here. pip-audit: {last[:300]}"
    bad = [f"{it['name']} {it['version']}: {flaw['id']}" for it in packages for flaw in it.get("vulns", ())]
    unknown = [it["name"] for it in packages if "skip_reason" in it]
    if bad:
        return 1, "\n".join(["known vulnerabilities:", *bad])
    if unknown or not packages:
        few = ", ".join(unknown[:5])
        return 2, f"NOT AUDITED: the vulnerability service knows nothing of {len(unknown)} of {len(packages)}: {few} …"
    return 0, f"no vulnerability is known in any of {len(packages)} packages"


if __name__ == "__main__":
    sys.exit(main())
