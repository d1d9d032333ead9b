"""Role z2jh: what becomes of a site's settings, held against the chart's own schema."""

from typing import Any

import jsonschema
import pytest
import yaml
from z2jh_cases import CHART, SECRETS, merged, render

from tests.unit.role_code import load

networks = load("z2jh/filter_plugins/networks.py")

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "off": {"hub_tls_mode": "off"},
    "own": {"hub_tls_mode": "own", "hub_tls_certificate": "a.crt", "hub_tls_key": "a.key"},
    "acme": {"hub_tls_mode": "acme", "hub_acme_email": "it@uni.edu"},
    "address": {"hub_domain": "192.0.2.80", "hub_public_url": "https://192.0.2.80:8443"},
    "lab": {
        "hub_domain": "localhost",
        "hub_tls_mode": "off",
        "hub_public_url": "http://127.0.0.1:8080",
    },
    "much": {
        "hub_language": "es",
        "hub_signup": "closed",
        "hub_default_interface": "notebook",
        "hub_memory_limit": "2G",
        "hub_cpu_limit": 2,
        "hub_cull_enabled": False,
        "hub_cull_max_age": 28800,
        "hub_shared_data_path": "/srv/cursos",
        "base_ca_certificates": [],
        "base_http_proxy": "http://proxy.uni.edu:3128",
        "base_https_proxy": "http://proxy.uni.edu:3128",
        "base_pip_index_url": "https://pypi.uni.edu/simple",
        "z2jh_home_storage_class": "nfs",
        "z2jh_shared_volume": {"nfs": {"server": "10.0.0.5", "path": "/srv/cursos"}},
        "z2jh_user_networks": ["10.0.0.0/8"],
        "z2jh_closed_networks": ["10.99.0.0/16"],
        "z2jh_profiles": [],
        "z2jh_prepull_enabled": True,
        "z2jh_ingress_class": "nginx",
    },
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return render(tmp_path_factory.mktemp("z2jh"), CASES)


@pytest.fixture(scope="module")
def chart() -> dict[str, Any]:
    if not CHART.is_dir():
        pytest.skip(f"NOT RUN: the chart's schema is not at {CHART}")
    return {
        "schema": yaml.safe_load((CHART / "values.schema.yaml").read_text()),
        "defaults": yaml.safe_load((CHART / "values.yaml").read_text()),
    }


def values(rendered, case: str) -> dict[str, Any]:
    return rendered[case]["values"]


@pytest.mark.parametrize("case", CASES)
def test_the_charts_schema_takes_the_values(rendered, chart, case):
    found = rendered[case]
    whole = merged(merged(chart["defaults"], found["values"]), found["secrets"])
    jsonschema.validate(whole, chart["schema"])


def test_the_schema_refuses_what_it_does_not_know(rendered, chart):
    """The check above means something: a mistyped key fails it."""
    wrong = merged(values(rendered, "plain"), {"hub": {"allowNamedServer": True}})
    with pytest.raises(jsonschema.ValidationError, match="allowNamedServer"):
        jsonschema.validate(merged(chart["defaults"], wrong), chart["schema"])


def test_secrets_stand_in_a_file_of_their_own(rendered):
    for found in rendered.values():
        text = str(found["values"]) + str(found["objects"])
        assert not [name for name, secret in SECRETS.items() if secret in text]
    secrets = rendered["plain"]["secrets"]
    assert secrets["hub"]["cookieSecret"] == SECRETS["z2jh_cookie_secret"]
    assert secrets["hub"]["services"]["localcloud"]["apiToken"] == SECRETS["hub_service_token"]
    assert secrets["proxy"]["secretToken"] == SECRETS["hub_proxy_token"]
    assert secrets["hub"]["config"]["CryptKeeper"]["keys"] == [SECRETS["z2jh_crypt_key"]]
    accounts = secrets["custom"]["localcloud"]["accounts"]
    assert accounts == {"names": ["ana", "luz"], "first_password": "first-password"}


