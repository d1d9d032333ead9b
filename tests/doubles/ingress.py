#!/usr/bin/python3
"""Stand-in for Traefik on a test cluster: passes port 80 (and 443, with the hub's certificate) on.

As the load balancer of k3s it takes the ports by rules of the firewall: nothing listens on them.
It knows one Service, the hub's proxy-public, and routes nothing: hosts, paths, redirects and
middlewares are not looked at. Runs on a node as root: ``ingress.py NAMESPACE KUBECTL…``.
"""

import asyncio
import base64
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from functools import cache


def kube(*words: str) -> dict:
    done = subprocess.run([*sys.argv[2:], *words, "-o", "json"], capture_output=True, text=True)
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def certificate() -> ssl.SSLContext | None:
    """What the Ingress's secret holds; it is read once, when it is there."""
    data = kube("get", "secret", "hub-tls", "--namespace", sys.argv[1]).get("data")
    if not data:
        return None
    with tempfile.NamedTemporaryFile("wb", suffix=".pem") as pem:
        for name in ("tls.key", "tls.crt"):
            pem.write(base64.b64decode(data[name]) + b"\n")
        pem.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem.name)
    return context


@cache
def address() -> str:
    service = kube("get", "service", "proxy-public", "--namespace", sys.argv[1])
    return str(service["spec"]["clusterIP"])


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inside = await asyncio.wait_for(asyncio.open_connection(address(), 80), 3)
    except (OSError, KeyError, TimeoutError):
        writer.close()
        address.cache_clear()
        return
    await asyncio.gather(pump(reader, inside[1]), pump(inside[0], writer))


def take(port: int, target: int, verb: str = "-A") -> bool:
    """Lead a port of the node's own addresses to this program; k3s brings iptables with it.

    With ``-D`` as its verb it is given back.
    """
    own = "/var/lib/rancher/k3s/data/current/bin"
    places = f"/usr/sbin:/sbin:/usr/bin:/bin:{own}:{own}/aux"
    program = shutil.which("iptables", path=places)
    if program is None:
        return False
    rule = f"-p tcp --dport {port} -m addrtype --dst-type LOCAL -j REDIRECT --to-ports {target}"
    for chain in ("PREROUTING", "OUTPUT"):
        command = [program, "-t", "nat", verb, chain, *rule.split()]
        done = subprocess.run(command, env={"PATH": places}, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return False
    return True


async def main() -> None:
    await asyncio.start_server(serve, None, 10080)
    while not await asyncio.to_thread(take, 80, 10080):
        await asyncio.sleep(1)
    while not (known := await asyncio.to_thread(certificate)):
        await asyncio.sleep(1)
    server = await asyncio.start_server(serve, None, 10443, ssl=known)
    await asyncio.to_thread(take, 443, 10443)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        take(80, 10080, "-D")
        take(443, 10443, "-D")
    else:
        asyncio.run(main())
