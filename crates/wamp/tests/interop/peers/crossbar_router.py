"""Runs Crossbar.io as a router of the interoperation tests, and leaves nothing behind.

    python crossbar_router.py PATH_OF_CROSSBAR FOLDER

FOLDER holds server.pem and server.key. Writes {"listening": {"ws": "ws://127.0.0.1:PORT", ..}},
with a URL for each of ws, wss, rs, rss and unix, on stdout as soon as all accept connections, and
stops the node, with all of its processes, when stdin ends: thus also when the driver is killed.
Everything that the node writes goes to stderr, which the driver shows when a cell fails.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOST = "127.0.0.1"

# The node ends by itself after this many seconds, should this program be killed with SIGKILL.
AT_MOST_SECONDS = 1800
START_SECONDS = 60
STOP_SECONDS = 5


def configuration(ports, path, certificates):
    """One worker, one realm, everything allowed; anonymous by default, tickets for one principal."""
    everything = {
        "uri": "",
        "match": "prefix",
        "allow": {"call": True, "register": True, "publish": True, "subscribe": True},
        "disclose": {"caller": False, "publisher": False},
        "cache": True,
    }
    roles = [{"name": name, "permissions": [everything]} for name in ("anonymous", "user")]
    tls = {
        "key": os.path.join(certificates, "server.key"),
        "certificate": os.path.join(certificates, "server.pem"),
    }

    def transport(name, endpoint):
        return {
            "type": "websocket" if name in ("ws", "wss") else "rawsocket",
            "endpoint": endpoint,
            "serializers": ["cbor", "msgpack", "json"],
            "auth": {
                "anonymous": {"type": "static", "role": "anonymous"},
                "ticket": {
                    "type": "static",
                    "principals": {"alice": {"ticket": "open sesame", "role": "user"}},
                },
            },
        }

    transports = [transport("unix", {"type": "unix", "path": path})]
    for name, port in ports.items():
        endpoint = {"type": "tcp", "interface": HOST, "port": port}
        if name in ("wss", "rss"):
            endpoint["tls"] = tls
        transports.append(transport(name, endpoint))
    router = {
        "type": "router",
        "options": {"disabled": False},
        "realms": [{"name": "realm1", "roles": roles}],
        "transports": transports,
    }
    return {"version": 2, "controller": {}, "workers": [router]}


def free_ports(names):
    """Finds ports that nobody listens on. Another process could take one before the node does."""
    with contextlib.ExitStack() as probes:
        ports = {}
        for name in names:
            probe = probes.enter_context(socket.socket())
            probe.bind((HOST, 0))
            ports[name] = probe.getsockname()[1]
        return ports


def wait_until_listening(node, family, address):
    """Returns once a connection is accepted; fails when the node ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if node.poll() is not None:
            sys.exit(f"Crossbar.io ended with status {node.returncode} before it listened")
        with socket.socket(family) as probe:
            if probe.connect_ex(address) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"Crossbar.io did not listen on {address} within {START_SECONDS} s")


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
    crossbar, certificates = sys.argv[1:]
    ports = free_ports(["ws", "wss", "rs", "rss"])
    with tempfile.TemporaryDirectory(prefix="wamp-interop-crossbar-") as folder:
        path = os.path.join(folder, "socket")
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as config:
            json.dump(configuration(ports, path, certificates), config)
        node = subprocess.Popen(
            [crossbar, "start", "--cbdir", folder, "--color", "false", "--loglevel", "warn"]
            + ["--shutdownafter", str(AT_MOST_SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
        )
        try:
            for port in ports.values():
                wait_until_listening(node, socket.AF_INET, (HOST, port))
            wait_until_listening(node, socket.AF_UNIX, path)
            urls = {name: f"{name}://{HOST}:{port}" for name, port in ports.items()}
            urls["unix"] = f"unix:{path}"
            print(json.dumps({"listening": urls}), flush=True)
            sys.stdin.read()
        finally:
            stop(node)


if __name__ == "__main__":
    main()
