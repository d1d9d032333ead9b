"""What a person sees on a terminal."""

import re

from localcloud import ui


def test_colours_do_not_move_the_columns(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    rows = [
        ["uno", ui.style("listo", "good"), "Debian 12, 2 núcleos, " * 3],
        ["dos", ui.style("inalcanzable", "bad"), "El servidor no respondió."],
    ]
    ui.table(["Servidor", "", "Hallazgo"], rows)
    printed = capsys.readouterr().out
    assert "\x1b[32mlisto\x1b[0m" in printed
    lines = re.sub(r"\x1b\[\d+m", "", printed).splitlines()
    column = len("Servidor") + 2 + len("inalcanzable") + 2
    assert [line[:column].strip() for line in lines[2:-1]] == [""] * (len(lines) - 3)
    assert lines[0].index("Hallazgo") == lines[1].index("Debian") == column
    assert lines[-1].index("El servidor") == column
    assert max(map(len, lines)) <= 60
