#!/usr/bin/env bash
# Installs Stopover on a host of a cluster, in the versions that it was tested with. A second run finds nothing to do.
#   PYTHON=python3.12 setup.sh             with another Python than python3; the same minor version on every host
#   STOPOVER_VENV=/opt/stopover setup.sh   nothing is installed: this environment has Stopover already
set -euo pipefail
cd "$(dirname "$0")/.."
venv=~/stopover-venv
reads=". $PWD/clusters/environment.sh"

grep -qsxF "$reads" ~/.bashrc || echo "$reads" >>~/.bashrc
chmod 600 ~/.ray/auth_token

if [ -n "${STOPOVER_VENV:-}" ]; then
    "$STOPOVER_VENV/bin/stopover" --help >/dev/null
    ln -sfT "$STOPOVER_VENV" "$venv"
    echo "Stopover is installed in $STOPOVER_VENV"
    exit
fi

lock=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat "$venv/.installed" 2>/dev/null)" = "$lock" ]; then
    echo "Stopover is installed in $venv"
    exit
fi
[ ! -L "$venv" ] || rm "$venv"
python=${PYTHON:-python3}
"$python" -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Stopover needs Python 3.11 to 3.13, this is %d.%d: set PYTHON" % v)'
"$python" -m venv "$venv"
# torch first: with it in place nothing else can pull in a second, larger build
"$venv/bin/pip" install --quiet --disable-pip-version-check "$(grep '^torch==' constraints.txt)"
"$venv/bin/pip" install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cluster,s3]'
echo "$lock" >"$venv/.installed"
