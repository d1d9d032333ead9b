"""The plain hub with much changed: HTTPS by the site's own authority, Spanish, tighter limits."""

import json
import ssl
import urllib.request

import pytest
import requests

from localcloud.site import load_site


@pytest.fixture(scope="module")
def hub(site):
    """An installed hub, its https address, and its authority's certificate in a file."""
    port = site.lab.machine().ports[443]
    site.set(
        hub_tls_mode="internal",
        hub_public_url=f'"https://localhost:{port}"',
        hub_language="es",
        hub_signup="closed",
        hub_default_interface="notebook",
        hub_memory_limit="512M",
        hub_cpu_limit="0.5",
        hub_user_packages="[cowsay]",
        hub_system_packages="[tree]",
        jupyterhub_config="{JupyterHub: {shutdown_on_logout: true}}",
    )
    site.localcloud("install").ended(0).says("Walking through the hub as a student")
    authority = site.directory.parent / "ca.crt"
    authority.write_text(site.machine.run("cat /etc/jupyterhub/tls/ca.crt"))
    return f"https://localhost:{port}", str(authority)


def test_the_login_page_is_spanish_and_offers_no_sign_up(hub):
    url, authority = hub
    page = requests.get(url + "/hub/login", verify=authority, timeout=20).content.decode()
    assert "Contraseña" in page and "Entrar" in page
    assert "signup" not in page
    assert requests.get(url + "/hub/signup", verify=authority, timeout=20).status_code == 404


def test_a_browser_without_the_authority_is_warned(hub):
    url, _authority = hub
    with pytest.raises(urllib.error.URLError) as refusal:
        urllib.request.urlopen(url, timeout=20, context=ssl.create_default_context())
    assert isinstance(refusal.value.reason, ssl.SSLCertVerificationError)


def test_plain_http_leads_to_https_at_the_public_port(site, hub):
    url, _authority = hub
    port = site.lab.machine().ports[80]
    answer = requests.get(f"http://localhost:{port}/", allow_redirects=False, timeout=20)
    assert answer.status_code in (301, 302)
    assert answer.headers["Location"].startswith(url)


def test_the_authority_can_sign_for_nothing_else(site, hub):
    shown = site.machine.run("openssl x509 -in /etc/jupyterhub/tls/ca.crt -noout -text")
    assert "Name Constraints: critical" in shown and "DNS:localhost" in shown
    assert site.machine.run(
        "stat -c %a /etc/jupyterhub/tls/ca.key /etc/jupyterhub/tls/server.key"
    ).split() == ["600", "600"]


def test_limits_and_packages_follow_the_settings(site, hub):
    journey = json.loads(site.localcloud("verify", "--json").ended(0).text)
    assert "512 MiB" in json.dumps(journey, ensure_ascii=False)
    site.machine.run(
        "/opt/localcloud/jupyterhub/user/bin/python -c 'import cowsay'; command -v tree"
    )
    config = json.loads(site.machine.run("cat /etc/jupyterhub/site.json"))
    assert config["config"] == {"JupyterHub": {"shutdown_on_logout": True}}
    assert load_site(site.directory).value(site.machine.name, "hub_cpu_limit") == 0.5


def test_the_certificate_is_renewed_in_time_and_only_then(site, hub):
    url, authority = hub
    first = site.machine.run("sha256sum /etc/jupyterhub/tls/server.crt")
    site.machine.run("systemctl start jupyterhub-certificate.service")
    assert site.machine.run("sha256sum /etc/jupyterhub/tls/server.crt") == first
    assert "jupyterhub-certificate.timer" in site.machine.run("systemctl list-timers --all")
    # A damaged one is made anew from the same authority, and people's browsers go on trusting it.
    site.machine.run("rm /etc/jupyterhub/tls/server.crt; systemctl start jupyterhub-certificate")
    assert site.machine.run("sha256sum /etc/jupyterhub/tls/server.crt") != first
    site.localcloud("install", "--no-journey").ended(0)
    assert requests.get(url + "/hub/health", verify=authority, timeout=20).ok


def test_after_a_reset_and_an_install_browsers_still_trust_the_hub(site, hub):
    url, authority = hub
    site.localcloud("reset", "--yes").ended(0)
    site.localcloud("install", "--no-journey").ended(0)
    assert requests.get(url + "/hub/health", verify=authority, timeout=20).ok
    # Anybody may read it: it is for the browsers of the campus.
    assert site.machine.run("stat -c %a /etc/jupyterhub/tls/ca.crt").strip() == "644"
    site.localcloud("install", "--no-journey").ended(0).says("Nothing had to be changed")


def test_a_hub_that_cannot_start_is_named_with_its_own_words(site, hub):
    """It starts and ends again and again; the proxy's complaints would hide why."""
    site.set(jupyterhub_config="{JupyterHub: {bind_url: 7}}")
    ended = site.localcloud("install", "--no-journey").ended(1)
    ended.says("starts and ends again and again", "bind_url")
    site.localcloud("status").ended(1).says("again and again")
