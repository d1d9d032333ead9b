"""What a student does: open, log in, start the server, run a cell, save a file, stop, log out."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import requests

from localcloud.journey.accounts import Login
from localcloud.journey.browser import Browser, expect_page, json_object, path_of, said
from localcloud.journey.failure import StepFailed
from localcloud.journey.kernel import Kernel
from localcloud.journey.pages import Form, Page, hub_base
from localcloud.journey.recorder import Recorder
from localcloud.journey.spawn import start_server

NOTEBOOK = "localcloud-journey.ipynb"
FILE = "localcloud-journey.txt"
_EMPTY_NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Student:
    """One user on the way through the hub; each method is a step and raises StepFailed."""

    def __init__(
        self,
        login: Login,
        url: str,
        recorder: Recorder,
        *,
        ca_file: Path | None = None,
        timeout: float = 180,
        answer_timeout: float = 60,
    ) -> None:
        """``timeout``: seconds for a server to start or stop; ``answer_timeout``: for one page."""
        self.name = login.name
        self._login = login
        self._recorder = recorder
        self._ca_file = ca_file
        self._timeout = timeout
        self.browser = Browser(url, ca_file, answer_timeout)
        self.hub_url = urljoin(url, "/hub/")
        self.server_url = urljoin(url, f"/user/{quote(login.name)}/")
        self.kernel: Kernel | None = None
        self.kernel_url = ""
        self.file_path = ""
        self.secret = secrets.token_hex(12)
        self.spawned = self.logged_in = False
        self.kernel_lock = threading.Lock()
        self._form: tuple[Form, str] | None = None

    # -- the two halves of the way ------------------------------------------------------------

    def begin(self) -> bool:
        """From the address to a saved file; True if all of it went well."""
        way: dict[str, Callable[[], str | None]] = {
            "page": self.open_page,
            "closed": self.check_closed,
            "login": self.log_in,
            "spawn": self.spawn,
            "server": self.enter_server,
            "kernel": self.open_kernel,
            "cell": self.run_cell,
            "file": self.save_file,
        }
        return all(self.attempt(name, action) for name, action in way.items())

    def end(self) -> None:
        """Stop and log out, as far as the way in went."""
        if self.kernel:
            self.kernel.close()
        if self.spawned:
            self.attempt("stop", self.stop_server)
        if self.logged_in:
            self.attempt("logout", self.log_out)
        self.browser.close()

    def attempt(self, name: str, action: Callable[[], str | None]) -> bool:
        return self._recorder.attempt(name, self.name, action)

    # -- steps --------------------------------------------------------------------------------

    def open_page(self) -> None:
        response = self.browser.visit(self.browser.url)
        page = expect_page(response)
        if page.login_form is None:
            raise StepFailed("journey_no_login_form", page.text[:300], address=response.url)
        self._form = (page.login_form, response.url)
        base = hub_base(page) or path_of(response.url).rpartition("/login")[0] + "/"
        self.hub_url = urljoin(response.url, base)
        root = self.hub_url.removesuffix("hub/")
        self.server_url = urljoin(root, f"user/{quote(self.name)}/")

    def check_closed(self) -> None:
        """A visitor without a login sees the login form, or a refusal."""
        visitor = Browser(self.browser.url, self._ca_file, self.browser.timeout)
        for address in (self.hub_url + "home", self.server_url, self.hub_url + "api/users"):
            response = visitor.visit(address)
            refused = response.status_code in {401, 403, 404}
            if not refused and Page(response.text).login_form is None:
                expect_page(response)
                raise StepFailed("journey_not_closed", address=address)
        visitor.close()

    def log_in(self) -> None:
        assert self._form is not None  # noqa: S101 - open_page went well
        form, page_url = self._form
        filled = _credentials(form, self._login)
        response = self.browser.submit(form, page_url, filled, follow=False)
        self._check_login(response)
        # The home page, not the redirect of the login: that one may start the server already,
        # and its time belongs to the next step.
        self._check_login(self.browser.visit(self.hub_url + "home"))
        self.logged_in = True

    def _check_login(self, response: requests.Response) -> None:
        page = Page(response.text)
        refused = response.status_code in {401, 403} or page.login_form is not None
        if refused:
            words = page.error or page.text[:300]
            details = f"HTTP {response.status_code}: {words}"
            raise StepFailed("journey_login_refused", details, user=self.name)
        if response.status_code >= 400:
            expect_page(response)

    def spawn(self) -> None:
        home = Page(self.browser.visit(self.hub_url + "home").text)
        start = urljoin(self.hub_url, home.links.get("start") or f"spawn/{quote(self.name)}")
        self.spawned = True
        start_server(
            self.browser,
            start,
            self.server_url,
            user=self.name,
            timeout=self._timeout,
            cancelled=self._recorder.cancelled,
        )

    def enter_server(self) -> None:
        """Through the hub's OAuth redirects to the server's first page."""
        response = self.browser.visit(self.server_url)
        page = Page(response.text)
        inside = path_of(response.url).startswith(path_of(self.server_url))
        if response.status_code >= 400 or not inside or not self.browser.xsrf(self.server_url):
            details = f"HTTP {response.status_code} {response.url}: {page.error or page.text[:300]}"
            raise StepFailed("journey_server_closed", details, user=self.name)

    def open_kernel(self) -> None:
        content = {"type": "notebook", "format": "json", "content": _EMPTY_NOTEBOOK}
        self.server_api("PUT", f"contents/{NOTEBOOK}", content, "journey_file_failed")
        specs = self.server_api("GET", "kernelspecs", None, "journey_kernel_failed")
        wanted = {
            "name": NOTEBOOK,
            "path": NOTEBOOK,
            "type": "notebook",
            "kernel": {"name": specs["default"]},
        }
        session = self.server_api("POST", "sessions", wanted, "journey_kernel_failed")
        self.kernel_url = f"{self.server_url}api/kernels/{session['kernel']['id']}"
        self.kernel = Kernel(self.browser, self.kernel_url, self.browser.timeout)
        self.run("pass")  # the kernel is up only when it has answered once

    def run_cell(self) -> None:
        answer = self.run("print(6*7)")
        if answer.strip() != "42":
            raise StepFailed("journey_wrong_answer", expected="42", answer=repr(answer[:80]))

    def save_file(self) -> None:
        """Through the contents API, read back through it and from the kernel's side."""
        body = {"type": "file", "format": "text", "content": self.secret}
        self.server_api("PUT", f"contents/{FILE}", body, "journey_file_failed")
        back = self.server_api("GET", f"contents/{FILE}?content=1", None, "journey_file_failed")
        seen = json.loads(
            self.run(
                "import json, os\n"
                f"print(json.dumps([os.path.abspath({FILE!r}), open({FILE!r}).read()]))"
            )
        )
        if back.get("content") != self.secret or seen[1] != self.secret:
            raise StepFailed("journey_file_failed", f"{FILE}: {seen[0]}")
        self.file_path = seen[0]

    def stop_server(self) -> None:
        address = f"{self.hub_url}api/users/{quote(self.name)}"
        response = self.browser.api("DELETE", f"{address}/server")
        if response.status_code not in {202, 204}:
            raise StepFailed("journey_stop_failed", said(response), user=self.name)
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline and not self._recorder.cancelled.is_set():
            model = json_object(self.browser.api("GET", address), "journey_stop_failed", self.name)
            if not model.get("servers") and not model.get("server") and not model.get("pending"):
                self.spawned = False
                return
            time.sleep(0.3)
        raise StepFailed("journey_stop_timeout", user=self.name, seconds=f"{self._timeout:.0f}")

    def log_out(self) -> None:
        self.browser.visit(self.hub_url + "logout")
        for address in (self.hub_url + "home", self.server_url):
            response = self.browser.visit(address)
            refused = response.status_code in {401, 403, 404}
            if not refused and Page(response.text).login_form is None:
                raise StepFailed("journey_logout_failed", user=self.name, address=address)

    # -- tools --------------------------------------------------------------------------------

    def run(self, code: str, timeout: float | None = None) -> str:
        """What a cell prints; a cell that ends in an error raises StepFailed."""
        if self.kernel is None:
            raise StepFailed("journey_probe_failed", "no kernel")
        with self.kernel_lock:
            result = self.kernel.execute(code, timeout or self.browser.timeout)
        if result.error:
            raise StepFailed("journey_probe_failed", f"{result.error}\n{result.text}")
        return result.text

    def server_api(self, method: str, path: str, body: object, problem: str) -> dict[str, Any]:
        """Ask the server's own REST API, as JupyterLab does."""
        response = self.browser.api(method, f"{self.server_url}api/{path}", body)
        return json_object(response, problem, self.name)


def _credentials(form: Form, login: Login) -> dict[str, str]:
    """The form's own names of its fields, with what the person types into them."""
    user, password = form.field_of("text", "email"), form.field_of("password")
    if user is None or password is None:
        raise StepFailed("journey_no_login_form", address=form.action)
    return {user.name: login.name, password.name: login.password}
