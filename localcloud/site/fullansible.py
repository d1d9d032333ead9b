"""The slow road for values that only Ansible can work out: its own templating, on this computer."""

from typing import TYPE_CHECKING, Any

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.site.yamlfile import UnsafeText, VaultText

if TYPE_CHECKING:
    from localcloud.site.model import Host, Site


def evaluate(site: "Site", host: "Host", name: str, raw: Any) -> Any:
    """Render ``raw`` with Ansible's filters and lookups; UsageError where facts are needed."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar, trust_as_template

    def trusted(value: Any) -> Any:
        if isinstance(value, VaultText):
            return site.resolver(host).render(value)
        if isinstance(value, dict):
            return {key: trusted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [trusted(item) for item in value]
        if isinstance(value, str) and not isinstance(value, UnsafeText):
            return trust_as_template(value)
        return value

    variables: dict[str, Any] = {}
    for component in reversed(site.catalogue.values()):
        variables.update(component.defaults)
    for component in site.components_of(host):
        variables.update(component.defaults)
    variables.update(site.magic(host))
    variables.pop("hostvars", None)
    variables.update(host.variables)
    loader = DataLoader()
    loader.set_basedir(str(site.directory))
    templar = Templar(
        loader=loader, variables={key: trusted(item) for key, item in variables.items()}
    )
    try:
        return _plain(templar.template(trusted(raw)))
    except Exception as error:  # Ansible raises many kinds; all mean the same here
        raise UsageError(
            _("The value of {name} for host {host} cannot be worked out on this computer.").format(
                name=name or raw, host=host.name
            ),
            _("Write a plain value, or a template that needs no facts of the host."),
            str(error).splitlines()[0],
        ) from error


def _plain(value: Any) -> Any:
    """Ansible's tagged and lazy containers as plain Python ones."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
