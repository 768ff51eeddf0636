#!/bin/bash
# Writes certificates.pem: the certificates that verify_test and parse_test read, made by OpenSSL.
# Usage: make.sh > certificates.pem
# Keys are thrown away, so a new run makes other bytes, but the tests hold for those, too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
cd "$dir"

# key NAME [p256|ed25519|rsa|p384]
key() {
  case ${2:-p256} in
    p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
    p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1.key" ;;
    rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" ;;
    ed25519) openssl genpkey -algorithm ED25519 -out "$1.key" ;;
  esac 2>/dev/null
}

show() {
  echo "name: $1"
  cat "$1.crt"
}

# self NAME EXTENSIONS [KIND] signs NAME by itself.
self() {
  key "$1" "${3:-p256}"
  printf '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nCN=%s\n[ext]\n%b' \
    "$1" "$2" >"$1.cnf"
  openssl req -x509 -new -key "$1.key" -days 18000 -config "$1.cnf" -out "$1.crt"
  show "$1"
}

# issue NAME ISSUER EXTENSIONS [KIND] [DAYS] [SIGNING OPTIONS]. An existing key is used again; the
# subject is /CN=NAME up to its first "@".
issue() {
  [[ -e ${1%@*}.key ]] || key "${1%@*}" "${4:-p256}"
  printf '%b' "$3" >"$1.ext"
  openssl req -new -key "${1%@*}.key" -subj "/CN=${1%@*}" -out "$1.csr"
  # shellcheck disable=SC2086
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "${2%@*}.key" -days "${5:-18000}" \
    -extfile "$1.ext" ${6:-} -out "$1.crt" 2>/dev/null
  show "$1"
}

ca='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
ids='subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
end='basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
server="${end}extendedKeyUsage=serverAuth\n"
san='subjectAltName=DNS:host.example,DNS:*.wild.example,IP:192.0.2.1,IP:2001:db8::1\n'

self root "${ca}subjectKeyIdentifier=hash\n"
self root_ed25519 "${ca}subjectKeyIdentifier=hash\n" ed25519
self root_rsa "${ca}" rsa
self root_stranger "${ca}"

issue inter root "${ca/CA:TRUE/CA:TRUE,pathlen:0}$ids"
issue leaf inter "$server$ids$san"
issue leaf_ed25519 inter "$server$ids$san" ed25519
issue leaf_client inter "${end}extendedKeyUsage=clientAuth\n$san"
issue leaf_no_usage inter "subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n$san"
issue leaf_any_usage inter "${end}extendedKeyUsage=anyExtendedKeyUsage\n$san"
issue leaf_agreement inter "keyUsage=critical,keyAgreement\n$san"
issue leaf_critical inter "${server}${san}1.2.3.4=critical,ASN1:NULL\n"
issue leaf_not_critical inter "${server}${san}1.2.3.4=ASN1:NULL\n"
issue host.example inter "$server"
issue leaf_rsa inter "$server$san" rsa
issue leaf_p384 inter "$server$san" p384
issue leaf_sha384 inter "$server$san" p256 18000 -sha384
issue leaf_sha512 inter "$server$san" p256 18000 -sha512
issue leaf_email inter "${server}subjectAltName=email:a@host.example,URI:https://host.example/,DNS:host.example\n"
issue leaf_bad_wildcards inter "${server}subjectAltName=DNS:*.example,DNS:w*.part.example,DNS:a.*.mid.example,DNS:*.*.two.example,DNS:*\n"
issue leaf_of_ed25519 root_ed25519 "$server$san"
issue leaf_of_rsa root_rsa "$server$san"
issue leaf_of_leaf leaf "$server$san"
issue leaf_version_1 root ''

# A path length of 0 with a CA below it.
issue inter_below inter "$ca"
issue leaf_below inter_below "$server$san"
# Renewed with its own name: self-issued, so that path lengths do not count it.
issue inter_one root "${ca/CA:TRUE/CA:TRUE,pathlen:0}"
key spare
cp inter_one.key keep.key
cp spare.key inter_one@new.key
openssl req -new -key spare.key -subj /CN=inter_one -out r.csr
printf '%b' "$ca" >r.ext
openssl x509 -req -in r.csr -CA inter_one.crt -CAkey inter_one.key -days 18000 -extfile r.ext \
  -out inter_one@new.crt 2>/dev/null
show inter_one@new
cp spare.key inter_one.key
issue leaf_renewed inter_one@new "$server$san"
cp keep.key inter_one.key

