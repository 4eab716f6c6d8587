#!/usr/bin/env bash
# A root file system like that of python:3.11-slim, where no image registry can be reached: this machine's essential
# Debian packages and a CPython. No network. Usage: make-python-base.sh FOLDER PREFIX_OF_PYTHON
set -euo pipefail
out=${1:?usage: make-python-base.sh FOLDER PREFIX}
prefix=${2:?usage: make-python-base.sh FOLDER PREFIX}
[ "$prefix" != /usr ] || { echo "Debian's own Python in /usr cannot be moved; use one in a folder of its own" >&2; exit 1; }
version=$("$prefix/bin/python3" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

mkdir -p "$out"/{usr/{bin,sbin,lib,lib64,local},etc/ssl/certs,tmp,proc,sys,dev,run,root,home,var/{tmp,cache,log,lib}}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$out/$name"; done
chmod 1777 "$out/tmp" "$out/var/tmp"

# The essential packages, what CPython links to, and all that those need.
essential=$(dpkg-query -Wf '${Package} ${Essential}\n' | awk '$2 == "yes" {print $1}')
# shellcheck disable=SC2086 # one word a package
packages=$(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances $essential passwd ca-certificates netbase tzdata libssl3 libffi8 libsqlite3-0 \
    libreadline8 libncursesw6 libexpat1 zlib1g libbz2-1.0 liblzma5 libuuid1 libcrypt1 libstdc++6 |
    grep -E '^\w' | sort -u)
for package in $packages; do dpkg -L "$package" 2>/dev/null || true; done |
    grep -vE '^/usr/share/(doc|man|locale|info|lintian|perl|zoneinfo/right)/|^/usr/lib/[^/]*-linux-gnu/(perl|gconv)/' |
    sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#; s#^/##' | grep / | sort -u |
    while read -r file; do if [ -L "/$file" ] || [ -f "/$file" ]; then echo "$file"; fi; done |
    tar -C / -cf - --no-recursion -T - | tar -C "$out" -xf -
cp "$out/usr/share/base-passwd/passwd.master" "$out/etc/passwd"
cp "$out/usr/share/base-passwd/group.master" "$out/etc/group"
touch "$out/etc/shadow" "$out/etc/gshadow"
ln -sf mawk "$out/usr/bin/awk"
ln -sf which.debianutils "$out/usr/bin/which"
cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"

tar -C "$prefix" -cf - --exclude="lib/python$version/site-packages" --exclude="lib/python$version/test" \
    --exclude='*/__pycache__' --exclude="lib/python$version/config-*" --exclude='*/idlelib' --exclude='*/tkinter' \
    --exclude='_tkinter*' --exclude='*.a' bin include lib | tar -C "$out/usr/local" -xf -
find "$out/usr/local/bin" -type f ! -name 'python*' -delete
mkdir -p "$out/usr/local/lib/python$version/site-packages"
chroot "$out" ldconfig
chroot "$out" "/usr/local/bin/python$version" -m ensurepip >/dev/null
ln -sf "pip$version" "$out/usr/local/bin/pip"
