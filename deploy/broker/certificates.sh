#!/bin/sh
# Certificates for the broker and everybody who speaks to it. Needs openssl, nothing else.
#
# What is there is left alone, so any command may be repeated. To renew a certificate, remove its
# .crt and run the command again: the key stays, and with it nothing but the .crt has to be copied.
# To change a key as well, remove both.
#
# Run it on a computer that you trust, not on the server: who has ca.key can be any machine.

set -eu
umask 077
LC_ALL=C
export LC_ALL

CA_DAYS=7300      # twenty years: it can only be changed by visiting every machine
BROKER_DAYS=825   # two years and a quarter: one file to renew
CLIENT_DAYS=1825  # five years: a machine that is forgotten for a summer comes back

usage() {
    cat <<'USAGE'
usage: certificates.sh [--folder FOLDER] COMMAND

  ca               the authority that signs all others; once
  broker HOST      for the broker; HOST is the name or IPv4 address that machines connect to
  cloud            for the fiscaliser
  machine ID       for one machine; ID is its `machine` in edge.toml
  machine operator for who gives commands to machines: `python -m cloud tell`

FOLDER, or else $CHEKOMAT_CERTIFICATES, is where everything is kept:
  ca.crt broker.crt broker.key cloud.crt cloud.key machines/ID.crt machines/ID.key
  and ca.key, which never leaves it
USAGE
}

say() { printf '%s\n' "$*"; }

refuse() {
    printf 'certificates.sh: %s\n' "$*" >&2
    exit 2
}

# A machine's name goes into a topic, an ACL pattern and a file name. The same rule as in edge.toml.
check_machine() {
    case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9_.-]*)
        refuse "'$1' is no machine id: letters, digits, '_', '.', '-', a letter or digit first" ;;
    cloud)
        refuse "no machine may be called 'cloud': that name may read every machine's sales" ;;
    esac
    [ "${#1}" -le 64 ] || refuse "'$1' is too long: a machine id has at most 64 characters"
}

check_host() {
    case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9] | *[!A-Za-z0-9.-]* | *..*)
        refuse "'$1' is no host: give a name such as mqtt.chek.example, or an IPv4 address" ;;
    esac
    # A subject's name may have 64 characters; the host's own is not needed there.
    [ "${#1}" -le 253 ] || refuse "'$1' is too long for a host's name"
}

# How a host stands in its certificate.
alternative_name() {
    case $1 in
    *[!0-9.]*) printf 'DNS:%s' "$1" ;;
    *.*.*.*) printf 'IP:%s' "$1" ;;
    *) refuse "'$1' is no host: give a name such as mqtt.chek.example, or an IPv4 address" ;;
    esac
}

# A key appears under its name only when it is whole, and is never readable by others.
make_key() {
    [ -f "$1" ] && return
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/key" 2>"$scratch/said" ||
        { cat "$scratch/said" >&2; exit 1; }
    mv "$scratch/key" "$1"
}

# sign NAME SUBJECT DAYS USAGE [ALTERNATIVE NAME]
sign() {
    {
        say 'basicConstraints = critical, CA:FALSE'
        say 'keyUsage = critical, digitalSignature'
        # A machine's certificate must not pass for the broker's, nor the broker's for a machine's.
        say "extendedKeyUsage = $4"
        say 'subjectKeyIdentifier = hash'
        say 'authorityKeyIdentifier = keyid'
        [ -z "${5:-}" ] || say "subjectAltName = $5"
    } >"$scratch/extensions"
    {
        openssl req -new -config "$scratch/empty" -key "$1.key" -subj "/CN=$2" -out "$scratch/request" &&
            openssl x509 -req -in "$scratch/request" -CA ca.crt -CAkey ca.key -sha256 -days "$3" \
                -set_serial "0x$(openssl rand -hex 15)" -extfile "$scratch/extensions" \
                -out "$scratch/certificate"
    } 2>"$scratch/said" || { cat "$scratch/said" >&2; exit 1; }
    chmod 644 "$scratch/certificate"
    mv "$scratch/certificate" "$1.crt"
}

