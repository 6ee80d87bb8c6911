# Sourced by ./run and ./test: says what it does, installs what is missing, configures and builds.
# Needs $repo, the repository's folder.

say() { printf 'weir: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# packages KIND...: the names in scripts/packages.txt of these kinds.
packages() {
  local kind names
  while read -r kind names; do
    case " $* " in *" $kind "*) printf '%s ' $names ;; esac
  done < <(grep -v '^#' "$repo/scripts/packages.txt")
}

# install_packages KIND...: installs those that are missing, and says so.
install_packages() {
  local name missing=() as_root=()
  for name in $(packages "$@"); do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null ||
    die "needs these Debian packages, and there is no apt-get here; install them by hand: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "needs packages; become root and run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages with apt-get: ${missing[*]}"
  local log no_cluster=
  log=$(mktemp)
  # The tests start a PostgreSQL of their own: its package shall not set up and start one for the whole machine.
  if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
    no_cluster=/etc/postgresql-common/createcluster.d/weir.conf
    "${as_root[@]}" mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
  fi
  if ! { "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y \
      --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    "${as_root[@]}" rm -f "$log" "$no_cluster"
    die "apt-get could not install: ${missing[*]}. The lines above say why; mend that, then start again."
  fi
  "${as_root[@]}" rm -f "$log" "$no_cluster"
}

# build PRESET TESTS TARGET...: configures where needed and builds; quiet unless something is wrong. TESTS is ON, or OFF
# where their packages may be missing; a folder that has them keeps them.
build() {
  local preset=$1 tests=$2 folder=$repo/build/$1 log fresh=
  shift 2
  log=$(mktemp)
  [ -f "$folder/build.ninja" ] || fresh=yes
  if [ -n "$fresh" ] || { [ "$tests" = ON ] && ! grep -q '^WEIR_TESTS:BOOL=ON' "$folder/CMakeCache.txt"; }; then
    say "configuring $preset"
    (cd "$repo" && cmake --preset "$preset" -DWEIR_TESTS="$tests") >"$log" 2>&1 ||
      { cat "$log" >&2; rm -f "$log"; die "cmake could not configure $preset; the lines above say why."; }
  fi
  if ! ninja -C "$folder" -n "$@" 2>/dev/null | grep -q '^ninja: no work to do'; then
    if [ -n "$fresh" ]; then
      say "building $preset on $(nproc) cores; the first time takes some minutes"
    else
      say "building $preset"
    fi
  fi
  if [ -t 2 ]; then
    ninja -C "$folder" "$@" >&2 || { rm -f "$log"; die "the build of $preset failed; the lines above say why."; }
  else
    ninja -C "$folder" "$@" >"$log" 2>&1 || { grep -v '^\[' "$log" >&2; rm -f "$log"; die "the build of $preset failed; the lines above say why."; }
  fi
  rm -f "$log"
}
