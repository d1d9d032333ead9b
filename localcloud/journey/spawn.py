"""Start a server as the hub's pages do: follow the link, send the options form, watch progress."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import requests

from localcloud.journey.browser import Browser, network_failure, path_of
from localcloud.journey.failure import StepFailed
from localcloud.journey.pages import Page, event_source


def start_server(
    browser: Browser,
    start: str,
    server_url: str,
    *,
    user: str,
    timeout: float,
    cancelled: threading.Event,
) -> None:
    """Return when the hub sends the browser on to ``server_url``.

    ``start`` is the address of the "Start My Server" button. A hub that is too busy (HTTP 429)
    is asked again after the time it names, as a patient student would.
    """
    deadline = time.monotonic() + timeout
    response = browser.visit(start, follow=False)
    sent = False
    while not cancelled.is_set():
        if time.monotonic() > deadline:
            raise StepFailed("journey_spawn_timeout", user=user, seconds=f"{timeout:.0f}")
        shown = _until_page(browser, response, server_url)
        if shown is None:
            return
        page = Page(shown.text)
        events = event_source(page)
        if shown.status_code == 429:
            _wait(shown, deadline, cancelled)
            response = browser.visit(start, follow=False)
        elif events is not None:
            _watch(browser, urljoin(shown.url, events), user, deadline, cancelled)
            response = browser.visit(shown.url, follow=False)
        elif page.spawn_form is not None and not (sent or page.error):
            response = browser.submit(page.spawn_form, shown.url, {}, follow=False)
            sent = True
        else:
            details = f"HTTP {shown.status_code}: {page.error or page.text}"
            raise StepFailed("journey_spawn_failed", details, user=user)


def _until_page(
    browser: Browser, response: requests.Response, server_url: str
) -> requests.Response | None:
    """Follow redirects to a page of the hub; None when they lead to the server itself."""
    for _hop in range(20):
        if not response.is_redirect:
            return response
        target = urljoin(response.url, response.headers["location"])
        if path_of(target).startswith(path_of(server_url)):
            return None
        response = browser.visit(target, follow=False)
    raise StepFailed("journey_redirect_loop", address=response.url)


def _wait(response: requests.Response, deadline: float, cancelled: threading.Event) -> None:
    named = response.headers.get("Retry-After", "")
    seconds = float(named) if named.isdigit() else 5.0
    cancelled.wait(max(0.5, min(seconds, 30.0, deadline - time.monotonic())))


def _watch(
    browser: Browser, address: str, user: str, deadline: float, cancelled: threading.Event
) -> None:
    """Read progress events until the server is ready; a failure carries the hub's words."""
    said: list[str] = []
    for event in _events(browser, address, deadline):
        words = event.get("message") or Page(event.get("html_message") or "").text
        if words:
            said.append(words)
        if event.get("failed"):
            raise StepFailed("journey_spawn_failed", "\n".join(said[-5:]), user=user)
        if event.get("ready") or cancelled.is_set() or time.monotonic() > deadline:
            return


def _events(browser: Browser, address: str, deadline: float) -> Iterator[dict[str, Any]]:
    """Server-sent events of one connection; ends with the connection, as EventSource would retry.

    The hub sends an empty line every 8 seconds, so a silent connection is a dead one.
    """
    response = browser.api("GET", address, stream=True, timeout=browser.timeout)
    if response.status_code >= 400:
        # The hub has nothing to tell (yet or any more): ask for the page again.
        response.close()
        time.sleep(0.5)
        return
    try:
        # One byte at a time: a proxy without chunks would else hold events back.
        for line in response.iter_lines(chunk_size=1):
            if time.monotonic() > deadline:
                return
            if line.startswith(b"data:"):
                yield json.loads(line[5:])
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
        return
    except requests.RequestException as problem:
        raise network_failure(problem, address, browser.timeout) from problem
    finally:
        response.close()
