"""Names of the hub's users: what may become a Unix name (see unix_users.py); words for the rest."""

PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
THEIRS = "does not contain spaces, commas or slashes"
OURS = "holds only a–z (no accents), 0–9, “.”, “_” and “-”, beginning with a letter or a digit"


def add_to(handler: type) -> None:
    """Have NativeAuthenticator's sign-up page say which names there can be."""
    own = handler.get_result_message

    def get_result_message(self, *words, **named):
        alert, message = own(self, *words, **named)
        return alert, message.replace(THEIRS, OURS)

    handler.get_result_message = get_result_message
