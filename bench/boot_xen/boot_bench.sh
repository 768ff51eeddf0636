#!/bin/bash
# From `xl create`, and from `xl unpause`, to the first HTTPS answer: stored and website beside a Linux guest.
# Arguments: stored, storectl, the architecture, rounds.

# shellcheck source=tests/xen/lib.sh
. tests/xen/lib.sh
ROUNDS=${4:-3}
INIT=$RUNFILES/bench/boot_xen/linux_init
cd "$WORK" || exit 1
command -v openssl >/dev/null || { echo "boot_xen: openssl is missing (./safeos setup)" >&2; exit 1; }
[ -e "$XEN_HOST/guest/order" ] || { echo "boot_xen: the testbed is an older one; run ./safeos setup" >&2; exit 1; }

# --- what is booted ---------------------------------------------------------------------------------------

# linux_root FILE: an archive with busybox, openssl, the libraries that it loads, and the modules.
linux_root() {
  local root=$WORK/linux library
  mkdir -p "$root"/{bin,dev,modules,etc/ssl}
  (cd "$root" && cpio --quiet -id bin/busybox) <"$XEN_HOST/base.cpio"
  cp "$(command -v openssl)" "$root/bin/openssl"
  ldd "$root/bin/openssl" | grep -o '/[^ ]*' | while read -r library; do
    install -D "$library" "$root$library"
  done
  : >"$root/etc/ssl/openssl.cnf"
  cp -L "$XEN_HOST"/guest/* "$root/modules/"
  cp "$INIT" "$root/init"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=linux \
    -keyout "$root/tls.key" -out "$root/tls.crt" 2>/dev/null
  chmod 755 "$root/init"
  (cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$1"
}

truncate -s 64M data
xen_boot --disk data
# Each attempt is its own connection, so the host must neither ask for the address nor wait to send again.
ip neigh replace "$GUEST" lladdr 00:16:3e:00:00:01 dev tap0 nud permanent
linux_root linux.cpio
dom0_put "$(guest_image stored)" /guest/stored
dom0_put "$(guest_image website)" /guest/website
dom0_put "$XEN_HOST/vmlinux" /guest/vmlinux
dom0_put linux.cpio /guest/linux.cpio
guest_config stored /guest/stored 32 "ip=$GUEST/24 -- --data data --init --listen $GUEST:443 --quiet" vda,xvda,w
guest_config website /guest/website 32 "ip=$GUEST/24 -- --data data --repo site --listen $GUEST:443 --quiet" vda,xvda,w
guest_config linux /guest/vmlinux 128 "console=hvc0 quiet mitigations=off rdinit=/init"
dom0 'echo "ramdisk = \"/guest/linux.cpio\"" >>/guest/linux.cfg'

# A store with a site in it.
must guest_create stored
guest_says stored '^listening ' || exit 1
from_console stored data.token data.token
from_console stored data.crt data.crt
must storectl login "https://$GUEST:443" --cacert data.crt --token-file data.token
must storectl init "https://$GUEST:443/site"
must storectl clone "https://$GUEST:443/site" site
(cd site && echo '<h1>A site</h1>' >index.html && must storectl commit -m one && must storectl push) || exit 1
must dom0 'xl shutdown -w stored'

# --- the clock --------------------------------------------------------------------------------------------

# first_answer SCRIPT: runs it in dom0 and gives the seconds to the first status line over TLS. Attempts follow each
# other within milliseconds, each on a connection of its own.
first_answer() {
  python3 - "$GUEST" "$1" <<'PY'
import http.client, socket, ssl, subprocess, sys, time
host, script = sys.argv[1], sys.argv[2].encode()
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
dom0 = http.client.HTTPConnection("10.0.2.15", timeout=300)
dom0.connect()
begin = time.monotonic()
dom0.request("POST", "/cgi-bin/run", script)
while time.monotonic() - begin < 300:
    try:
        with socket.create_connection((host, 443), timeout=0.05) as plain:
            plain.settimeout(30)
            with context.wrap_socket(plain) as s:
                s.sendall(b"GET / HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n\r\n")
                if s.recv(12).startswith(b"HTTP/1."):
                    print("%.3f" % (time.monotonic() - begin))
                    break
    except OSError:
        time.sleep(0.005)
else:
    sys.exit("no answer within 300 s")
dom0.getresponse().read()
PY
}

gone() { dom0 "xl destroy $1; while xl domid $1 >/dev/null 2>&1; do usleep 100000; done"; }
GUESTS="stored website linux"
for round in $(seq "$ROUNDS"); do
  for guest in $GUESTS; do
    first_answer "xl create /guest/$guest.cfg" >>"$guest.create" || exit 1
    gone "$guest"
    must dom0 "xl create -p /guest/$guest.cfg"
    first_answer "xl unpause $guest" >>"$guest.unpause" || exit 1
    gone "$guest"
  done
  echo "round $round of $ROUNDS"
done

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }
for from in create unpause; do
  for guest in $GUESTS; do
    printf 'from xl %-7s to the first HTTPS answer: %-8s %7.2f s  Linux takes %5.2f times as long\n' "$from" "$guest" \
      "$(median "$guest.$from")" "$(awk -v a="$(median "linux.$from")" -v b="$(median "$guest.$from")" 'BEGIN { print a / b }')"
  done
done
