"""Problems with the places packages come from."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

_SET = N_(
    "Check the host's network and DNS, or set `{setting}` in the site's settings to a mirror "
    "that answers, and the site's proxy if your campus has one."
)

PROBLEMS: dict[str, Template] = {
    "mirror_dns": Template(
        N_("The {kind} package source {url} has a name the host cannot resolve."),
        _SET,
        "kind",
        "url",
        "setting",
    ),
    "mirror_refused": Template(
        N_("The {kind} package source {url} refuses the host's connection."),
        _SET,
        "kind",
        "url",
        "setting",
    ),
    "mirror_timeout": Template(
        N_("The {kind} package source {url} does not answer the host."),
        _SET,
        "kind",
        "url",
        "setting",
    ),
    "mirror_other": Template(
        N_("The {kind} package source {url} cannot be reached from the host: {reason}"),
        _SET,
        "kind",
        "url",
        "reason",
        "setting",
    ),
    "mirror_http": Template(
        N_("The {kind} package source {url} answers with an error: {reason}"),
        N_("Check the address in `{setting}`: it must be the root of a working mirror."),
        "kind",
        "url",
        "reason",
        "setting",
    ),
    "mirror_tls": Template(
        N_("The host does not trust the certificate of the {kind} source {url}: {reason}"),
        N_(
            "If your campus has its own certificate authority, copy its certificate (a PEM file) "
            "into the site and name it in `{certificates}`, for example `{certificates}: "
            "[files/campus-ca.pem]`; otherwise check the host's clock and the mirror's certificate."
        ),
        "kind",
        "url",
        "reason",
        "certificates",
    ),
    "mirror_proxy": Template(
        N_("The proxy does not let the host reach the {kind} source {url}: {reason}"),
        N_("Check the proxy in the site's settings: address, port, user and password."),
        "kind",
        "url",
        "reason",
    ),
    "mirror_untested": Template(
        N_("The host has nothing to try the {kind} package source {url} with."),
        N_("Nothing to do: if it does not answer, `localcloud install` says so."),
        "kind",
        "url",
    ),
    "mirror_unknown": Template(
        N_("Where {kind} gets its packages from is not known here, so it was not tried."),
        N_("Nothing to do, or set `{setting}` to your mirror."),
        "kind",
        "setting",
    ),
    "apt_sources_missing": Template(
        N_("The host has no package source on the network (/etc/apt/sources.list)."),
        N_("Write one there, or set `{setting}` in the site's settings."),
        "setting",
    ),
}
