# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Reads from the Debian mirrors that this machine already uses, as any user,
# without touching the system's apt configuration. Needs common.sh.

APT_PRIVATE=$BUILD/apt

# debian_sources: one line for each enabled binary source of the system:
#   URI SUITE KEYRING(or -)
# Both file formats are read: one-line "sources.list" and deb822 "*.sources".
debian_sources() {
    local etc=${IVSHMEM_APT_ETC:-/etc/apt} file
    { cat "$etc"/sources.list "$etc"/sources.list.d/*.list 2>/dev/null || true; } |
        awk '$1 == "deb" {
            key = "-"; i = 2
            if ($i ~ /^\[/) {
                opts = ""
                for (;; i++) { opts = opts " " $i; if ($i ~ /\]$/) break }
                if (match(opts, /signed-by=[^] ]+/))
                    key = substr(opts, RSTART + 10, RLENGTH - 10)
                i++
            }
            print $i, $(i + 1), key
        }'
    # "echo": a last paragraph may lack the empty line that ends it.
    for file in "$etc"/sources.list.d/*.sources; do
        [ ! -f "$file" ] || { cat "$file"; echo; }
    done |
        awk -F': *' '
            function flush(   u, s, i, j, n, m) {
                if (types ~ /(^| )deb( |$)/ && enabled != "no") {
                    n = split(uris, u, " "); m = split(suites, s, " ")
                    for (i = 1; i <= n; i++)
                        for (j = 1; j <= m; j++)
                            print u[i], s[j], key
                }
                types = uris = suites = enabled = ""; key = "-"
            }
            BEGIN { key = "-" }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            { field = tolower($1); sub(/^[^:]*:[ \t]*/, "") }
            field == "types" { types = $0 }
            field == "uris" { uris = $0 }
            field == "suites" { suites = $0 }
            field == "enabled" { enabled = $0 }
            # An inline key starts on the next line and is of no use here.
            field == "signed-by" && $0 ~ /^\// { key = $0 }
            END { flush() }'
}

# debian_mirrors: the distinct mirror URIs that hold Debian itself.
debian_mirrors() {
    debian_sources | awk '$2 ~ /^(bookworm|trixie|stable|testing|sid|unstable)/ { print $1 }' |
        sed 's,/*$,,' | awk '!seen[$0]++'
}

# debian_sources_for RELEASE: lines for sources.list with which the mirrors of
# this machine serve another release of Debian.
debian_sources_for() {
    debian_sources | awk -v release="$1" '
        $2 ~ /^(bookworm|trixie)(-security|-updates)?$/ {
            sub(/^[a-z]+/, release, $2)
            print "deb" ($3 == "-" ? "" : " [signed-by=" $3 "]"), $1, $2, "main"
        }' | sort -u
}

# apt_private ARGS...: apt-get with its own lists and cache under build/.
# The system's proxy and access settings still hold; its hooks do not.
apt_private() {
    debian_sources |
        awk '$2 ~ /^(bookworm|trixie)(-security|-updates)?$/ {
            print "deb" ($3 == "-" ? "" : " [signed-by=" $3 "]"), $1, $2, "main"
        }' | sort -u | apt_in "$APT_PRIVATE" "$@"
}

# apt_of RELEASE ARGS...: the same for another release of Debian.
apt_of() {
    debian_sources_for "$1" | apt_in "$APT_PRIVATE-$1" -o Dir::State::status=/dev/null "${@:2}"
}

# apt_in DIR ARGS...: standard input is the list of sources.
apt_in() {
    local dir=$1
    shift
    mkdir -p "$dir"/{lists/partial,cache/archives/partial,parts}
    write_file "$dir/sources.list"
    write_file "$dir/apt.conf" <<END
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "$dir/parts";
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
Acquire::http::Timeout "30";
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
END
    apt-get -c "$dir/apt.conf" "$@"
}

# apt_download PACKAGE: the .deb into the current folder. The system's own
# lists are tried first; they may be missing (containers) or out of date.
apt_download() {
    apt-get -o APT::Sandbox::User="$(id -un)" -qq download "$1" 2>/dev/null ||
        { apt_private -qq update && apt_private -qq download "$1"; }
}

# apt_depends PACKAGE REGEX: the first dependency whose name matches.
apt_depends() {
    local found
    found=$(apt-cache depends "$1" 2>/dev/null | grep -oE -m1 "$2") ||
        { apt_private -qq update >&2 &&
          found=$(apt-cache -c "$APT_PRIVATE/apt.conf" depends "$1" | grep -oE -m1 "$2"); } ||
        return 1
    printf '%s\n' "$found"
}

# download URL FILE SHA256: apt's own downloader knows the proxy and access
# settings of this machine; elsewhere curl does.
download() {
    local helper=/usr/lib/apt/apt-helper
    if [ -x "$helper" ]; then
        "$helper" -o APT::Sandbox::User="$(id -un)" -o Acquire::http::Timeout=15 \
            -o Acquire::https::Timeout=15 -o Acquire::Retries=1 \
            download-file "$1" "$2" "SHA256:$3" </dev/null
    else
        download_official "$1" "$2"
    fi
}

download_official() {
    curl --fail --silent --show-error --location --connect-timeout 10 \
        --speed-limit 1000 --speed-time 30 --output "$2" "$1" </dev/null
}
