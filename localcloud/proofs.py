"""What a site can prove: its roles by their ``tasks/verify.yml``, its hubs by a student's walk."""

from localcloud import paths, receipts, screen
from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.site import Site


def of_roles(site: Site) -> list[str]:
    """Names of the roles whose own proof is the only one. A walk through a hub proves more."""
    return [
        component.name
        for component in site.components
        if (paths.roles_dir() / component.name / "tasks/verify.yml").exists()
        and not component.meta.get("endpoint")
    ]


def make_sure_it_is_there(site: Site) -> None:
    """Raises LocalcloudError if nothing is installed: a proof would fail for odd reasons."""
    provable = {*of_roles(site)}
    hubs = {one.host: one.component for one in site.endpoints()}
    hosts = {
        name: {component.name for component in site.components_of(host)} & provable
        for name, host in site.hosts.items()
    }
    asked = [site.hosts[name] for name in hosts if hosts[name] or name in hubs]
    bare = []
    for name, answer in receipts.of_all(site, asked).items():
        if isinstance(answer, LocalcloudError):
            raise answer
        # Of a host's roles one is enough: volumes, for one, are a matter of the first server.
        missing = hubs.get(name, "") not in {"", *answer}
        if missing or (hosts[name] and not hosts[name] & {*answer}):
            bare.append(name)
    if bare:
        raise LocalcloudError(
            _("Nothing is installed on {hosts}, so there is nothing to verify.").format(
                hosts=screen.names(bare)
            ),
            _("Run `localcloud install`, which verifies what it has installed."),
        )
