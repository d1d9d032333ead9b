"""One user against another: homes, servers, ports, shared data; and the limits in force."""

import json
import posixpath
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests
import websocket

from localcloud.i18n import _
from localcloud.journey import probes
from localcloud.journey.accounts import Account
from localcloud.journey.browser import Browser, path_of
from localcloud.journey.failure import StepFailed
from localcloud.journey.kernel import connect
from localcloud.journey.pages import Page
from localcloud.journey.steps import Student

_LISTEN = 1.5  # seconds of listening to another kernel's output


def ask(student: Student, probe: Callable[..., object], *arguments: object) -> Any:
    """Run a probe in a student's kernel; its answer as plain data."""
    printed = student.run(probes.cell(probe, *arguments))
    return json.loads(printed.strip().splitlines()[-1])


def check_home(student: Student, other: Student, account: Account) -> None:
    """No way into the other's home, by the path of the host and by the one its kernel knows."""
    if not account.home and student.file_path == other.file_path:
        # In pods the same path is another file for each, unless two share one volume.
        found = ask(student, probes.read_file, other.file_path)
        if other.secret in found:
            names = {"user": student.name, "other": other.name}
            raise StepFailed("journey_home_open", path=other.file_path, **names)
        return
    folders = {account.home, posixpath.dirname(other.file_path)}
    for folder in sorted(filter(None, folders)):
        files = {other.file_path, f"{folder}/{posixpath.basename(other.file_path)}"}
        reached = ask(student, probes.reach_files, folder, sorted(files))
        if reached:
            raise StepFailed(
                "journey_home_open", user=student.name, other=other.name, path=", ".join(reached)
            )
    if ask(student, probes.read_tokens, other.name):
        raise StepFailed("journey_token_open", user=student.name, other=other.name)


def check_server(student: Student, other: Student, ca_file: Any = None) -> None:
    """Neither the other student nor a visitor gets into a running server through the hub."""
    visitor = Browser(student.browser.url, ca_file, student.browser.timeout)
    for name, browser in ((student.name, student.browser), (_("A visitor"), visitor)):
        _check_pages(browser, name, other)
        _check_socket(browser, name, other)
    visitor.close()
    # The hub's own API last: were this to work, the other's server would be gone.
    address = f"{student.hub_url}api/users/{quote(other.name)}"
    for method, path in (("GET", address), ("DELETE", f"{address}/server")):
        if student.browser.api(method, path).status_code < 400:
            _server_open(student.name, other, path)


def _check_pages(browser: Browser, name: str, other: Student) -> None:
    for path in ("api/contents", f"files/{posixpath.basename(other.file_path)}", "lab"):
        address = other.server_url + path
        for response in (_insist(browser, address), browser.api("GET", address)):
            inside = path_of(response.url).startswith(path_of(other.server_url))
            form = Page(response.text).login_form
            if response.status_code < 400 and inside and form is None:
                _server_open(name, other, address)


def _insist(browser: Browser, address: str) -> requests.Response:
    """Open a page and press "Authorize" if the hub offers that to somebody who may go in."""
    response = browser.visit(address)
    page = Page(response.text)
    offered = path_of(response.url).endswith("/oauth2/authorize") and page.forms
    if offered and response.status_code < 400:
        return browser.submit(page.forms[-1], response.url, {})
    return response


def _check_socket(browser: Browser, name: str, other: Student) -> None:
    address = f"{other.kernel_url}/channels"
    try:
        connect(browser, address, browser.timeout).close()
    except (websocket.WebSocketException, OSError):
        return
    _server_open(name, other, address)


def _server_open(name: str, other: Student, address: str) -> None:
    raise StepFailed("journey_server_open", user=name, other=other.name, path=path_of(address))


def check_ports(student: Student, other: Student, account: Account) -> str:
    """From one kernel straight to the other's ports, past the hub and its proxy."""
    if not account.unix_name:
        return check_pods(student, other)
    data = {"user": student.name, "other": other.name}
    ports = ask(student, probes.ports_of, account.unix_name)
    if not ports:
        return _("No port of another user's server can be seen from a kernel.")
    base = path_of(other.server_url)
    paths = [f"{base}api/contents", f"{base}lab", "/api/contents"]
    for port, path, status in ask(student, probes.ask_ports, ports, paths):
        if 200 <= status < 300:
            raise StepFailed("journey_port_open", f"HTTP {status} {path}", port=port, **data)
    talk = f"import time\nfor i in range(22): print({other.secret!r}, flush=True); time.sleep(.1)"
    talker = threading.Thread(target=_quietly, args=(other, talk), daemon=True)
    talker.start()
    heard = ask(student, probes.overhear, ports, _LISTEN)
    talker.join(other.browser.timeout)
    if heard:
        raise StepFailed("journey_output_open", port=", ".join(map(str, heard)), **data)
    return _("Ports of another user's server on the host, all closed: {ports}.").format(
        ports=", ".join(map(str, ports))
    )


def check_pods(student: Student, other: Student) -> str:
    """From one pod straight to the other's server, which the cluster's policies should forbid."""
    addresses, port = ask(other, probes.own_addresses)
    paths = [f"{path_of(other.server_url)}api/contents", "/api/contents"]
    answers = ask(student, probes.ask_ports, [port], paths, addresses)
    for _port, path, status in answers:
        if 200 <= status < 300:
            details = f"HTTP {status} {path}"
            names = {"user": student.name, "other": other.name}
            raise StepFailed("journey_port_open", details, port=port, **names)
    if answers:
        return _("Another user's pod can be reached, but asks for a login.")
    return _("Another user's pod cannot be reached from a kernel.")


def _quietly(student: Student, code: str) -> None:
    try:
        student.run(code)
    except StepFailed:  # it only has to talk while the other one listens
        return


def check_shared(student: Student, path: str) -> None:
    readable, writable = ask(student, probes.try_folder, path)
    if not readable:
        raise StepFailed("journey_shared_unreadable", user=student.name, path=path)
    if writable:
        raise StepFailed("journey_shared_writable", user=student.name, path=path)


def tell_limits(student: Student) -> str:
    """What limits a notebook: a remark, never a failure."""
    seen = ask(student, probes.limits)
    if seen["memory"]:
        text = _("Memory limit of a notebook: {mib} MiB.").format(mib=seen["memory"] // 2**20)
    elif seen["MEM_LIMIT"]:
        text = _("The hub announces a memory limit, but none can be seen from a notebook.")
    else:
        text = _("No memory limit can be seen from a notebook.")
    if seen["CPU_LIMIT"]:
        text += " " + _("CPU limit: {cores} cores.").format(cores=seen["CPU_LIMIT"])
    return text
