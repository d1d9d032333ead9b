#!/usr/bin/python
"""Ansible module in name only: see the action plugin, which works on the controller alone."""

DOCUMENTATION = """
module: k3s_plan
short_description: Decide which node starts the cluster, which join it, and which are upgraded
description:
  - Reads what C(k3s_facts) found on every node, and refuses before anything is touched.
author: The localcloud authors
options:
  looks:
    description: Node's name to the answer of C(k3s_facts) there.
    type: dict
    required: true
  servers:
    description: Names of all servers, in the inventory's order.
    type: list
    elements: str
    required: true
  agents:
    description: Names of all agents.
    type: list
    elements: str
    required: true
  nodes:
    description: Names of the nodes that this run works on.
    type: list
    elements: str
    required: true
"""
