"""Servers as children of a test: started on free ports of 127.0.0.1, ended by their own pid."""
import os
import signal
import socket
import subprocess
import time


def free_port():
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.socket() as t:
            u.bind(('127.0.0.1', 0))
            try:
                t.bind(('127.0.0.1', u.getsockname()[1]))
            except OSError:
                continue
            return u.getsockname()[1]


def wait_for(port, process, log):
    for _ in range(400):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit('server on port %d did not start:\n%s' % (port, open(log).read()))


class Server:
    def __init__(self, name, command, port, folder):
        self.name, self.port, self.address = name, port, ('127.0.0.1', port)
        self.log = os.path.join(folder, name + '.log')
        self.process = subprocess.Popen(command, stdout=open(self.log, 'w'), stderr=subprocess.STDOUT,
                                        cwd=folder, start_new_session=True)
        wait_for(port, self.process, self.log)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return self.process.returncode


def ours(program, zones, folder, *options, name='ours'):
    """zones: {origin: file}."""
    port = free_port()
    command = [program, '--listen', '127.0.0.1:%d' % port, *options]
    for origin, file in zones.items():
        command += ['--zone', '%s=%s' % (origin, file)]
    return Server(name, command, port, folder)


def nsd(zones, folder, extra='', zone_extra='', name='nsd', cores=1):
    port = free_port()
    conf = os.path.join(folder, name + '.conf')
    with open(conf, 'w') as f:
        f.write('''server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  zonesdir: "%s"
  database: ""
  pidfile: "%s/%s.pid"
  xfrdfile: "%s/%s.xfrd"
  zonelistfile: "%s/%s.list"
  cookie-secret-file: ""
  hide-version: yes
  minimal-responses: yes
  rrl-ratelimit: 0
  xfrd-reload-timeout: 1
  server-count: %d
  verbosity: 1
%s
remote-control:
  control-enable: no
''' % (port, folder, folder, name, folder, name, folder, name, cores, extra))
        for origin, file in zones.items():
            f.write('zone:\n  name: "%s"\n  zonefile: "%s"\n%s' % (origin, file, zone_extra))
    return Server(name, ['nsd', '-d', '-c', conf], port, folder)


def knot(zones, folder, zone_extra='', remotes='', name='knot', workers=1):
    port = free_port()
    conf = os.path.join(folder, name + '.conf')
    storage = os.path.join(folder, name + '.db')
    os.makedirs(storage, exist_ok=True)
    with open(conf, 'w') as f:
        f.write('''server:
    listen: 127.0.0.1@%d
    rundir: "%s"
    udp-workers: %d
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "%s"
%s
zone:
''' % (port, storage, workers, storage, remotes))
        for origin, file in zones.items():
            f.write('  - domain: %s\n    file: "%s"\n%s' % (origin, file, zone_extra))
    return Server(name, ['knotd', '-c', conf], port, folder)
