"""Load a site directory: read, merge, validate, make missing secrets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.components import Component, load_components
from localcloud.errors import UsageError
from localcloud.i18n import _, site_language
from localcloud.site import gitcare, limits
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.inventory import Definition, Inventory, read_inventory
from localcloud.site.model import Host, Site
from localcloud.site.required import missing_settings, needed_secrets
from localcloud.site.templates import NotPlain
from localcloud.site.validate import Check
from localcloud.site.variables import VariableFiles, merged, read_variable_files
from localcloud.site.vault import Vault, add_secrets, not_writable
from localcloud.site.yamlfile import Document, Unreadable, parse


def load_site(directory: Path, *, limit: str | None = None, need_secrets: bool = True) -> Site:
    """Read and check a site; raises one UsageError that names everything wrong with it.

    With ``need_secrets`` the vault is opened and what it lacks is generated; without, nothing is
    written, and vault files stay closed unless a required setting stands nowhere else. Follows the
    site's language from here on.
    """
    directory = _site_directory(directory)
    site = _checked(directory, need_secrets)
    if need_secrets:
        missing = needed_secrets(site)
        try:
            _ready(site)
            if missing:
                gitcare.ignore(directory)
                add_secrets(site.vault, missing, site.run_dir)
                return load_site(directory, limit=limit)
        except OSError as error:
            raise not_writable(directory, error) from error
    if limit:
        chosen = limits.select(limit, {name: host.groups for name, host in site.hosts.items()})
        site.hosts = {name: site.hosts[name] for name in chosen}
    return site


def _checked(directory: Path, opening: bool) -> Site:
    """The site, found in order; ``opening``: vault files are looked into."""
    complaints, broken = Complaints(directory), Complaints(directory)
    document = _hosts_file(directory, broken)
    broken.raise_if_any()
    inventory = read_inventory(document, complaints)
    catalogue = load_components()
    vault = Vault(directory)
    if opening:
        vault.refuse_unsealed()

    def open_vault(path: Path, content: bytes) -> bytes | None:
        return vault.open(content, str(path.relative_to(directory))) if opening else None

    files = read_variable_files(directory, inventory, open_vault, complaints, broken)
    broken.raise_if_any()
    site = _site(directory, catalogue, vault, inventory, files)
    _follow_language(site)
    definitions = [*_inline(inventory), *files.every]
    Check(site, inventory, definitions, complaints, bool(files.sealed)).run()
    complaints.raise_if_any()
    if files.sealed and missing_settings(site):
        return _checked(directory, opening=True)  # it is in a closed file, or truly missing
    return site


def _site_directory(directory: Path) -> Path:
    if directory.name == "hosts.yml" and directory.is_file():  # as one would tell Ansible
        directory = directory.parent
    if (directory / "hosts.yml").is_file():
        return directory.resolve()
    remedy = _("Name a site with -i DIR, or make one: `localcloud init {directory}`").format(
        directory=directory if str(directory) != "." else "DIR"
    )
    if not directory.is_dir():
        raise UsageError(_("There is no site {directory}.").format(directory=directory), remedy)
    for name in ("hosts.yaml", "hosts", "hosts.ini", "inventory.yml", "inventory.ini", "inventory"):
        if (directory / name).is_file():
            remedy = _("Rename {name} to hosts.yml, and write it as YAML.").format(name=name)
    raise UsageError(
        _("{directory} is not a site: it has no hosts.yml.").format(directory=directory.resolve()),
        remedy,
    )


def _hosts_file(directory: Path, broken: Complaints) -> Document:
    path = directory / "hosts.yml"
    try:
        return parse(path, path.read_bytes())
    except Unreadable as error:
        broken.add(error.complaint)
    except OSError as error:
        message = _("This file cannot be read: {reason}.").format(reason=error.strerror)
        broken.add(Complaint(message, "", path))
    return Document(path, {})


def _site(
    directory: Path,
    catalogue: dict[str, Component],
    vault: Vault,
    inventory: Inventory,
    files: VariableFiles,
) -> Site:
    hosts: dict[str, Host] = {}
    site = Site(directory, hosts, catalogue, vault, all_hosts=hosts)
    for name in inventory.hosts:
        definitions = merged(name, inventory, files)
        names = tuple(sorted(inventory.groups_of(name) - {"all"}))
        raw = {key: definition.value for key, definition in definitions.items()}
        hosts[name] = Host(name, names, raw, name, 22, None, None, definitions)
    # Templates in connection variables may look at other hosts, so these come last.
    ready = {name: _connected(site, host) for name, host in hosts.items()}
    site.all_hosts = ready
    site.hosts = dict(ready)
    return site


def _connected(site: Site, host: Host) -> Host:
    def first(*names: str) -> Any:
        for name in names:
            if name in host.variables:
                try:
                    return site.resolver(host).render(host.variables[name])
                except NotPlain:
                    return None  # validation tells why, or Ansible knows better
        return None

    port = first("ansible_port", "ansible_ssh_port")
    user = first("ansible_user", "ansible_ssh_user")
    key = first("ansible_ssh_private_key_file", "ansible_private_key_file")
    return Host(
        name=host.name,
        groups=host.groups,
        variables=host.variables,
        address=str(first("ansible_host", "ansible_ssh_host") or host.name),
        port=int(port) if str(port).isdigit() else 22,
        user=str(user) if user else None,
        key_file=Path(str(key)).expanduser() if key else None,
        definitions=host.definitions,
    )


def _inline(inventory: Inventory) -> list[Definition]:
    found: dict[Any, Definition] = {}
    owners: list[Mapping[str, Definition]] = [
        *(group.variables for group in inventory.groups.values()),
        *inventory.hosts.values(),
    ]
    for variables in owners:
        for definition in variables.values():  # a range of hosts shares its variables
            found.setdefault(definition.keys, definition)
    return list(found.values())


def _follow_language(site: Site) -> None:
    """Before validation, so that its messages are in the site's language already."""
    for host in site.all_hosts.values():
        for component in site.components_of(host):
            name = component.meta.get("language")
            if name:
                try:
                    value = site.resolver(host).render(
                        host.variables.get(name) or component.defaults.get(name)
                    )
                except NotPlain:
                    continue
                site_language(value if isinstance(value, str) else None)
                return


def _ready(site: Site) -> None:
    """A site about to be used: its run folder, and a word if git would publish the key."""
    site.run_dir.mkdir(mode=0o700, exist_ok=True)
    if gitcare.is_tracked(site.vault_key):
        from localcloud import ui

        ui.warn(
            _("Git tracks {key}: whoever has the repository has the site's passwords.").format(
                key=site.vault_key.name
            )
        )
        ui.warn(_("Stop that with: git rm --cached {key}").format(key=site.vault_key.name))
