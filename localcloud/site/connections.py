"""Ansible's own connection variables, as far as a mistake can be seen from here."""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.i18n import _
from localcloud.site import formats
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.inventory import Definition
from localcloud.site.model import Host
from localcloud.site.templates import is_template

# Where ssh looks for host keys, and whether it insists on them: localcloud's to say, see
# `localcloud.ansible_env`. As variables of a host they would win over what it says there.
_STRICT = re.compile(
    r"StrictHostKeyChecking|(User|Global)KnownHostsFile|KnownHostsCommand|VerifyHostKeyDNS"
    r"|NoHostAuthenticationForLocalhost",
    re.IGNORECASE,
)
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")
_NEVER = (
    "ansible_ssh_args",
    "ansible_host_key_checking",
    "ansible_ssh_host_key_checking",
    "ansible_paramiko_host_key_checking",
)


def check_connection(host: Host, complaints: Complaints) -> None:
    """What SSH will be told of a host."""
    for name, wrong in _connection_faults(host):
        definition = host.definitions[name]
        message = _("{name} of host {host}: {fault}.")
        message = message.format(name=name, host=host.name, fault=wrong)
        complaints.add(Complaint(message, "", definition.document.path, definition.line()))


def check_strictness(definition: Definition, value: Any, complaints: Complaints) -> None:
    """Variables that would let a server in whose host key nobody has pinned."""
    name = definition.name
    if name in _NEVER:
        message = _("{name} would replace the options by which localcloud insists on host keys.")
        message = message.format(name=name)
        remedy = (
            _("Remove the line; other options for SSH go into ansible_ssh_common_args.")
            if name == "ansible_ssh_args"
            else _("Remove the line: `localcloud init DIR` shows a server's keys and pins them.")
        )
    elif name in _ARGUMENTS and (found := _STRICT.search(str(value))):
        message = _("{name} sets {option}: only the keys in the site's known_hosts may count.")
        message = message.format(name=name, option=found.group())
        remedy = _(
            "Take {option} out; `localcloud init DIR` shows a server's keys and pins them."
        ).format(option=found.group())
    else:
        return
    place = definition.document.path
    complaints.add(Complaint(message, remedy, place, definition.line()))


def _connection_faults(host: Host) -> Iterator[tuple[str, str]]:
    port = host.definitions.get("ansible_port")
    if port and not is_template(port.value) and formats.port(port.value):
        yield "ansible_port", formats.port(port.value)
    address = host.definitions.get("ansible_host")
    if address:
        wrong = formats.domain(host.address) if host.address else _("it has no value")
        if wrong and "_" not in host.address:  # SSH itself does not mind an underscore
            yield "ansible_host", wrong
    for name in ("ansible_ssh_private_key_file", "ansible_private_key_file"):
        if name in host.definitions and host.key_file:
            if not host.key_file.is_absolute():
                example = "{{ inventory_dir }}/" + str(host.key_file)
                yield (
                    name,
                    _("a path must not depend on where you are; write {example}").format(
                        example=example
                    ),
                )
            elif not host.key_file.is_file():
                yield name, _("there is no such file: {place}").format(place=host.key_file)
            return
