"""Steps against a stand-in hub: what is a finding, and what a student would be told."""

import threading
from collections.abc import Iterator

import pytest

from localcloud.journey.accounts import Login
from localcloud.journey.browser import Browser
from localcloud.journey.failure import StepFailed
from localcloud.journey.kernel import Kernel
from localcloud.journey.recorder import Recorder
from localcloud.journey.spawn import start_server
from localcloud.journey.steps import Student
from localcloud.problems import explain
from tests.doubles import hub_server
from tests.doubles.hub_server import HubDouble

LOGIN = """<script>window.jhdata = {base_url: "/hub/"};</script>
<form action="/hub/login?next=%%2Fhub%%2F" method="post">%s
<input type="hidden" name="_xsrf" value="tok"><input type="text" name="username">
<input type="password" name="password"></form>"""
HOME = '<h1>Home</h1><a id="start" href="/hub/spawn/lcj-a">Start</a>'
PENDING = '<script>new EventSource("/hub/api/users/lcj-a/server/progress?_xsrf=t")</script>'
PROGRESS = "GET /hub/api/users/lcj-a/server/progress"


@pytest.fixture
def hub() -> Iterator[HubDouble]:
    with hub_server.running() as double:
        double.on("GET /", 302, Location="/hub/login")
        double.on("GET /hub/login", 200, LOGIN % "", Set_Cookie="_xsrf=tok; Path=/hub/")
        yield double


@pytest.fixture
def student(hub: HubDouble) -> Iterator[Student]:
    one = Student(Login("lcj-a", "s3cret"), hub.url, Recorder(), timeout=5, answer_timeout=5)
    yield one
    one.browser.close()


def refused(problem_id: str, action: object) -> StepFailed:
    with pytest.raises(StepFailed) as failure:
        action()  # type: ignore[operator]
    assert failure.value.problem_id == problem_id
    return failure.value


def test_login_fills_the_real_form_and_sends_its_token(hub: HubDouble, student: Student) -> None:
    hub.on("POST /hub/login", 302, Location="/hub/")
    hub.on("GET /hub/home", 200, HOME)
    student.open_page()
    student.log_in()
    (sent,) = hub.of("POST /hub/login")
    assert sent.body == "_xsrf=tok&username=lcj-a&password=s3cret"
    assert sent.headers["Cookie"] == "_xsrf=tok"
    assert sent.headers["Origin"] == hub.url.rstrip("/")
    assert sent.headers["Sec-Fetch-Mode"] == "navigate"


def test_refused_login_carries_the_hubs_own_words(hub: HubDouble, student: Student) -> None:
    said = '<p class="login_error">Usuario o contraseña incorrectos</p>'
    hub.on("POST /hub/login", 403, LOGIN % said, Content_Type="text/html")
    student.open_page()
    failure = refused("journey_login_refused", student.log_in)
    assert "HTTP 403: Usuario o contraseña incorrectos" in failure.details
    assert "s3cret" not in failure.details


def test_page_without_a_form_is_named(hub: HubDouble, student: Student) -> None:
    hub.answers["GET /hub/login"] = [(200, {}, "<h1>Apache2 Debian Default Page</h1>")]
    failure = refused("journey_no_login_form", student.open_page)
    assert failure.details == "Apache2 Debian Default Page"


def test_proxy_without_a_hub_behind_it(hub: HubDouble, student: Student) -> None:
    hub.answers["GET /"] = [(503, {}, "<h1>Service Unavailable</h1>")]
    failure = refused("journey_hub_down", student.open_page)
    remedy = explain("journey_hub_down", failure.data).remedy
    assert "`sudo journalctl -u jupyterhub -n 50`" in remedy
    assert failure.data["status"] == 503


def test_redirects_in_circles(hub: HubDouble, student: Student) -> None:
    hub.answers["GET /hub/login"] = [(302, {"Location": "/"}, "")]
    refused("journey_redirect_loop", student.open_page)


def test_address_where_nothing_answers() -> None:
    student = Student(Login("lcj-a", "s"), "http://127.0.0.1:9/", Recorder())
    refused("journey_unreachable", student.open_page)


def test_name_that_no_dns_knows() -> None:
    student = Student(Login("lcj-a", "s"), "https://hub.invalid/", Recorder())
    failure = refused("journey_name_unknown", student.open_page)
    assert failure.data["name"] == "hub.invalid"


def test_a_page_that_opens_without_login_is_a_finding(hub: HubDouble, student: Student) -> None:
    hub.on("GET /hub/home", 302, Location="/hub/login")
    hub.on("GET /user/lcj-a/", 200, "<h1>JupyterLab</h1>")
    student.open_page()
    failure = refused("journey_not_closed", student.check_closed)
    assert str(failure.data["address"]).endswith("/user/lcj-a/")


def spawn(hub: HubDouble, timeout: float = 5) -> None:
    start_server(
        Browser(hub.url, timeout=5),
        hub.url + "hub/spawn/lcj-a",
        hub.url + "user/lcj-a/",
        user="lcj-a",
        timeout=timeout,
        cancelled=threading.Event(),
    )


