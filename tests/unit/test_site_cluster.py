"""A cluster that cannot be one is refused from its files alone, before any host is touched."""

import pytest
from site_cases import load, said, write_site


def inventory(**groups):
    lines = [f"    {group}: {{hosts: {{{hosts}}}}}" for group, hosts in groups.items()]
    return "all:\n  children:\n" + "\n".join(lines) + "\n"


def refused(directory, settings="{}\n", **groups):
    return said(write_site(directory, inventory(**groups), settings))


def test_agents_need_a_server(tmp_path):
    text = refused(tmp_path, k3s_agent="node1: {}, node2: {}")
    assert "The site has hosts for k3s (node1, node2), but none in the group k3s_server." in text
    assert "Put one host below k3s_server in hosts.yml." in text


def test_a_host_is_server_or_agent(tmp_path):
    text = refused(tmp_path, k3s_server="node1: {}", k3s_agent="node1: {}, node2: {}")
    assert "Host node1 is in the groups k3s_server, k3s_agent at once" in text
    assert "node2" not in text


def test_a_hub_on_the_cluster_stands_on_a_server(tmp_path):
    text = refused(tmp_path, "hub_domain: hub.uni.edu\n", z2jh="node2: {}", k3s_server="node1: {}")
    assert "Host node2 is in the group z2jh, but not in k3s_server." in text


@pytest.mark.parametrize("services", ["10.42.0.0/16", "10.42.128.0/17", "10.0.0.0/8"])
def test_pods_and_services_have_networks_of_their_own(tmp_path, services):
    text = refused(tmp_path, f"k3s_service_cidr: {services}\n", k3s_server="one: {}, two: {}")
    assert f"k3s_cluster_cidr and k3s_service_cidr overlap: 10.42.0.0/16 and {services}." in text
    assert text.count("overlap") == 1
    assert "group_vars/all/settings.yml:1" in text


def test_servers_alone_and_with_agents_are_a_cluster(tmp_path):
    for number, groups in enumerate(({}, {"k3s_agent": "node2: {}"})):
        text = inventory(k3s_server="node1: {}", **groups)
        assert load(write_site(tmp_path / str(number), text, "{}\n")).hosts
