"""Ansible's own connection variables, as far as a mistake can be seen from here."""

from collections.abc import Iterator

from localcloud.i18n import _
from localcloud.site import formats
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.model import Host
from localcloud.site.templates import is_template


def check_connection(host: Host, complaints: Complaints) -> None:
    """What SSH will be told of a host."""
    for name, wrong in _connection_faults(host):
        definition = host.definitions[name]
        message = _("{name} of host {host}: {fault}.")
        message = message.format(name=name, host=host.name, fault=wrong)
        complaints.add(Complaint(message, "", definition.document.path, definition.line()))


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
