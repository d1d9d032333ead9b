"""A browser without a screen: cookies, redirects, forms, XSRF tokens, pinned trust.

It sends what a browser sends where the hub looks at it (Origin, Referer, Sec-Fetch-*), so that a
request which a browser could not make is refused here too.
"""

import ipaddress
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import requests
from requests.cookies import get_cookie_header

from localcloud.journey.failure import StepFailed
from localcloud.journey.pages import Form, Page

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) localcloud-journey/1 (like a browser)"
_SYSTEM_TRUST = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Arch, Alpine
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora and relatives
    Path("/etc/ssl/cert.pem"),  # macOS
)


def trust_bundle(ca_file: Path | None) -> str:
    """The CA bundle to trust: the site's own CA, else this computer's, as its browsers do.

    The caller's REQUESTS_CA_BUNDLE and the like never count: what a student's browser trusts
    does not depend on the shell of the administrator.
    """
    if ca_file is not None:
        return str(ca_file)
    return next((str(path) for path in _SYSTEM_TRUST if path.is_file()), certifi.where())


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Browser:
    """One person's browser: a cookie jar and the address of a hub.

    Every request raises :class:`StepFailed` when no answer comes; HTTP errors are answers.
    Proxies of the environment are not used: the hub is inside the campus.
    """

    def __init__(self, url: str, ca_file: Path | None = None, timeout: float = 30) -> None:
        self.url = url
        self.trust = trust_bundle(ca_file)
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self.trust
        self.session.headers.update(
            {"User-Agent": USER_AGENT, "Accept-Language": "es,en;q=0.8", "Accept": "*/*"}
        )
        self.session.max_redirects = 20

    def close(self) -> None:
        self.session.close()

    def visit(self, address: str, *, follow: bool = True) -> requests.Response:
        """Open a page, as by typing its address or following a link."""
        return self._send("GET", address, "navigate", follow=follow)

    def submit(
        self, form: Form, page_url: str, filled: dict[str, str], *, follow: bool = True
    ) -> requests.Response:
        """Send a form of the page at ``page_url`` with the fields a person filled in."""
        values = form.values(filled)
        target = urljoin(page_url, form.action or page_url)
        if form.method == "get":
            return self._send("GET", target, "navigate", params=values, follow=follow)
        headers = {"Origin": origin(page_url), "Referer": page_url}
        if form.multipart:
            parts = [(name, (None, value)) for name, value in values]
            return self._send(
                "POST", target, "navigate", files=parts, headers=headers, follow=follow
            )
        return self._send("POST", target, "navigate", data=values, headers=headers, follow=follow)

    def api(
        self,
        method: str,
        address: str,
        json: object = None,
        *,
        stream: bool = False,
        timeout: float | None = None,
    ) -> requests.Response:
        """A request as the page's own scripts make it: with the XSRF token of that path."""
        url = urljoin(self.url, address)
        headers = {"Referer": url, "X-XSRFToken": self.xsrf(url) or ""}
        if method != "GET":
            headers["Origin"] = origin(url)
        return self._send(
            method, url, "cors", json=json, stream=stream, headers=headers, timeout=timeout
        )

    def xsrf(self, url: str) -> str | None:
        """The ``_xsrf`` cookie that the server at this URL looks at (longest path first)."""
        for chunk in self.cookies(url).split(";"):
            name, _sign, value = chunk.strip().partition("=")
            if name == "_xsrf":
                return value.strip('"')
        return None

    def cookies(self, url: str) -> str:
        """The Cookie header this browser sends to a URL (``wss:`` counts as ``https:``)."""
        web = url.replace("ws", "http", 1) if url.startswith("ws") else url
        request = requests.Request("GET", web).prepare()
        return get_cookie_header(self.session.cookies, request) or ""

    def _send(
        self,
        method: str,
        address: str,
        mode: str,
        *,
        headers: dict[str, str] | None = None,
        follow: bool = True,
        timeout: float | None = None,
        **extra: Any,
    ) -> requests.Response:
        url = urljoin(self.url, address)
        sent = {**self._fetch_metadata(url, mode), **(headers or {})}
        limit = timeout or self.timeout
        try:
            response = self.session.request(
                method, url, headers=sent, allow_redirects=follow, timeout=limit, **extra
            )
        except requests.RequestException as problem:
            raise network_failure(problem, url, limit) from problem
        if "charset" not in response.headers.get("Content-Type", ""):
            response.encoding = "utf-8"  # the pages say so themselves; requests assumes Latin-1
        return response

    @staticmethod
    def _fetch_metadata(url: str, mode: str) -> dict[str, str]:
        """Sec-Fetch headers, which browsers send to secure and loopback addresses only."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            return {}
        destination = "document" if mode == "navigate" else "empty"
        site = "none" if mode == "navigate" else "same-origin"
        return {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination, "Sec-Fetch-Site": site}


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def path_of(url: str) -> str:
    return urlsplit(url).path


def expect_page(response: requests.Response) -> Page:
    """The page of an answer; HTTP errors become failures with the page's own words."""
    page = Page(response.text)
    if response.status_code >= 400:
        words = page.error or page.text
        problem = "journey_http"
        if response.status_code in {502, 503, 504}:
            problem = "journey_hub_down"
        raise StepFailed(problem, words, status=response.status_code, address=response.url)
    return page


def said(response: requests.Response) -> str:
    """What an API answer says about its failure, in one line."""
    try:
        words = response.json().get("message", "")
    except (ValueError, AttributeError):
        page = Page(response.text)
        words = page.error or page.text[:300]
    return f"HTTP {response.status_code} {path_of(response.url)}: {words}"


def json_object(response: requests.Response, problem: str, user: str) -> dict[str, Any]:
    """The JSON object of a good answer; anything else is ``problem``."""
    if response.status_code >= 400:
        raise StepFailed(problem, said(response), user=user)
    try:
        answer = response.json()
    except ValueError:
        raise StepFailed(problem, said(response), user=user) from None
    if not isinstance(answer, dict):
        raise StepFailed(problem, said(response), user=user)
    return answer


def network_failure(problem: Exception, url: str, seconds: float) -> StepFailed:
    """Tell apart: name unknown, certificate refused, no answer, redirects in circles."""
    host = urlsplit(url).hostname or url
    details = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, requests.exceptions.SSLError):
        return StepFailed("journey_tls", details, url=origin(url))
    if isinstance(problem, requests.exceptions.TooManyRedirects):
        return StepFailed("journey_redirect_loop", details, address=url)
    if isinstance(problem, requests.exceptions.ReadTimeout):
        return StepFailed("journey_timeout", details, address=url, seconds=f"{seconds:.0f}")
    if not _resolves(host):
        return StepFailed("journey_name_unknown", details, name=host)
    return StepFailed("journey_unreachable", details, url=origin(url))


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
