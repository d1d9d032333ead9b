"""What other programs say in English only, in the reader's language where it is said often.

Only parts of sentences: names, numbers and what nobody foresaw stay as they are.
"""

from localcloud.i18n import N_, _

_NETWORK = (
    N_("No route to host"),
    N_("Network is unreachable"),
    N_("Connection refused"),
    N_("Connection timed out"),
    N_("Connection reset by peer"),
    N_("Name or service not known"),
    N_("Temporary failure in name resolution"),
    N_("No address associated with hostname"),
    N_("timed out"),
    N_("Tunnel connection failed"),
    N_("Service Unavailable"),
    N_("Bad Gateway"),
    N_("Gateway Timeout"),
    N_("Internal Server Error"),
    N_("Proxy Authentication Required"),
    N_("Not Found"),
    N_("Forbidden"),
    N_("Unauthorized"),
    N_("certificate verify failed"),
    N_("self-signed certificate in certificate chain"),
    N_("self-signed certificate"),
    N_("unable to get local issuer certificate"),
    N_("certificate has expired"),
    N_("certificate is not yet valid"),
    N_("Permission denied"),
    N_("No such file or directory"),
)
# libyaml's words.
_YAML = (
    N_("mapping values are not allowed in this context"),
    N_("mapping values are not allowed here"),
    N_("block sequence entries are not allowed in this context"),
    N_("while parsing a flow sequence"),
    N_("while parsing a flow mapping"),
    N_("while parsing a flow node"),
    N_("while parsing a block mapping"),
    N_("while parsing a block collection"),
    N_("while parsing a block node"),
    N_("while scanning for the next token"),
    N_("while scanning a quoted scalar"),
    N_("while scanning a block scalar"),
    N_("while scanning a simple key"),
    N_("while constructing a mapping"),
    N_("did not find expected ',' or ']'"),
    N_("did not find expected ',' or '}'"),
    N_("did not find expected '-' indicator"),
    N_("did not find expected <document start>"),
    N_("did not find expected key"),
    N_("did not find expected node content"),
    N_("did not find expected comment or line break"),
    N_("expected <block end>, but found"),
    N_("found character that cannot start any token"),
    N_("found unexpected end of stream"),
    N_("found undefined alias"),
    N_("found unhashable key"),
    N_("could not find expected ':'"),
    N_("could not determine a constructor for the tag"),
)
_LONGEST_FIRST = sorted((*_NETWORK, *_YAML), key=len, reverse=True)


def in_words(text: str) -> str:
    """The same text with the phrases that are known translated."""
    for phrase in _LONGEST_FIRST:
        if phrase in text:
            text = text.replace(phrase, _(phrase))
    return text