# issue NAME SUBJECT DAYS USAGE [ALTERNATIVE NAME]: key and certificate, unless they are there.
issue() {
    [ -f ca.crt ] && [ -f ca.key ] || refuse "$PWD has no authority yet; run first: certificates.sh ca"
    if [ -f "$1.crt" ]; then
        [ -f "$1.key" ] || refuse "$PWD/$1.crt has no $1.key beside it; remove the .crt to make both anew"
        say "$1.crt is there already, good until $(until_when "$1.crt"); remove it to renew it"
        return
    fi
    make_key "$1.key"
    sign "$@"
    say "made $PWD/$1.crt, good until $(until_when "$1.crt")"
}

until_when() { openssl x509 -in "$1" -noout -enddate | sed 's/^notAfter=//'; }

make_ca() {
    if [ -f ca.crt ]; then
        say "ca.crt is there already, good until $(until_when ca.crt)"
    else
        make_key ca.key
        {
            say '[req]'
            say 'distinguished_name = name'
            say '[name]'
            say '[ca]'
            # It signs clients and servers, and no other authority.
            say 'basicConstraints = critical, CA:TRUE, pathlen:0'
            say 'keyUsage = critical, keyCertSign, cRLSign'
            say 'subjectKeyIdentifier = hash'
        } >"$scratch/ca"
        openssl req -new -x509 -config "$scratch/ca" -extensions ca -key ca.key -sha256 \
            -days "$CA_DAYS" -set_serial "0x$(openssl rand -hex 15)" -subj '/CN=Chekomat CA' \
            -out "$scratch/certificate"
        chmod 644 "$scratch/certificate"
        mv "$scratch/certificate" ca.crt
        say "made $PWD/ca.crt, good until $(until_when ca.crt)"
    fi
    say "next: certificates.sh broker HOST; keep a copy of ca.key where nobody else reads it"
}

make_broker() {
    check_host "$1"
    name=$(alternative_name "$1")
    if [ -f broker.crt ]; then
        openssl x509 -in broker.crt -noout -ext subjectAltName |
            sed 's/IP Address:/IP:/' | grep -qx " *$(printf '%s' "$name" | sed 's/\./\\./g')" ||
            refuse "$PWD/broker.crt is for another host; remove it to make one for $1"
    fi
    issue broker 'Chekomat broker' "$BROKER_DAYS" serverAuth "$name"
    say "next: copy ca.crt, broker.crt and broker.key to /etc/mosquitto/certs; then: certificates.sh cloud"
}

make_cloud() {
    issue cloud cloud "$CLIENT_DAYS" clientAuth
    say "next: copy ca.crt, and cloud.crt and cloud.key as mqtt.crt and mqtt.key, to the fiscaliser's" \
        "/etc/chekomat; then: certificates.sh machine ID"
}

make_machine() {
    check_machine "$1"
    mkdir -p machines
    issue "machines/$1" "$1" "$CLIENT_DAYS" clientAuth
    if [ "$1" = operator ]; then
        say "next: copy machines/operator.crt and machines/operator.key (mode 600) beside the" \
            "fiscaliser's cloud.toml, for: python -m cloud tell, python -m cloud wish"
        return
    fi
    say "next: copy ca.crt, and machines/$1.crt and machines/$1.key as mqtt.crt and mqtt.key, to the" \
        "machine's /etc/chekomat, and set machine = \"$1\" in its edge.toml"
}

folder=${CHEKOMAT_CERTIFICATES:-}
case ${1:-} in
--folder)
    [ $# -ge 2 ] || refuse "--folder: which?"
    folder=$2
    shift 2
    ;;
-h | --help)
    usage
    exit 0
    ;;
esac

case "${1:-} $#" in
'ca 1' | 'broker 2' | 'cloud 1' | 'machine 2') ;;
*)
    usage >&2
    exit 2
    ;;
esac
[ -n "$folder" ] || refuse "where to? Set CHEKOMAT_CERTIFICATES, or give --folder FOLDER"
command -v openssl >/dev/null || refuse "openssl is missing; install it: sudo apt install openssl"

mkdir -p "$folder"
cd "$folder"
scratch=$(mktemp -d ./.scratch.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
printf '[req]\ndistinguished_name = name\n[name]\n' >"$scratch/empty"

case $1 in
ca) make_ca ;;
broker) make_broker "$2" ;;
cloud) make_cloud ;;
machine) make_machine "$2" ;;
esac
