"""The ``localcloud`` command: choose the language, run the verb, show an error once."""

import os
import sys

from localcloud import i18n


def main() -> None:
    """Run the command line; every error a person can meet ends here."""
    i18n.choose(sys.argv[1:])
    # Imported only now: help texts are translated while these modules load.
    import click

    from localcloud import hints, ui
    from localcloud.cli import cli
    from localcloud.errors import ExitCode, LocalcloudError

    try:
        result = cli.main(standalone_mode=False, prog_name=hints.program())
        code = result if isinstance(result, int) else ExitCode.DONE
    except LocalcloudError as error:
        ui.error(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        ui.err(i18n._("Interrupted."))
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) left; not an error of ours
        sys.stderr.close()
        code = ExitCode.DONE
    except Exception as error:
        if os.environ.get("LOCALCLOUD_DEBUG"):
            raise
        ui.error(ui.unexpected(error))
        code = ExitCode.FAILED
    sys.exit(int(code))


if __name__ == "__main__":
    main()
