#!/usr/bin/python
"""Ansible module in name only: see the action plugin, which writes on the controller."""

DOCUMENTATION = """
module: k3s_kubeconfig
short_description: Bring the cluster's kubeconfig into the site
author: The localcloud authors
options:
  src:
    description: Path on the host.
    type: path
    required: true
  dest:
    description: Path on this computer. Its owner alone can read it.
    type: path
    required: true
  url:
    description: Where people reach the API, in place of the server's own loopback address.
    type: str
    required: true
"""
