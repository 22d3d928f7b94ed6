#!/bin/bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The Roomwire founders
#
# fetch-brokers.sh FOLDER: unpacks the Mosquitto packages of other Debian suites, each with its own
# libraries and C library, and writes FOLDER/<suite>/mosquitto, which runs that broker as it is on
# such a system, without installing anything. Where a suite cannot be had, FOLDER/<suite>/why says so
# in one line. What is there already is left alone; remove FOLDER to fetch anew.
set -euo pipefail

folder=$(realpath -m "$1")
suites=(trixie forky)
# Besides the broker's own: what the plugin links.
plugin_libraries=(libsqlite3-0 libcjson1 libinih1 zlib1g)

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 # test files run side by side

# The Debian mirror that this machine's apt uses.
find_mirror() {
    # shellcheck disable=SC2016 # apt-get puts these in
    apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 !~ /security/ && !found++ { print $2 }'
}

# An apt of its own, which knows of that suite alone and of nothing that is installed.
apt_prepare() { # SUITE
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/sources"
    : >"$apt/status"
    local signed_by='' keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ ! -e $keys ]] || signed_by=" [signed-by=$keys]"
    echo "deb$signed_by $mirror $1 main" >"$apt/sources/suite.list"
    apt_options=(
        -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources"
        -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
        -o "Dir::Cache=$apt" -o APT::Sandbox::User=root -o Acquire::Retries=2
        -o Acquire::http::Timeout=30 -o APT::Get::List-Cleanup=false -o Acquire::Languages=none
    )
}

# The libraries among everything that the broker depends on.
library_packages() {
    apt-cache "${apt_options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts \
        --no-breaks --no-replaces --no-enhances mosquitto "${plugin_libraries[@]}" |
        grep -E '^(lib[a-z0-9.+-]*|zlib1g|mosquitto)$' | sort -u |
        grep -vE '^lib(pam|perl|systemd-shared)'
}

download() {
    local packages
    mapfile -t packages < <(library_packages)
    # Names that only others provide cannot be downloaded.
    local real=()
    mapfile -t real < <(apt-cache "${apt_options[@]}" show "${packages[@]}" 2>/dev/null |
        sed -n 's/^Package: //p' | sort -u)
    mkdir -p "$work/debs"
    (cd "$work/debs" && apt-get "${apt_options[@]}" -qq download "${real[@]}")
}

unpack() { # SUITE
    local deb root=$work/root
    mkdir -p "$root"
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    rm -rf "${root:?}/usr/share" "${folder:?}/$1"
    mkdir -p "$folder/$1"
    mv "$root" "$folder/$1/root"
}

# The broker runs by its own suite's loader, which finds that suite's libraries first and alone.
write_runner() { # SUITE
    local root=$folder/$1/root loader libraries
    loader=$(find "$root" -name 'ld-linux*.so.*' -type f | head -n 1)
    # Some packages leave the links by soname to ldconfig.
    PATH=$PATH:/sbin:/usr/sbin ldconfig -n "$root"/usr/lib/*-linux-gnu*/
    libraries=$(find "$root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    [[ -n $loader && -x $root/usr/sbin/mosquitto ]] || return 1
    # By its own place, which a moved checkout changes.
    cat >"$folder/$1/mosquitto" <<END
#!/bin/sh
root=\$(dirname "\$0")/root
exec "${loader/#"$root"/\$root}" --library-path "${libraries//"$root"/\$root}" "\$root/usr/sbin/mosquitto" "\$@"
END
    chmod +x "$folder/$1/mosquitto"
    ("$folder/$1/mosquitto" -h 2>&1 || true) | tee /dev/stderr |
        sed -n 's/^mosquitto version \([0-9.]*\)$/\1/p' >"$folder/$1/version"
    [[ -s $folder/$1/version ]]
}

fetch() { # SUITE
    apt_prepare "$1"
    apt-get "${apt_options[@]}" -qq update
    download
    unpack "$1"
    write_runner "$1"
}

give_up() { # SUITE WHY
    rm -rf "${folder:?}/$1"
    mkdir -p "$folder/$1"
    echo "$2" >"$folder/$1/why"
}

for suite in "${suites[@]}"; do
    [[ ! -x $folder/$suite/mosquitto ]] || continue
    mirror=$(find_mirror || true)
    if [[ -z $mirror ]]; then
        give_up "$suite" "apt here has no Debian mirror"
        continue
    fi
    work=$(mktemp -d "$folder/work.XXXXXX")
    # In the background, because errexit sleeps in a command whose status is looked at.
    (fetch "$suite") >"$folder/$suite.log" 2>&1 &
    wait "$!" || give_up "$suite" "$mirror $(tail -n 1 "$folder/$suite.log")"
    rm -rf "$work"
done
