"""The probe itself, run on this computer: what it says of mirrors, and that it changes nothing."""

import contextlib
import http.server
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from localcloud import preflight
from localcloud.preflight.facts import parse
from localcloud.preflight.probe import Question, script

FOLDER = Path(preflight.__file__).parent


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers with the status its path names: ``/404``; a proxy's CONNECT is refused."""

    def do_GET(self):
        code = int(re.search(r"/(\d+)", self.path)[1])
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_CONNECT(self):
        self.send_error(403)

    def log_message(self, *_args):
        pass


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def web():
    server = serve()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def silent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for 127.0.0.1 that no system trusts: (PEM text, server context)."""
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=m"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "crt"]
    subprocess.run(
        ["openssl", *command.split(), *names], cwd=folder, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return (folder / "crt").read_text(), context


def probe(question, shell=("sh", "-s"), path=None):
    environment = {"PATH": path or "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        shell, input=script(question), capture_output=True, env=environment, check=True, timeout=40
    )
    facts = parse(done.stdout.decode())
    assert facts["complete"], done.stderr
    return facts


def results(facts):
    return {mirror["url"]: (mirror["result"], mirror["detail"]) for mirror in facts["mirrors"]}


def test_mirrors_are_tried_at_once_and_a_hanging_one_ends_in_time(web, silent):
    urls = (
        ("pip", f"{web}/200"),
        ("pip", f"{web}/404"),
        ("npm", "http://127.0.0.1:9/x"),
        ("apt", "http://no-such-mirror.invalid/x"),
        ("pip", f"{silent}/1"),
        ("pip", f"{silent}/2"),
        ("pip", f"{silent}/3"),
    )
    begin = time.monotonic()
    seen = results(probe(Question(urls=urls)))
    assert time.monotonic() - begin < 15
    assert seen[f"{web}/200"][0] == "ok"
    assert seen[f"{web}/404"] == ("http", "404 Not Found")
    assert seen["http://127.0.0.1:9/x"][0] == "refused"
    assert seen["http://no-such-mirror.invalid/x"][0] == "dns"
    assert {seen[f"{silent}/{n}"][0] for n in (1, 2, 3)} == {"timeout"}


def test_the_last_answer_is_written_before_the_question_ends(web):
    """A slow pipe (a busy host) must not swallow it: one run of many lost its answer."""
    slow = """
import sys, time
class Slow:
    def write(self, text):
        time.sleep(0.3)
        sys.__stdout__.write(text)
    def flush(self):
        sys.__stdout__.flush()
sys.stdout = Slow()
"""
    program = slow + (FOLDER / "mirrors.py").read_text()
    asked = f"try pip {web}/200\nca\n\n"
    done = subprocess.run(
        ["python3", "-c", program], input=asked, capture_output=True, text=True, timeout=20
    )
    assert done.stdout.startswith("mirror=pip ok "), done.stderr


def test_the_campus_authority_is_trusted_when_handed_over(authority):
    pem, context = authority
    server = serve(context)
    url = f"https://127.0.0.1:{server.server_port}/200"
    assert results(probe(Question(urls=(("pip", url),))))[url][0] == "tls"
    handed = Question(urls=(("pip", url),), certificates=pem)
    assert results(probe(handed))[url][0] == "ok"
    server.shutdown()


def test_a_proxy_that_refuses_is_named_as_such(web):
    question = Question(
        urls=(("pip", "https://pip.invalid/x"), ("npm", f"{web}/200")),
        https_proxy=web,
        http_proxy="http://127.0.0.1:9",
        no_proxy=("127.0.0.1",),
    )
    seen = results(probe(question))
    assert seen["https://pip.invalid/x"][0] == "proxy"
    assert seen[f"{web}/200"][0] == "ok"  # excepted from the proxy
    dead = Question(urls=(("npm", f"{web}/200"),), http_proxy="http://127.0.0.1:9")
    assert results(probe(dead))[f"{web}/200"][0] == "proxy"


@pytest.fixture
def without_python(tmp_path):
    """A PATH like a bare Debian's: everything but python3 and ss."""
    for folder in ("/usr/bin", "/bin"):
        for command in Path(folder).iterdir():
            link = tmp_path / command.name
            if command.name not in ("python3", "ss", "sudo") and not link.exists():
                link.symlink_to(command)
    return str(tmp_path)