def test_spawn_waits_for_progress_and_follows_to_the_server(hub: HubDouble) -> None:
    hub.on("GET /hub/spawn/lcj-a", 302, Location="/hub/spawn-pending/lcj-a")
    hub.on("GET /hub/spawn-pending/lcj-a", 200, PENDING)
    hub.on("GET /hub/spawn-pending/lcj-a", 302, Location="/user/lcj-a/")
    hub.on(PROGRESS, 200, 'data: {"progress": 0, "message": "x"}\n\n\n\ndata: {"ready": true}\n\n')
    spawn(hub)
    assert len(hub.of(PROGRESS)) == 1


def test_failed_spawn_tells_what_the_hub_said(hub: HubDouble) -> None:
    hub.on("GET /hub/spawn/lcj-a", 200, PENDING)
    hub.on(
        PROGRESS,
        200,
        'data: {"message": "Server requested"}\n\n'
        'data: {"failed": true, "html_message": "<b>Disk</b> quota exceeded"}\n\n',
    )
    failure = refused("journey_spawn_failed", lambda: spawn(hub))
    assert failure.details == "Server requested\nDisk quota exceeded"


def test_spawn_that_never_gets_ready_ends_in_time(hub: HubDouble) -> None:
    hub.on("GET /hub/spawn/lcj-a", 200, PENDING)
    hub.on(PROGRESS, 200, 'data: {"progress": 50}\n\n')
    failure = refused("journey_spawn_timeout", lambda: spawn(hub, timeout=1))
    assert failure.data == {"user": "lcj-a", "seconds": "1"}


def test_busy_hub_is_asked_again_after_the_time_it_names(hub: HubDouble) -> None:
    hub.on("GET /hub/spawn/lcj-a", 429, "<div class=error>Try again soon</div>", Retry_After="1")
    hub.on("GET /hub/spawn/lcj-a", 302, Location="/user/lcj-a/")
    spawn(hub)
    assert len(hub.of("GET /hub/spawn/lcj-a")) == 2


def test_options_form_is_sent_with_its_defaults(hub: HubDouble) -> None:
    form = (
        '<form id="spawn_form" method="post" enctype="multipart/form-data" action="?_xsrf=t">'
        '<select name="size"><option value="small">Small</option></select></form>'
    )
    hub.on("GET /hub/spawn/lcj-a", 200, form)
    hub.on("POST /hub/spawn/lcj-a", 302, Location="/user/lcj-a/")
    spawn(hub)
    (sent,) = hub.of("POST /hub/spawn/lcj-a")
    assert 'name="size"' in sent.body and "small" in sent.body


def test_scripts_send_the_token_of_the_longest_path(hub: HubDouble) -> None:
    browser = Browser(hub.url, timeout=5)
    hub.on("GET /user/lcj-a/lab", 200, "lab", Set_Cookie="_xsrf=server; Path=/user/lcj-a/")
    hub.on("POST /user/lcj-a/api/kernels", 201, "{}")
    browser.visit("/hub/login")
    browser.visit("/user/lcj-a/lab")
    browser.api("POST", "/user/lcj-a/api/kernels", {})
    (sent,) = hub.of("POST /user/lcj-a/api/kernels")
    assert sent.headers["X-XSRFToken"] == "server"
    assert sent.headers["Sec-Fetch-Mode"] == "cors"
    assert browser.xsrf(hub.url + "hub/api/users/lcj-a") == "tok"


def test_proxies_and_trust_of_the_shell_do_not_count(
    hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    assert Browser(hub.url, timeout=5).visit("/").status_code == 200


def test_kernel_socket_takes_cookies_and_origin_and_no_proxy(
    hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    browser = Browser(hub.url, timeout=5)
    browser.visit("/hub/login")
    hub.on("GET /hub/kernel/channels", 403, "Forbidden")
    failure = refused("journey_websocket_refused", lambda: Kernel(browser, "/hub/kernel"))
    assert "403" in failure.details
    (sent,) = hub.of("GET /hub/kernel/channels")
    assert sent.headers["Cookie"] == "_xsrf=tok"
    assert sent.headers["Origin"] == hub.url.rstrip("/")
    assert sent.headers["Sec-WebSocket-Protocol"] == "v1.kernel.websocket.jupyter.org"


def test_stop_waits_until_the_hub_says_so(hub: HubDouble, student: Student) -> None:
    student.open_page()
    hub.on("DELETE /hub/api/users/lcj-a/server", 202)
    hub.on("GET /hub/api/users/lcj-a", 200, '{"servers": {"": {"pending": "stop"}}}')
    hub.on("GET /hub/api/users/lcj-a", 200, '{"servers": {}, "server": null, "pending": null}')
    student.stop_server()
    assert len(hub.of("GET /hub/api/users/lcj-a")) == 2
    assert hub.of("DELETE /hub/api/users/lcj-a/server")[0].headers["X-XSRFToken"] == "tok"


def test_stop_that_the_hub_refuses(hub: HubDouble, student: Student) -> None:
    student.open_page()
    hub.on("DELETE /hub/api/users/lcj-a/server", 403, '{"message": "XSRF cookie does not match"}')
    failure = refused("journey_stop_failed", student.stop_server)
    assert "XSRF cookie does not match" in failure.details


def test_session_that_survives_logging_out(hub: HubDouble, student: Student) -> None:
    student.open_page()
    hub.on("GET /hub/logout", 200)
    hub.on("GET /hub/home", 200, HOME)
    refused("journey_logout_failed", student.log_out)
