#!/usr/bin/env bash
# Does here what the Dockerfile does, as far as a machine without docker can: takes what .dockerignore lets through, runs the Dockerfile's own
# restore and publish lines there, asks whether every library that the published folder needs comes with the packages that the image installs,
# and runs the result as the image's user with an empty environment. Needs Debian 12, tools/setup.sh, and root.
# What it cannot tell: whether the base images exist, and whether the layers build.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'image: %s\n' "$*"; }
fail() { printf 'image: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "run as root: the image's user is taken on for a part of it"

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
mkdir "$work/source" "$work/image" "$work/empty"

say "what .dockerignore lets through"
sed -n 's/^!//p' .dockerignore | while read -r path; do
  [ -e "$path" ] || fail "$path is in .dockerignore and not here"
  tar cf - --exclude=bin --exclude=obj "$path" | tar xf - -C "$work/source"
done
grep -oE '^COPY [^-].*' Dockerfile | while read -r _ from _; do
  [ -e "$work/source/$from" ] || fail "the Dockerfile copies $from, which .dockerignore keeps out"
done
# Stands for 'RUN tools/setup.sh' of the build stage.
tools/setup.sh
for folder in .native/linux-*; do
  mkdir -p "$work/source/$folder" && cp "$folder/libonnxruntime.so.1" "$work/source/$folder/"
done

restore=$(sed -n 's/^RUN \(dotnet restore .*\)/\1/p' Dockerfile)
publish=$(sed -n 's/^RUN \(dotnet publish .*\)/\1/p' Dockerfile)
[ -n "$restore" ] && [ -n "$publish" ] || fail "the Dockerfile has no 'RUN dotnet restore' or 'RUN dotnet publish'"
say "$restore"
(cd "$work/source" && $restore -v quiet --nologo)
say "$publish"
(cd "$work/source" && ${publish%-o *} -o "$work/image/slidemesh" -v quiet --nologo)

say "frameworks"
frameworks=$(grep -oE '"Microsoft\.[A-Za-z.]+App"' "$work/image/slidemesh/slidemesh.runtimeconfig.json" | tr -d '"' | sort -u)
[ "$frameworks" = Microsoft.NETCore.App ] || grep -q 'FROM [a-z.]*/dotnet/aspnet:' Dockerfile || fail "the image's runtime lacks one of: $frameworks"

say "libraries and the packages that they come from"
packages=$(sed -n '/AS slidemesh/,/^COPY/p' Dockerfile | grep -oE '(--no-install-recommends) [^\\]*' | head -n 1 | cut -d' ' -f2-)
[ -n "$packages" ] || fail "the final stage installs no package"
# What the image has: a bare Debian (its essential packages), and these with all that they depend on.
# shellcheck disable=SC2086
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  $packages $(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p') | grep -E '^[a-z0-9]' | cut -d: -f1 | sort -u >"$work/packages"
{
  find "$work/image/slidemesh" /usr/share/dotnet/shared/Microsoft.NETCore.App -name '*.so*' -type f
  echo "$work/image/slidemesh/slidemesh"
  for library in libopenslide.so.0 libturbojpeg.so.0 libopenjp2.so.7 libhdf5_serial.so.103 libssl.so.3; do
    ldconfig -p | sed -n "s/.*$library .*=> //p" | head -n 1 | grep . || fail "$library is not installed here" >&2
  done
} >"$work/binaries"
missing=
while read -r binary; do
  case "$binary" in *lttng*|*libcoreclrtraceptprovider*) continue ;; esac # tracing by LTTng: loaded only when its library is there
  while read -r name path; do
    [ "$path" != found ] || { printf 'image: %s needs %s, which is not here\n' "$binary" "$name" >&2; missing=yes; continue; }
    case "$path" in /usr/share/dotnet/*|"$work"/*) continue ;; esac # the image copies these
    owner=$( { dpkg-query -S "$path" || dpkg-query -S "/usr$path" || dpkg-query -S "$(readlink -f "$path")"; } 2>/dev/null | head -n 1 | cut -d: -f1)
    grep -qx "${owner:-none}" "$work/packages" || { printf 'image: %s needs %s of the package %s, which the image does not install\n' "$(basename "$binary")" "$path" "${owner:-?}" >&2; missing=yes; }
  done < <(echo "self $binary"; ldd "$binary" 2>/dev/null | sed -nE 's/^\s*(\S+) => (not )?(\S+).*/\1 \3/p; s/^\s*(\/\S+) \(.*/\1 \1/p')
done <"$work/binaries"
[ -z "$missing" ] || fail "libraries are missing (see above)"
say "$(wc -l <"$work/binaries") binaries, all libraries found"

user=$(sed -n 's/^USER \([0-9]*\):.*/\1/p' Dockerfile)
[ "${user:-0}" -gt 0 ] || fail "the image has no user"
say "doctor, as user $user with an empty environment"
(cd "$work/empty" && env -i PATH=/usr/bin:/bin DOTNET_ROOT=/usr/share/dotnet DOTNET_EnableDiagnostics=0 \
  setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$work/image/slidemesh/slidemesh" doctor)
say "$(du -sm "$work/image/slidemesh" | cut -f1) MiB in the published folder; no image was built"