@pytest.mark.skipif(not shutil.which("perl"), reason="no perl here")
def test_without_python_perl_asks_the_mirrors(web, without_python):
    urls = (
        ("pip", f"{web}/200"),
        ("pip", f"{web}/503"),
        ("npm", "http://127.0.0.1:9/x"),
        ("apt", "http://no-such-mirror.invalid/x"),
    )
    facts = probe(Question(urls=urls), path=without_python)
    assert facts["python"] == ""
    seen = results(facts)
    assert seen[f"{web}/200"][0] == "ok"
    assert seen[f"{web}/503"][0] == "http"
    assert seen["http://127.0.0.1:9/x"][0] == "refused"
    assert seen["http://no-such-mirror.invalid/x"][0] == "dns"


def test_listening_ports_are_seen_by_ss_and_without_it(web, without_python):
    port = int(web.rpartition(":")[2])
    assert port in probe(Question())["ports"]
    assert port in probe(Question(), path=without_python)["ports"]


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_it_runs_in_every_shell_at_hand(shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    command = (shell, "sh", "-s") if shell == "busybox" else (shell, "-s")
    facts = probe(Question(paths=("/no/such/path",)), command)
    assert facts["cores"] >= 1
    assert facts["memory_mib"] > 100
    assert facts["disk"]["/no/such/path"]["free_mib"] > 0
    under = facts["file_systems"]["/no/such/path"]
    assert under["kind"] and {"rw", "ro"} & set(under["options"])


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_a_node_of_a_cluster_is_asked_more(shell, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    command = (shell, "sh", "-s") if shell == "busybox" else (shell, "-s")
    question = Question(
        node=True,
        modules=("loop", "no_such_module"),
        there=(str(tmp_path), "/no/such/path"),
        fsync=(f"{tmp_path}/etcd",),
    )
    facts = probe(question, command)
    assert facts["modules"]["no_such_module"] in ("missing", "unknown")
    assert facts["there"] == [str(tmp_path)]
    assert facts["networks"]
    assert facts["node"]["address"] in [one["network"].split("/")[0] for one in facts["networks"]]
    assert facts["node"]["mtu"] > 500
    assert probe(Question(), command)["networks"] == []


def test_writes_are_timed_without_leaving_a_file(tmp_path):
    place = tmp_path / "var" / "not" / "yet"
    program = (FOLDER / "fsync.pl").read_text()
    command = ["perl", "-e", program, str(place), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    facts = parse(f"probe=begin\n{said}")
    timed = facts["fsync"].pop(str(place))
    assert facts["fsync"] == {}, "what is there is in use, and left alone"
    assert timed["count"] >= 10
    assert 0 < timed["median_ms"] <= timed["p99_ms"]
    assert list(tmp_path.iterdir()) == []


def test_questions_with_quotes_and_blanks_do_no_harm(tmp_path):
    trap = tmp_path / "trap"
    word = f"'; touch {trap}; echo $(touch {trap}) `touch {trap}` \""
    probe(Question(urls=(("pip", f"http://127.0.0.1:9/{word}"),), http_proxy=word))
    assert not trap.exists()


@pytest.mark.parametrize("python", [True, False])
def test_passwords_in_addresses_show_in_no_process_list(silent, without_python, python):
    secret = "topsecret42"  # written so in no command of this test
    url = silent.replace("http://", f"http://ana:{secret}@")
    question = Question(urls=(("pip", url),), https_proxy=url)
    environment = {"PATH": "/usr/bin:/bin" if python else without_python}
    with subprocess.Popen(
        ["sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment
    ) as running:
        running.stdin.write(script(question))
        running.stdin.close()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    assert secret.encode() not in place.read_bytes()
            time.sleep(0.1)
        running.kill()


def test_it_writes_nothing():
    """Every redirection goes to the null device, a descriptor, or a here-document."""
    text = (FOLDER / "probe.sh").read_text()
    code = "\n".join(line.partition("#")[0] for line in text.splitlines() if "awk" not in line)
    for target in re.findall(r">+\s*([^\s;|)]+)", code):
        assert target in ("/dev/null", "&1", "&3", "&2"), target
    forbidden = r"\b(touch|tee|mktemp|mkdir|rm|mv|cp|install|apt-get update|dd)\s"
    assert not re.search(forbidden, code)
    assert "open(" not in (FOLDER / "mirrors.py").read_text().replace("opener.open(", "")


@pytest.mark.parametrize("name", ["pip", "npm"])
def test_no_registry_is_named_in_our_files(name):
    from localcloud.preflight import defaults

    address = defaults.index_of(name)
    if not address:
        pytest.skip(f"{name} is not here")
    host = address.split("/")[2]
    for path in FOLDER.iterdir():
        assert path.is_dir() or host not in path.read_text()
