"""A real browser at a real hub: log in, start the server, run a cell in JupyterLab, see 42.

The hub is a lab's, installed for the test, or comes from the environment (a VM, a campus):

    LOCALCLOUD_TEST_URL, LOCALCLOUD_TEST_USER, LOCALCLOUD_TEST_PASSWORD
    LOCALCLOUD_TEST_CA          PEM file of the hub's internal authority (https only)
    LOCALCLOUD_TEST_SCREENSHOT  where to put the picture (default: the test's own folder)
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow  # and Chromium is a large package: part of make test-all

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="NOT TESTED with a real browser: selenium is not installed"
)

from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--window-size=1280,900",
)
ANSWER = ".jp-OutputArea-output pre"


@dataclass(frozen=True)
class Hub:
    """Where to go, as whom; ``authority`` is a PEM file, empty for plain HTTP."""

    url: str
    user: str
    password: str
    authority: str = ""


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> Hub:
    """The hub of the environment, or one on a practice machine."""
    if os.environ.get("LOCALCLOUD_TEST_URL"):
        names = ("URL", "USER", "PASSWORD", "CA")
        return Hub(*(os.environ.get(f"LOCALCLOUD_TEST_{name}", "") for name in names))
    site = request.getfixturevalue("site")
    site.localcloud("install", "--no-journey").ended(0)
    return Hub(site.lab.url(), "admin", site.secrets()["hub_admin_password"])


def pin_of(url: str, authority: str) -> str:
    """The key of the hub's certificate, which must be signed by ``authority``, as Chromium's pin.

    Chromium takes no CA file on its command line; it takes the hash of one trusted key.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=authority)
    address = (parts.hostname or "", parts.port or 443)
    with (
        socket.create_connection(address, 10) as raw,
        context.wrap_socket(raw, server_hostname=parts.hostname) as secure,
    ):
        certificate = x509.load_der_x509_certificate(secure.getpeercert(True) or b"")
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(key).digest()).decode()


@pytest.fixture
def browser(hub: Hub, tmp_path: Path) -> Iterator[Any]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("NOT TESTED with a real browser: chromium or chromium-driver is missing")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    if hub.authority:
        pin = pin_of(hub.url, hub.authority)
        options.add_argument(f"--ignore-certificate-errors-spki-list={pin}")
    service = webdriver.ChromeService(driver, log_output=subprocess.DEVNULL)
    one = webdriver.Chrome(options=options, service=service)
    try:
        yield one
    finally:
        one.quit()


def see(browser: Any, selector: str, seconds: float = 180) -> Any:
    """Wait until an element can be seen."""

    def visible(_browser: Any) -> Any:
        found = [e for e in browser.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()]
        return found[0] if found else False

    wait = WebDriverWait(browser, seconds, ignored_exceptions=[WebDriverException])
    return wait.until(visible, f"{selector} cannot be seen at {browser.current_url}")


def log_in(browser: Any, hub: Hub) -> None:
    browser.get(hub.url)
    see(browser, "form input[type=password]")
    browser.find_element(By.CSS_SELECTOR, "form input[name=username]").send_keys(hub.user)
    password = browser.find_element(By.CSS_SELECTOR, "form input[type=password]")
    password.send_keys(hub.password, Keys.ENTER)
    WebDriverWait(browser, 180).until(lambda b: "/login" not in b.current_url)


def start_server(browser: Any, user: str) -> str:
    """From wherever the login led to the server; its address, with a slash at the end."""
    place = f"/user/{user}/"
    hub = re.sub(r"/(hub|user)/.*", "/hub/", browser.current_url)
    if place not in browser.current_url and "spawn" not in browser.current_url:
        browser.get(f"{hub}home")
        see(browser, "#start").click()
    WebDriverWait(browser, 180).until(
        lambda b: place in b.current_url and "/hub/" not in b.current_url
    )
    return str(browser.current_url).split(place)[0] + place


def run_a_cell(browser: Any, code: str) -> str:
    """Type into the first cell of a new notebook and run it; what it shows."""
    # The first card is the notebook of the default kernel; its category is translated.
    see(browser, ".jp-Launcher-section .jp-LauncherCard").click()
    editor = see(browser, ".jp-Notebook .jp-Cell .cm-content")
    # The kernel must be idle before the person types, as a person would wait for it.
    see(browser, ".jp-Notebook-ExecutionIndicator[data-status='idle']")
    editor.click()
    keys = ActionChains(browser).send_keys(code)
    keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    return str(see(browser, ANSWER).text).strip()


def test_a_student_runs_a_cell_in_jupyterlab(browser: Any, hub: Hub, tmp_path: Path) -> None:
    picture = Path(os.environ.get("LOCALCLOUD_TEST_SCREENSHOT", tmp_path / "jupyterlab.png"))
    started = time.monotonic()
    try:
        log_in(browser, hub)
        logged_in = time.monotonic()
        server = start_server(browser, hub.user)
        ready = time.monotonic()
        browser.get(f"{server}lab?reset")
        answer = run_a_cell(browser, "6*7")
    finally:
        browser.save_screenshot(str(picture))
        print(f"screenshot: {picture}, at {browser.current_url}")
    times = (logged_in - started, ready - logged_in, time.monotonic() - ready)
    print("login {:.1f} s, server {:.1f} s, JupyterLab and cell {:.1f} s".format(*times))
    assert answer == "42"