# The same CA with another issuer, and with a short life.
issue inter@cross root_ed25519 "$ca$ids"
issue inter_short root "$ca" p256 10
issue leaf_of_short inter_short "$server$san"

issue inter_client root "${ca}extendedKeyUsage=clientAuth\n"
issue leaf_of_client inter_client "$server$san"
issue inter_server root "${ca}extendedKeyUsage=serverAuth\n"
issue leaf_of_server inter_server "$server$san"
issue inter_no_sign root "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n"
issue leaf_of_no_sign inter_no_sign "$server$san"

issue inter_not_ca root "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign\n"
issue leaf_of_not_ca inter_not_ca "$server$san"
issue inter_no_constraints root "keyUsage=critical,keyCertSign\n"
issue leaf_of_no_constraints inter_no_constraints "$server$san"

nc='nameConstraints=critical,permitted;DNS:host.example,permitted;IP:192.0.2.0/255.255.255.0'
nc="$nc,excluded;DNS:bad.host.example\n"
issue inter_names root "$ca$nc"
issue names_ok inter_names "${server}subjectAltName=DNS:host.example,DNS:a.b.host.example,IP:192.0.2.9\n"
issue names_other inter_names "${server}subjectAltName=DNS:host.example,DNS:other.example\n"
issue names_suffix inter_names "${server}subjectAltName=DNS:myhost.example\n"
issue names_excluded inter_names "${server}subjectAltName=DNS:x.bad.host.example\n"
issue names_wildcard inter_names "${server}subjectAltName=DNS:*.host.example\n"
issue names_wildcard_ok inter_names "${server}subjectAltName=DNS:*.good.host.example\n"
issue names_ip inter_names "${server}subjectAltName=IP:198.51.100.1\n"
issue names_ipv6 inter_names "${server}subjectAltName=IP:2001:db8::1\n"
issue names_space inter_names "${server}subjectAltName=DNS:host.example,DNS:sp ace.host.example\n"
# An end entity that bears the name of its issuer.
openssl req -new -key spare.key -subj /CN=inter_names -out r.csr
printf '%b' "${server}subjectAltName=DNS:other.example\n" >r.ext
openssl x509 -req -in r.csr -CA inter_names.crt -CAkey inter_names.key -days 18000 -extfile r.ext \
  -out names_self.crt 2>/dev/null
show names_self
issue inter_ipv6 root "${ca}nameConstraints=critical,permitted;IP:::/::\n"
issue leaf_ipv4 inter_ipv6 "${server}subjectAltName=IP:192.0.2.1\n"
issue leaf_ipv6 inter_ipv6 "${server}subjectAltName=IP:2001:db8::1\n"
issue inter_dot root "${ca}nameConstraints=critical,permitted;DNS:.dot.example\n"
issue leaf_dot inter_dot "${server}subjectAltName=DNS:a.dot.example\n"
issue leaf_no_dot inter_dot "${server}subjectAltName=DNS:dot.example\n"
issue inter_directory root "${ca}nameConstraints=critical,permitted;dirName:dn\n[dn]\nCN=x\n"
issue leaf_of_directory inter_directory "$server$san"

# So many subtrees and names that comparing each with each is, or just is not, too much work.
many() { # COUNT FORMAT
  local i list=
  for i in $(seq "$1"); do
    # shellcheck disable=SC2059
    list+=,$(printf "$2" "$i")
  done
  echo "${list#,}"
}
issue inter_many root "${ca}nameConstraints=critical,$(many 257 'permitted;DNS:d%d.example')\n"
issue leaf_255_names inter_many "${server}subjectAltName=$(many 255 'DNS:d%d.example')\n"
issue leaf_256_names inter_many "${server}subjectAltName=$(many 256 'DNS:d%d.example')\n"

# Eight CAs in a row.
previous=root
for i in 1 2 3 4 5 6 7; do
  issue "deep$i" "$previous" "$ca"
  previous=deep$i
done
issue leaf_deep6 deep6 "$server$san"
issue leaf_deep7 deep7 "$server$san"

# What "openssl req -x509" makes without a word about extensions, and the same for no CA.
key self_default
openssl req -x509 -new -key self_default.key -days 18000 -subj /CN=self_default \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out self_default.crt
show self_default
self self_plain "${server}subjectAltName=DNS:localhost,IP:127.0.0.1\n"
self self_ed25519 "subjectAltName=DNS:localhost,IP:127.0.0.1\n" ed25519
