#!/usr/bin/python
"""Ansible module in name only: see the action plugin, which tries other modules."""

DOCUMENTATION = """
module: pending_tasks
short_description: Look whether task files of the role would change anything on the host
description:
  - Tries their tasks in check mode, in one step, also those of files that they include.
  - Loops, blocks and work on other hosts count as something to do, unless their condition is false.
author: The localcloud authors
options:
  files:
    description: Task files of the role, in the order in which they would run.
    type: list
    elements: str
    required: true
  group:
    description: The group that a host is in from then on where one of them would change something.
    type: str
    required: true
  steady:
    description: Variables that are the same for all of these tasks; they are worked out once.
    type: list
    elements: str
    default: []
"""
