# SPDX-License-Identifier: GPL-2.0-or-later
"""The brokers of the runs, each with its files in a folder of the run and one port on loopback."""

import dataclasses
import os
import pathlib
import pwd
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"

MOSQUITTO = """user root
allow_anonymous true
listener {port} 127.0.0.1
persistence true
persistence_location {scratch}/
log_dest file {scratch}/broker.log
{more}
"""

EJABBERD = """hosts:
  - localhost
loglevel: warning
listen:
  -
    port: {port}
    ip: "127.0.0.1"
    module: mod_mqtt
    backlog: 1000
auth_method: internal
acl:
  local:
    user_regexp: ""
access_rules:
  local:
    allow: all
modules:
  mod_mqtt:
    access_publish:
      "#":
        - allow: all
    access_subscribe:
      "#":
        - allow: all
    max_queue: 5000
    session_expiry: 5 minutes
"""

RABBIT = """mqtt.listeners.tcp.default = 127.0.0.1:{port}
mqtt.allow_anonymous = true
mqtt.default_user = guest
mqtt.default_pass = guest
listeners.tcp = none
loopback_users = none
"""


@dataclasses.dataclass
class Broker:
    name: str
    port: int
    process: subprocess.Popen
    levels: tuple = (4,)
    shared: bool = False
    top_qos: int = 2
    user: str = ""
    password: str = ""
    stop: "list | None" = None
    other_ports: tuple = ()  # clients use these, too
    hops: bool = False  # a client may come back on another port
    again: "list | None" = None  # the command that starts it, for those that are to be restarted


def listening(port):
    """From the kernel's table: a probe would stand in the capture."""
    with open("/proc/net/tcp", encoding="ascii") as tcp, open("/proc/net/tcp6", encoding="ascii") as tcp6:
        rows = [line.split() for table in (tcp, tcp6) for line in table]
    return any(row[1].endswith(":%04X" % port) and row[3] == "0A" for row in rows)


def wait(port, process, seconds=90):
    end = time.monotonic() + seconds
    while not listening(port):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("the broker does not listen")
        time.sleep(0.1)


def spawn(scratch, command, **options):
    log = open(scratch / "broker.out", "ab")
    return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)


def mosquitto(scratch, port, name):
    """mosquitto-limits keeps its limits: 1000 queued messages, 20 in flight. mosquitto-listeners has two ports,
    mosquitto-bridge a second broker behind a bridge, and mosquitto-restart is stopped, and later killed."""
    more = "" if name == "mosquitto-limits" else "max_queued_messages 0\nmax_inflight_messages 100\n"
    broker = Broker(name, port, None, levels=(4, 5), shared=True)
    if name == "mosquitto-listeners":
        more += "listener %d 127.0.0.1\n" % (port + 1)
        broker.other_ports, broker.hops = (port + 1,), True
    if name == "mosquitto-bridge":
        (scratch / "second").mkdir()
        bridge = "max_queued_messages 0\nconnection bridge\naddress 127.0.0.1:%d\ntopic # both 2\ncleansession false\n" % port
        (scratch / "second.conf").write_text(MOSQUITTO.format(port=port + 1, scratch=scratch / "second", more=bridge))
        spawn(scratch, ["mosquitto", "-c", scratch / "second.conf"])
        broker.other_ports = (port + 1,)
    (scratch / "broker.conf").write_text(MOSQUITTO.format(port=port, scratch=scratch, more=more))
    command = ["mosquitto", "-c", scratch / "broker.conf"]
    broker.process = spawn(scratch, command)
    if name == "mosquitto-restart":
        broker.again = command
    return broker


def node(scratch, port, name, folder):
    process = spawn(scratch, ["node", HERE / "broker.mjs", folder / name, name.rstrip("01"), str(port)])
    # mosca never answers a PUBLISH of QoS 2.
    return Broker(name, port, process, top_qos=1 if name == "mosca" else 2)


def rabbitmq(scratch, port):
    (scratch / "rabbit.conf").write_text(RABBIT.format(port=port))
    (scratch / "plugins").write_text("[rabbitmq_mqtt].\n")
    environment = {
        **os.environ,
        "HOME": str(scratch),
        "RABBITMQ_NODENAME": "mqttscope%d@localhost" % port,
        "RABBITMQ_CONFIG_FILE": str(scratch / "rabbit.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(scratch / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(scratch / "mnesia"),
        "RABBITMQ_LOG_BASE": str(scratch / "log"),
        "RABBITMQ_PID_FILE": str(scratch / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        # The scheduler's busy waiting would take the processors from the clients.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }
    return Broker("rabbitmq", port, spawn(scratch, [RABBITMQ], env=environment))


def ejabberd(scratch, port):
    (scratch / "ejabberd.yml").write_text(EJABBERD.format(port=port))
    shutil.copy("/etc/ejabberd/inetrc", scratch / "inetrc")
    (scratch / "ejabberdctl.cfg").write_text("")
    for folder in ("spool", "log"):
        (scratch / folder).mkdir()
    owner = pwd.getpwnam("ejabberd")
    for path in [scratch, *scratch.rglob("*")]:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    control = [
        "ejabberdctl", "--config-dir", str(scratch), "--config", str(scratch / "ejabberd.yml"),
        "--ctl-config", str(scratch / "ejabberdctl.cfg"), "--logs", str(scratch / "log"),
        "--spool", str(scratch / "spool"), "--node", "mqttscope%d@localhost" % port,
    ]
    process = spawn(scratch, [*control, "foreground"])
    wait(port, process)
    subprocess.run([*control, "register", "u", "localhost", "pw"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    return Broker("ejabberd", port, process, levels=(4, 5), shared=True,
                  user="u@localhost", password="pw", stop=[*control, "stop"])


def start(name, scratch, port, node_folder):
    """`name` is one of NAMES; the broker listens when this returns."""
    if name.startswith("mosquitto"):
        broker = mosquitto(scratch, port, name)
    elif name == "rabbitmq":
        broker = rabbitmq(scratch, port)
    elif name == "ejabberd":
        broker = ejabberd(scratch, port)
    else:
        broker = node(scratch, port, name, node_folder)
    wait(port, broker.process)
    broker.name = name
    return broker


NAMES = ("mosquitto", "mosquitto-limits", "mosquitto-listeners", "mosquitto-bridge", "mosquitto-restart", "aedes1",
         "aedes0", "mosca", "rabbitmq", "ejabberd")
