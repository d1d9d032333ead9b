"""The course of TLJH's installer, as far as localcloud has a part in it."""

from pathlib import Path

from tljh import CALLS, conda, config


def ensure_jupyterhub_running():
    raise AssertionError("it would ask port 80")


def main():
    CALLS.append("installer")
    user = Path(config.USER_ENV_PREFIX)
    if Path(user, "conda-meta").exists():
        conda.ensure_conda_packages(str(user), ["conda==24"], force_reinstall=True)
    elif user.exists():
        raise OSError(f"Found non-empty directory that is not a conda install in {user}.")
    else:
        with conda.download_miniconda_installer("https://…", "0") as program:
            CALLS.append(f"miniforge: {program}")
            Path(user, "conda-meta").mkdir(parents=True)
    conda.ensure_pip_packages(config.USER_ENV_PREFIX, ["jupyterhub>=5"], upgrade=True)
    conda.ensure_pip_requirements(config.HUB_ENV_PREFIX, "hub.txt", upgrade=True)
    ensure_jupyterhub_running()
