# The mark to beat: the same packages on the same kind of host, by a plain shell script. No checks, no
# receipts, no hardening, no idempotence; run as root on a fresh machine with the role's lock files in $1.
set -eu
locks=$1
export DEBIAN_FRONTEND=noninteractive
cp "$locks"/ca/*.crt /usr/local/share/ca-certificates/ 2>/dev/null && update-ca-certificates >/dev/null 2>&1
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends python3-venv git >/dev/null
python3 -m venv /opt/bare/uv
/opt/bare/uv/bin/python -m pip install -q --no-cache-dir --require-hashes --no-deps -r "$locks/uv.txt"
for name in hub user; do
  /opt/bare/uv/bin/uv venv -q --python /usr/bin/python3 "/opt/bare/$name"
  /opt/bare/uv/bin/uv pip sync -q --require-hashes --compile-bytecode --no-cache \
    --build-constraint "$locks/build.txt" --python "/opt/bare/$name/bin/python" "$locks/$name.txt"
done
mkdir -p /opt/bare/proxy && cp "$locks"/proxy/package*.json /opt/bare/proxy && cd /opt/bare/proxy
PATH="/opt/bare/hub/bin:$PATH" npm ci --ignore-scripts --no-audit --no-fund >/dev/null
mkdir -p /var/lib/bare && cd /var/lib/bare
cat >jupyterhub_config.py <<'END'
c = get_config()
c.JupyterHub.authenticator_class = "native"
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.JupyterHub.bind_url = "http://:80"
c.ConfigurableHTTPProxy.command = [
    "/opt/bare/hub/bin/node",
    "/opt/bare/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy",
]
END
systemd-run -q --unit=bare-hub --working-directory=/var/lib/bare \
  --setenv=PATH=/opt/bare/hub/bin:/usr/bin:/bin /opt/bare/hub/bin/jupyterhub
for _ in $(seq 60); do
  python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1/hub/health")' 2>/dev/null && exit 0
  sleep 0.5
done
exit 1
