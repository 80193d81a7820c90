#!/bin/bash
# scripts/setup.sh demo|test|chart|modules: installs and builds what is missing, and says nothing where nothing is.
# demo: what `npm start` needs. test: what `npm test` needs besides: the lab's guest kernel, and csi-sanity by Go;
# with STOWAGE_LAB=full also what only full runs of the lab need. chart: what `npm run test:chart` needs,
# which is Helm. modules: the packages of npm alone.
set -euo pipefail
cd "$(dirname -- "$(realpath -- "$0")")/.."
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

SANITY=github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@v5.5.0
HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
ATTEMPTS=3

# program:package of Debian and Ubuntu
DEMO_PROGRAMS=(mkfs.xfs:xfsprogs mkfs.ext4:e2fsprogs resize2fs:e2fsprogs mount:mount losetup:mount fsfreeze:util-linux)
TEST_PROGRAMS=(
  mkfs.btrfs:btrfs-progs setfacl:acl setfattr:attr gcc:gcc modprobe:kmod ip:iproute2 findmnt:util-linux
  linux.uml:user-mode-linux rpc.nfsd:nfs-kernel-server mount.nfs:nfs-common quota:quota lvm:lvm2
)
FULL_LAB_PROGRAMS=(mariadbd:mariadb-server)

say() { echo "setup: $*" >&2; }
die() { say "$@"; exit 1; }

retry() {
  local attempt
  for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
    "$@" && return 0
    say "attempt $attempt of $ATTEMPTS failed: $*"
    sleep $((attempt * 2))
  done
  return 1
}

check_machine() {
  [[ $(uname -s) = Linux ]] || die "Linux is needed; this is $(uname -s)"
  [[ $EUID = 0 ]] || die 'root is needed, to mount file systems and attach loop devices: run it with sudo'
  command -v node >/dev/null || die 'Node.js 20.19 or later is needed'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js 20.19 or later is needed; this is $(node --version)"
}

# Prints the packages of the programs that are not here.
missing_packages() {
  local entry
  for entry in "$@"; do
    command -v "${entry%%:*}" >/dev/null || echo "${entry#*:}"
  done | sort -u
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages "$@")
  ((${#packages[@]})) || return 0
  command -v apt-get >/dev/null || die "programs are missing; install what Debian has in: ${packages[*]}"
  say "apt-get install ${packages[*]}"
  hold_services
  export DEBIAN_FRONTEND=noninteractive
  retry apt-get -qq update
  retry apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${packages[@]}" >/dev/null
  release_services
  mapfile -t packages < <(missing_packages "$@")
  ((${#packages[@]} == 0)) || die "still missing after the installation: ${packages[*]}"
}

# Packages with services (an NFS server) may not start them on this machine: only the lab's guest runs them.
POLICY=/usr/sbin/policy-rc.d
held=0
hold_services() {
  [[ -e $POLICY ]] && return 0
  held=1
  trap release_services EXIT
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}
release_services() {
  ((held)) && rm -f "$POLICY"
  held=0
}

ensure_loop_devices() {
  [[ -e /dev/loop-control ]] || modprobe loop 2>/dev/null || true
  [[ -e /dev/loop-control ]] || die 'there are no loop devices (/dev/loop-control): modprobe loop, or run the container privileged'
}

# Not `npm ci`: it refuses a lock file made where the registry has no packages for other platforms (Windows, musl, ...),
# which are optional. The versions are those of the lock file all the same, and it is left as it is.
install_modules() {
  [[ node_modules/.package-lock.json -nt package-lock.json ]] && return 0
  say 'npm install'
  retry npm install --no-save --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
}

build() {
  if [[ -e dist/stowage.cjs ]]; then
    [[ -z $(find src scripts/build.mjs package.json package-lock.json -newer dist/stowage.cjs -print -quit) ]] && return 0
  fi
  say 'npm run build'
  npm run --silent build >&2
}

# install_by_go PROGRAM MODULE: into .cache/bin
install_by_go() {
  [[ -x .cache/bin/$1 ]] && return 0
  command -v go >/dev/null || die "Go 1.25 or later is needed, to install $1"
  say "go install $2"
  mkdir -p .cache/bin
  GOBIN=$PWD/.cache/bin retry go install "$2"
}

# Takes the machine's own Helm, where there is one.
link_helm() {
  [[ ! -x .cache/bin/helm && $(helm version --short 2>/dev/null) = v3.* ]] || return 0
  mkdir -p .cache/bin
  ln -sf "$(command -v helm)" .cache/bin/helm
}

main() {
  case ${1-} in
    demo | test | chart | modules) ;;
    *) die 'scripts/setup.sh demo|test|chart|modules' ;;
  esac
  mkdir -p .cache
  exec 9>.cache/setup.lock
  flock 9 # one at a time
  if [[ $1 = chart || $1 = modules ]]; then
    install_modules
    [[ $1 = modules ]] && return 0
    link_helm
    install_by_go helm "$HELM"
    return 0
  fi
  check_machine
  install_packages "${DEMO_PROGRAMS[@]}"
  [[ $1 = demo ]] || install_packages "${TEST_PROGRAMS[@]}"
  [[ $1 = demo || ${STOWAGE_LAB-} != full ]] || install_packages "${FULL_LAB_PROGRAMS[@]}"
  ensure_loop_devices
  install_modules
  build
  [[ $1 = demo ]] && return 0
  install_by_go csi-sanity "$SANITY"
}

main "$@"
