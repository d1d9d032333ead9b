# ruff: noqa: S310
# mypy: ignore-errors
"""Runs on the host (Python 3.6 or later, nothing else): which package mirrors answer?

Reads questions from stdin (see mirror_questions in probe.sh), prints one line for each:
``mirror=<kind> <result> <seconds> <url> <detail>``. Results: ok, http, dns, refused, timeout, tls,
proxy, route, other. Everything at once, done after LIMIT seconds whatever happens.
"""

import os
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request

LIMIT = 9
TIMEOUT = 8


def read_questions(stream):
    settings, tries = {}, []
    for line in stream:
        key, _, value = line.rstrip("\n").partition(" ")
        if key == "ca":
            settings["ca"] = stream.read().strip()
        elif key == "try":
            tries.append(tuple(value.split(" ", 1)))
        else:
            settings[key] = value
    return settings, tries


def proxies_for(kind, url, settings):
    scheme = url.partition(":")[0]
    proxy = settings.get(scheme + "_proxy") or ""
    if not proxy and kind.startswith("apt"):
        proxy = settings.get("apt_" + scheme + "_proxy") or ""
    elif not proxy and not kind.startswith("apt"):
        proxy = os.environ.get(scheme + "_proxy") or ""
    host = urllib.request.urlparse(url).hostname or ""
    exceptions = {"no": settings.get("no_proxy") or os.environ.get("no_proxy", "")}
    if not proxy or urllib.request.proxy_bypass_environment(host, exceptions):
        return {}
    return {scheme: proxy if "//" in proxy else "http://" + proxy}


def cause(error, proxied):
    """Name what an exception means to a sysadmin."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return "tls", getattr(reason, "verify_message", "") or str(reason)
    if "Tunnel connection failed" in str(reason):
        return "proxy", str(reason)
    known = "other"
    if isinstance(reason, (socket.timeout, TimeoutError)):
        known = "timeout"
    elif isinstance(reason, socket.gaierror):
        known = "dns"
    elif isinstance(reason, ConnectionError):
        known = "refused"
    elif isinstance(reason, OSError):
        known = "route"
    return ("proxy" if proxied and known != "timeout" else known), str(reason)


def ask(kind, url, settings):
    context = ssl.create_default_context()
    if settings.get("ca"):
        context.load_verify_locations(cadata=settings["ca"])
    proxies = proxies_for(kind, url, settings)
    handlers = [urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context)]
    parts = urllib.request.urlparse(url)
    headers = {"User-Agent": "localcloud-check", "Accept": "*/*"}
    if parts.username:
        import base64

        login = urllib.request.unquote(f"{parts.username}:{parts.password or ''}")
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        place = parts.hostname + (f":{parts.port}" if parts.port else "")
        url = parts._replace(netloc=place).geturl()
    opener = urllib.request.build_opener(*handlers)
    try:
        opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT).close()
        return "ok", ""
    except urllib.error.HTTPError as error:
        return ("proxy" if error.code == 407 else "http"), f"{error.code} {error.reason}"
    except Exception as error:
        return cause(error, bool(proxies))


def main():
    settings, tries = read_questions(sys.stdin)
    waiting = set(range(len(tries)))
    lock = threading.Lock()
    begin = time.time()

    def report(number, result, detail):
        with lock:
            if number not in waiting:
                return
            kind, url = tries[number]
            words = (kind, result, f"{time.time() - begin:.2f}", url, " ".join(detail.split()))
            sys.stdout.write("mirror=" + " ".join(words).rstrip() + "\n")
            sys.stdout.flush()
            waiting.discard(number)  # last: the main thread ends the process once none waits

    def work(number):
        try:
            report(number, *ask(tries[number][0], tries[number][1], settings))
        except Exception as error:
            report(number, "other", f"{type(error).__name__}: {error}")

    for number in range(len(tries)):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    while waiting and time.time() < begin + LIMIT:
        time.sleep(0.02)
    for number in list(waiting):
        report(number, "timeout", "")
    os._exit(0)  # a thread may hang in the resolver; nothing waits for it


if __name__ == "__main__":
    main()
