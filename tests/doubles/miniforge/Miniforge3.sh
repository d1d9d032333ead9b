#!/bin/bash
# Stand-in for Miniforge's installer, for computers that reach package mirrors only. It is called as
# TLJH calls the real one (-u -b -p PREFIX) and makes an environment of the host's own Python, with a
# `conda` and a `mamba` that know what TLJH asks of them. It shows orchestration, not conda.
set -e
while getopts "ubp:" option; do
  case $option in p) prefix=$OPTARG ;; *) ;; esac
done
python3 -m venv "$prefix"
cat > "$prefix/bin/conda" <<'CONDA'
#!/bin/bash
# Stand-in (see tests/doubles/miniforge): `list --json` tells what pip knows, and what `install` noted.
here=$(dirname "$(readlink -f "$0")")
case $1 in
  list)
    exec "$here/python" - "$here/../conda-meta-stand-in" <<'PYTHON'
import importlib.metadata, json, pathlib, platform, sys
known = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
known |= {"conda": "24.7.1", "mamba": "1.5.9", "python": platform.python_version()}
noted = pathlib.Path(sys.argv[1])
known |= {name: "1" for name in (noted.read_text().split() if noted.exists() else [])}
print(json.dumps([{"name": name, "version": version} for name, version in known.items()]))
PYTHON
    ;;
  install)
    shift
    while [ $# -gt 0 ]; do
      case $1 in
        -c|--prefix) shift ;;
        -*) ;;
        no-such-package) echo "PackagesNotFoundError: $1" >&2; exit 1 ;;
        *) echo "$1" >> "$here/../conda-meta-stand-in" ;;
      esac
      shift
    done
    ;;
  *) echo "the stand-in for conda does not know: $*" >&2; exit 2 ;;
esac
CONDA
chmod 755 "$prefix/bin/conda"
ln -s conda "$prefix/bin/mamba"