def test_nobody_gets_in_with_any_password(rendered):
    config = values(rendered, "plain")["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] == "native"
    assert config["Authenticator"]["admin_users"] == ["ana", "luz"]
    assert config["NativeAuthenticator"]["open_signup"] is False
    assert config["NativeAuthenticator"]["enable_signup"] is True
    closed = values(rendered, "much")["hub"]["config"]["NativeAuthenticator"]
    assert closed["enable_signup"] is False


def test_traefik_is_the_only_door(rendered):
    plain = values(rendered, "plain")
    assert plain["proxy"]["service"]["type"] == "ClusterIP"
    assert plain["ingress"]["ingressClassName"] == "traefik"
    assert plain["ingress"]["hosts"] == ["hub.uni.edu"]
    # Behind ServiceLB the address that the hub sees can change between two requests of a login.
    cidrs = plain["hub"]["extraEnv"]["JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS"]
    assert cidrs == "10.42.0.0/16;10.43.0.0/16"


def test_who_asks_for_an_address_gets_the_hubs_certificate(rendered):
    """Browsers name no host then, and Traefik chooses a certificate by that name."""
    assert values(rendered, "address")["ingress"]["hosts"] == []
    store = rendered["address"]["objects"][-1]
    assert (store["kind"], store["metadata"]["name"]) == ("TLSStore", "default")
    secret = store["spec"]["defaultCertificate"]["secretName"]
    assert values(rendered, "address")["ingress"]["tls"] == [{"secretName": secret}]
    assert store["metadata"]["namespace"] == "jupyterhub"


@pytest.mark.parametrize("case", ["plain", "own"])
def test_https_with_a_certificate_of_the_sites(rendered, case):
    ingress = values(rendered, case)["ingress"]
    assert ingress["tls"] == [{"hosts": ["hub.uni.edu"], "secretName": "hub-tls"}]
    redirect, route = rendered[case]["objects"]
    assert redirect["kind"] == "Middleware"
    wanted = {"scheme": "https", "permanent": True, "port": "443"}
    assert redirect["spec"] == {"redirectScheme": wanted}
    assert (route["kind"], route["spec"]["entryPoints"]) == ("IngressRoute", ["web"])
    (rule,) = route["spec"]["routes"]
    assert rule["match"] == "Host(`hub.uni.edu`)"
    assert rule["middlewares"] == [{"name": redirect["metadata"]["name"]}]
    assert list(ingress["annotations"].values()) == ["websecure", "true"], "HTTPS alone"
    url = values(rendered, case)["hub"]["config"]["JupyterHub"]["public_url"]
    assert url == "https://hub.uni.edu/"


def test_https_from_lets_encrypt(rendered):
    ingress = values(rendered, "acme")["ingress"]
    assert ingress["tls"] == []
    resolver = "traefik.ingress.kubernetes.io/router.tls.certresolver"
    assert ingress["annotations"][resolver] == "localcloud"
    (config,) = rendered["acme"]["objects"]
    assert (config["kind"], config["metadata"]["namespace"]) == ("HelmChartConfig", "kube-system")
    traefik = yaml.safe_load(config["spec"]["valuesContent"])
    acme = traefik["certificatesResolvers"]["localcloud"]["acme"]
    assert acme["email"] == "it@uni.edu"
    assert acme["caServer"].startswith("https://acme-v02.api.letsencrypt.org/")
    assert traefik["persistence"]["enabled"] is True


def test_without_https_nothing_is_redirected(rendered):
    ingress = values(rendered, "off")["ingress"]
    assert (ingress["tls"], ingress["annotations"]) == ([], {})
    assert rendered["off"]["objects"] == []


def test_an_ip_address_opens_the_ingress_for_every_name(rendered):
    assert values(rendered, "lab")["ingress"]["hosts"] == []


def test_another_ingress_controller_gets_nothing_of_traefiks(rendered):
    assert values(rendered, "much")["ingress"]["annotations"] == {}
    assert rendered["much"]["objects"] == []


def test_people_reach_the_campus_but_not_the_cluster_itself(rendered):
    policy = values(rendered, "plain")["singleuser"]["networkPolicy"]
    assert policy["egressAllowRules"] == {"privateIPs": False, "nonPrivateIPs": False}
    (rule,) = policy["egress"]
    (peer,) = rule["to"]
    assert peer["ipBlock"]["cidr"] == "0.0.0.0/0"
    closed = peer["ipBlock"]["except"]
    for network in ("10.42.0.0/16", "10.43.0.0/16", "169.254.0.0/16"):
        assert network in closed
    assert {"10.20.0.11/32", "192.168.7.7/32"} <= set(closed), "nodes and file servers"
    assert "10.20.0.13/32" in closed, "a node that is called by its address"
    assert {"10.30.0.7/32", "10.40.0.9/32"} <= set(closed), "where files are served from"
    assert {"10.50.0.12/32", "10.60.0.1/32"} <= set(closed), "a name, and the cluster's own word"


def test_what_must_be_looked_up():
    words = ["10.0.0.1", "", "fe80::1", "[fe80::1]", "node2.uni.edu", "node2.uni.edu", "10.0.0.0/8"]
    assert networks.host_names(words) == ["node2.uni.edu"]


def test_networks_can_be_narrowed(rendered):
    policy = values(rendered, "much")["singleuser"]["networkPolicy"]
    (peer,) = policy["egress"][0]["to"]
    assert peer["ipBlock"]["cidr"] == "10.0.0.0/8"
    assert "10.99.0.0/16" in peer["ipBlock"]["except"]
    assert "10.0.0.5/32" in peer["ipBlock"]["except"], "the server of the shared volume"
    assert "192.168.7.7/32" not in peer["ipBlock"]["except"], "Kubernetes would refuse it"


def test_no_privileged_container_and_nothing_that_a_cloud_needs(rendered):
    plain = values(rendered, "plain")
    assert plain["singleuser"]["cloudMetadata"]["blockWithIptables"] is False
    assert plain["scheduling"]["userScheduler"]["enabled"] is False
    assert plain["prePuller"]["hook"]["enabled"] is False


def test_a_home_is_not_rewritten_at_every_start(rendered):
    spawner = values(rendered, "plain")["hub"]["config"]["KubeSpawner"]
    assert spawner["pod_security_context"] == {"fsGroupChangePolicy": "OnRootMismatch"}


def test_homes_and_the_hubs_database(rendered):
    plain, much = values(rendered, "plain"), values(rendered, "much")
    database = plain["hub"]["db"]["pvc"]
    assert database["storageClassName"] == "local-path"
    assert database["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "storageClass" not in plain["singleuser"]["storage"]["dynamic"]
    assert much["singleuser"]["storage"]["dynamic"]["storageClass"] == "nfs"
    assert plain["hub"]["config"]["KubeSpawner"]["delete_pvc"] is False
    mounts = plain["singleuser"]["storage"]["extraVolumeMounts"]
    assert {"name": "volume-{user_server}", "mountPath": "/home/rstudio"} in mounts


def test_shared_data_is_read_only(rendered):
    for case, path in (("plain", "/srv/shared"), ("much", "/srv/cursos")):
        storage = values(rendered, case)["singleuser"]["storage"]
        (mount,) = [m for m in storage["extraVolumeMounts"] if m["name"] == "localcloud-shared"]
        assert mount == {"name": "localcloud-shared", "mountPath": path, "readOnly": True}
    assert storage["extraVolumes"][0]["nfs"] == {"server": "10.0.0.5", "path": "/srv/cursos"}


def test_limits_and_culling(rendered):
    much = values(rendered, "much")
    assert much["singleuser"]["memory"] == {"limit": "2G", "guarantee": "256M"}
    assert much["singleuser"]["cpu"] == {"limit": 2.0, "guarantee": 0.05}
    assert much["singleuser"]["startTimeout"] == 720
    assert much["singleuser"]["defaultUrl"] == "/tree"
    assert (much["cull"]["enabled"], much["cull"]["maxAge"]) == (False, 28800)
    server = much["singleuser"]["extraFiles"]["server"]["data"]
    assert server["MappingKernelManager"]["cull_idle_timeout"] == 0
    plain = values(rendered, "plain")["singleuser"]["extraFiles"]["server"]["data"]
    assert plain["MappingKernelManager"]["cull_idle_timeout"] == 3600


def test_every_image_is_pinned(rendered):
    single = values(rendered, "plain")["singleuser"]
    images = [profile["kubespawner_override"]["image"] for profile in single["profileList"]]
    images.append(f"{single['image']['name']}:{single['image']['tag']}")
    assert len(single["profileList"]) >= 3
    for image in images:
        tag = image.rpartition(":")[2]
        assert "/" not in tag and tag != "latest" and any(sign.isdigit() for sign in tag), image


def test_the_site_behind_a_proxy(rendered):
    environment = values(rendered, "much")["singleuser"]["extraEnv"]
    assert environment["https_proxy"] == "http://proxy.uni.edu:3128"
    assert environment["PIP_INDEX_URL"] == "https://pypi.uni.edu/simple"
    for name in ("hub", "proxy-public", "10.43.0.0/16", "localhost"):
        assert name in environment["NO_PROXY"].split(","), "a person's server speaks to its hub"


def test_spanish_pages_go_into_the_hubs_pod(rendered):
    files = values(rendered, "much")["hub"]["extraFiles"]
    paths = {entry["mountPath"] for entry in files.values()}
    assert "/usr/local/share/localcloud/pages/native-login.html" in paths
    assert not [p for p in _paths(rendered, "plain") if "/pages/" in p]
    lab = values(rendered, "much")["singleuser"]["extraFiles"]["lab"]["data"]
    assert lab["@jupyterlab/translation-extension:plugin"] == {"locale": "es_ES"}


def _paths(rendered, case: str) -> set[str]:
    return {file["mountPath"] for file in values(rendered, case)["hub"]["extraFiles"].values()}


def test_the_redirection_leads_to_the_port_that_people_use(rendered):
    redirect, route = rendered["address"]["objects"][:2]
    assert redirect["spec"]["redirectScheme"]["port"] == "8443"
    assert route["spec"]["routes"][0]["match"] == "PathPrefix(`/`)"
