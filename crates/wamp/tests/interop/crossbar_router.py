"""Runs Crossbar.io as a router of the interoperation tests, and leaves nothing behind.

    python crossbar_router.py PATH_OF_CROSSBAR

Writes {"listening": "ws://127.0.0.1:PORT"} on stdout as soon as connections are accepted, and
stops the node, with all of its processes, when stdin ends: thus also when the driver is killed.
Everything that the node writes goes to stderr, which the driver shows when a cell fails.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

# The node ends by itself after this many seconds, should this program be killed with SIGKILL.
AT_MOST_SECONDS = 1800
START_SECONDS = 60
STOP_SECONDS = 5


def configuration(port):
    """One worker, one realm, everything allowed; anonymous by default, tickets for one principal."""
    everything = {
        "uri": "",
        "match": "prefix",
        "allow": {"call": True, "register": True, "publish": True, "subscribe": True},
        "disclose": {"caller": False, "publisher": False},
        "cache": True,
    }
    roles = [{"name": name, "permissions": [everything]} for name in ("anonymous", "user")]
    websocket = {
        "type": "websocket",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port},
        "serializers": ["cbor", "msgpack", "json"],
        "auth": {
            "anonymous": {"type": "static", "role": "anonymous"},
            "ticket": {
                "type": "static",
                "principals": {"alice": {"ticket": "open sesame", "role": "user"}},
            },
        },
    }
    router = {
        "type": "router",
        "options": {"disabled": False},
        "realms": [{"name": "realm1", "roles": roles}],
        "transports": [websocket],
    }
    return {"version": 2, "controller": {}, "workers": [router]}


def free_port():
    """Finds a port that nobody listens on. Another process could take it before the node does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(node, port):
    """Returns once a connection is accepted; fails when the node ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if node.poll() is not None:
            sys.exit(f"Crossbar.io ended with status {node.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"Crossbar.io did not listen on port {port} within {START_SECONDS} s")


def stop(node):
    """Ends the whole process group: the controller starts workers of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(node.pid, number)
        except ProcessLookupError:
            return
        try:
            node.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass


def main():
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="wamp-interop-crossbar-") as folder:
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as config:
            json.dump(configuration(port), config)
        node = subprocess.Popen(
            [sys.argv[1], "start", "--cbdir", folder, "--color", "false", "--loglevel", "warn"]
            + ["--shutdownafter", str(AT_MOST_SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
        )
        try:
            wait_until_listening(node, port)
            print(json.dumps({"listening": f"ws://127.0.0.1:{port}"}), flush=True)
            sys.stdin.read()
        finally:
            stop(node)


if __name__ == "__main__":
    main()
