"""A small server that stands in for a part: `python stub.py PORT [MODE]`, PORT a number or a variable that holds it.

Modes: `dies` says why and ends with code 3; `deaf` listens to no SIGTERM; `family` starts a child whose process id it
prints; `silent` never answers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the log for what the tests look for."""


def main(port: int, mode: str = "") -> None:
    print("the stub was started", flush=True)
    if mode == "dies":
        print("the stub has no reason to live", flush=True)
        sys.exit(3)
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "family":
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        print(f"child {child.pid}", flush=True)
    while mode == "silent":
        time.sleep(60)
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(os.environ.get(sys.argv[1], sys.argv[1])), *sys.argv[2:])
