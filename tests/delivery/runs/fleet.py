# SPDX-License-Identifier: GPL-2.0-or-later
"""fleet.py BROKER SECONDS OUT.pcapng [SEED]: who takes part in a run, and what befalls them.

A plan says all of a client: id, level, clean, expiry, keep_alive, will {topic, payload, qos, retain, delay},
subs [{filter, qos, nl, rap, rh, id}], pub {topics, qos, kinds, retain, rate, burst, expiry, properties},
flip (s between UNSUBSCRIBE and SUBSCRIBE of the last subscription; resubscribe_only: SUBSCRIBE alone),
slow (ms a message), life (s until it leaves; it comes back), receive_maximum, max_packet, alias. To the
director belong: kill (s between kill -9), away (s until it is started again), freeze (s between SIGSTOPs),
asleep (s that one lasts).
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import brokers

HERE = pathlib.Path(__file__).resolve().parent
PORT = 1883
LINES = "abcde"
QUIET = 15  # seconds at the end without publications, for what waits in queues


def topics(*names, lines=LINES):
    return ["plant/%s/%s" % (line, name) for line in lines for name in names]


def sub(topic_filter, qos, **options):
    return {"filter": topic_filter, "qos": qos, **options}


def pub(topic_names, qos, kinds, rate, **options):
    return {"topics": topic_names, "qos": qos, "kinds": kinds, "rate": rate, "retain": 0, **options}


def subscribers(five, shared):
    """`five` is 5 where the broker has it, else 4."""
    yield "py", dict(id="all-2", subs=[sub("plant/#", 2)])
    yield "py", dict(id="overlap-py", level=five,
                     subs=[sub("plant/#", 1, id=1), sub("plant/+/temp", 2, id=2), sub("plant/a/temp", 0)])
    yield "js", dict(id="overlap-js", level=4, subs=[sub("plant/#", 0), sub("plant/+/cmd", 2)])
    yield "js", dict(id="overlap-js5", level=five, subs=[sub("plant/+/state", 2, id=11), sub("+/b/state", 1, id=300)])
    yield "py", dict(id="keep-py", clean=False, expiry=300, subs=[sub("plant/+/state", 1), sub("plant/+/cmd", 2)],
                     kill=12, away=(1, 8))
    yield "py", dict(id="keep-py5", clean=False, expiry=300, level=five, subs=[sub("plant/+/cmd", 2, id=5)],
                     kill=15, away=(1, 10))
    yield "js", dict(id="keep-js", clean=False, expiry=60, level=five, receive_maximum=3,
                     subs=[sub("plant/+/state", 2, id=7), sub("plant/+/temp", 1)], kill=14, away=(1, 9))
    yield "go", dict(id="keep-go", clean=False, subs=[sub("plant/+/temp", 2), sub("plant/+/cmd", 1)], kill=17, away=(0, 6))
    yield "py", dict(id="polite", clean=False, expiry=120, level=five, subs=[sub("plant/+/cmd", 1)], life=8, away=(1, 6))
    yield "js", dict(id="slow-1", level=five, receive_maximum=1, slow=15, subs=[sub("plant/+/temp", 2)])
    yield "py", dict(id="slow-5", level=five, receive_maximum=5, slow=10, subs=[sub("plant/+/state", 1)])
    yield "go", dict(id="slow-go", slow=10, subs=[sub("plant/+/cmd", 2)])
    yield "py", dict(id="frozen", subs=[sub("plant/#", 1)], freeze=10, keep_alive=120)
    yield "js", dict(id="frozen-js", level=five, receive_maximum=4, subs=[sub("plant/+/temp", 2)], freeze=12, keep_alive=120)
    yield "py", dict(id="as-published", level=five, flip=4, subs=[sub("plant/+/state", 1, rap=1, rh=0)])
    yield "py", dict(id="handling-1", level=five, flip=3, resubscribe_only=True, subs=[sub("plant/+/state", 2, rh=1)])
    yield "js", dict(id="handling-2", level=five, flip=3, subs=[sub("plant/a/state", 1), sub("plant/+/state", 2, rh=2)])
    yield "py", dict(id="flips", flip=1.5, subs=[sub("plant/a/temp", 1), sub("plant/+/temp", 2)])
    yield "go", dict(id="everything-go", subs=[sub("#", 0)])
    yield "py", dict(id="everything", level=five, subs=[sub("+/#", 1), sub("wills/#", 2)])
    yield "js", dict(id="storm-1", kill=3, away=(0, 1), subs=[sub("plant/#", 1)])
    yield "go", dict(id="storm-2", kill=4, away=(0, 1), clean=False, subs=[sub("plant/a/#", 2)])
    yield "py", dict(id="small", level=five, max_packet=2000, subs=[sub("large/#", 1), sub("plant/a/cmd", 1)])
    yield "py", dict(id="large", subs=[sub("large/#", 2)])
    yield "py", dict(id="visitor", life=3, away=(1, 2), subs=[sub("plant/+/state", 2), sub("plant/a/temp", 0)])
    yield "js", dict(id="visitor-js", level=five, life=2, away=(1, 3), subs=[sub("plant/#", 1), sub("wills/#", 1)])
    yield "py", dict(id="forgotten", clean=False, expiry=2, level=five, kill=7, away=(0, 6), subs=[sub("plant/+/cmd", 1)])
    for kind in ("py", "js"):  # two devices with one client identifier
        yield kind, dict(id="twin", clean=False, expiry=30, subs=[sub("plant/b/#", 2)], life=13, away=(6, 12))
    if shared:
        for number, kind in enumerate(("py", "js", "py"), 1):
            yield kind, dict(id="share-%d" % number, level=5,
                             subs=[sub("$share/g/plant/+/temp", number % 3), sub("$share/h/plant/+/cmd", 2)],
                             **({"kill": 13, "away": (1, 4)} if number == 3 else {}))
        yield "py", dict(id="share-own", level=5, subs=[sub("$share/g/plant/+/temp", 1), sub("plant/a/temp", 2, id=9)])


def publishers(five):
    yield "py", dict(id="pub-py", pub=pub(topics("temp"), [0, 1, 2], ["unique", "equal"], 15))
    yield "py", dict(id="pub-py5", level=five,
                     pub=pub(topics("cmd"), [1, 2], ["unique", "equal", "empty"], 8, properties=True))
    yield "js", dict(id="pub-js", pub=pub(topics("cmd", "temp", lines="ab"), [0, 1, 2], ["equal", "empty"], 10))
    yield "js", dict(id="pub-js5", level=five, alias=True,
                     pub=pub(topics("state"), [1, 2], ["unique", "equal"], 8, retain=0.5))
    yield "go", dict(id="pub-go", pub=pub(topics("state", "temp"), [0, 1, 2], ["unique", "equal"], 10, retain=0.2))
    yield "go", dict(id="burst-go", pub=pub(topics("cmd", lines="a"), [1, 2], ["unique"], 6, burst=30))
    yield "py", dict(id="clears", pub=pub(topics("state", lines="cde"), [1], ["unique", "empty"], 3, retain=1))
    yield "py", dict(id="expires", level=five, pub=pub(topics("cmd"), [1, 2], ["unique"], 4, expiry=[1, 3, 30]))
    yield "js", dict(id="pub-keep", clean=False, expiry=100, kill=11, away=(0, 4),
                     pub=pub(topics("cmd", lines="cd"), [1, 2], ["unique", "equal"], 8))
    yield "py", dict(id="pub-keep5", clean=False, expiry=100, level=five, kill=13, away=(0, 4),
                     pub=pub(topics("state", lines="e"), [2], ["unique"], 8))
    # Asleep beyond its keep alive: what is open is sent again on the next connection.
    for kind in ("py", "js"):
        yield kind, dict(id="naps-" + kind, clean=False, expiry=60, keep_alive=2, freeze=9, asleep=(2, 9),
                         subs=[sub("plant/a/state", 2)],
                         pub=pub(topics("state", "cmd", lines="b"), [1, 2], ["unique", "equal"], 20, burst=5))
    yield "py", dict(id="pub-large", pub=pub(["large/one", "large/two"], [0, 1, 2], ["large", "unique"], 1.5))
    yield "py", dict(id="no-local", level=five, subs=[sub("plant/a/#", 1, nl=1), sub("own/+", 1)],
                     pub=pub(topics("temp", lines="a") + ["own/x"], [0, 1], ["unique", "equal"], 5))
    yield "js", dict(id="own", subs=[sub("own/#", 2)], pub=pub(["own/x", "own/y"], [0, 1, 2], ["unique", "equal"], 5))
    for number in range(6):
        will = {"topic": "wills/%d" % (number % 4), "payload": ("gone", "")[number == 5], "qos": number % 3,
                "retain": number % 2 == 1, "delay": (0, 2, 0, 20)[number % 4]}
        plan = dict(id="will-%d" % number, level=five if number % 2 else 4, will=will,
                    pub=pub(["wills/%d/alive" % number], [1], ["equal"], 1))
        plan.update({"life": 7, "away": (0, 4)} if number == 2 else {"kill": 8, "away": (0, 5)})
        yield ("py", "js")[number % 2], plan


class Director:
    def __init__(self, broker, seconds, folder, node_folder, seed):
        self.broker, self.folder, self.node_folder = broker, folder, node_folder
        self.random = random.Random(seed)
        self.seed = seed
        self.end = time.time() + seconds
        self.actors = []

    def start(self, kind, plan):
        self.actors.append({"kind": kind, "plan": plan, "lives": 0, "process": None, "due": 0, "events": []})

    def port_of(self, client_id):
        ports = (self.broker.port, *self.broker.other_ports)
        return self.random.choice(ports) if self.broker.hops else ports[len(client_id) % len(ports)]

    def launch(self, actor):
        plan = {"level": 4, "clean": True, "expiry": 0, "keep_alive": 20, "subs": [], **actor["plan"]}
        if plan["level"] not in self.broker.levels:
            plan["level"] = 4
        top = self.broker.top_qos
        if plan.get("pub"):
            plan["pub"] = {**plan["pub"], "qos": [min(qos, top) for qos in plan["pub"]["qos"]]}
        if plan.get("will"):
            plan["will"] = {**plan["will"], "qos": min(plan["will"]["qos"], top)}
        actor["lives"] += 1
        plan.update(port=self.port_of(plan["id"]), user=self.broker.user, password=self.broker.password,
                    log=str(self.folder / (plan["id"] + ".log")), life_number=actor["lives"],
                    seed=self.random.randrange(1, 2**31), end=self.end - 2, last_publish=self.end - QUIET)
        path = self.folder / "plans" / ("%s-%s-%d.json" % (plan["id"], actor["kind"], actor["lives"]))
        path.write_text(json.dumps(plan, indent=1))
        program = {
            "py": ["/usr/bin/python3", str(HERE / "actor.py")],
            "js": ["node", str(HERE / "actor.js")],
            "go": [str(self.node_folder / "actor")],
        }[actor["kind"]]
        environment = {**os.environ, "NODE_PATH": str(self.node_folder / "clients" / "node_modules")}
        errors = open(self.folder / "errors", "ab")
        actor["process"] = subprocess.Popen([*program, path], env=environment, stdout=errors, stderr=errors)
        now = time.time()
        actor["kill_at"] = now + plan["kill"] * self.random.uniform(0.5, 1.5) if plan.get("kill") else None
        actor["freeze_at"] = now + plan["freeze"] * self.random.uniform(0.5, 1.5) if plan.get("freeze") else None

    def note(self, actor, event):
        line = {"t": time.time_ns(), "c": actor["plan"]["id"], "e": event}
        with open(self.folder / "director.log", "a", encoding="ascii") as log:
            log.write(json.dumps(line) + "\n")

    def step(self, actor):
        now, process = time.time(), actor["process"]
        if process is None:
            if now >= actor["due"] and now < self.end - 5:
                self.launch(actor)
            return
        if process.poll() is not None:
            actor["process"] = None
            actor["due"] = now + self.random.uniform(*actor["plan"].get("away", (0, 1)))
        elif actor["kill_at"] and now > actor["kill_at"] and now < self.end - QUIET:
            self.note(actor, "killed")
            process.kill()
        elif actor["freeze_at"] and now > actor["freeze_at"] and (actor.get("frozen") or now < self.end - QUIET):
            if actor.get("frozen"):
                process.send_signal(signal.SIGCONT)
                actor["frozen"] = False
                actor["freeze_at"] = now + actor["plan"]["freeze"] if now < self.end - QUIET else None
            else:
                self.note(actor, "frozen")
                process.send_signal(signal.SIGSTOP)
                actor["frozen"] = True
                actor["freeze_at"] = now + self.random.uniform(*actor["plan"].get("asleep", (1, 5)))


class Tools:
    """mosquitto_pub and mosquitto_sub: a retained value now and then, and a session that is resumed."""

    def __init__(self, director):
        self.director = director
        broker = director.broker
        self.login = ["-h", "127.0.0.1", "-p", str(PORT)]
        if broker.user:
            self.login += ["-u", broker.user, "-P", broker.password]
        self.sub = None
        self.at = 0
        self.count = 0

    def step(self):
        d, now = self.director, time.time()
        if self.sub is None or self.sub.poll() is not None:
            out = open(d.folder / "tool-sub.out", "ab")
            seconds = d.random.randint(4, 12)
            if now + seconds < d.end - 3:
                self.sub = subprocess.Popen(
                    ["stdbuf", "-oL", "mosquitto_sub", *self.login, "-i", "tool-sub", "-c", "-q", "1", "-W", str(seconds),
                     "-t", "plant/+/state", "-F", "%j"], stdout=out, stderr=subprocess.DEVNULL)
        if now > self.at and now < d.end - QUIET:
            self.count += 1
            topic = d.random.choice(topics("state", lines="ab"))
            message = ["-n"] if self.count % 4 == 0 else ["-m", d.random.choice(("ON", "tool %d" % self.count))]
            level = d.random.choice(d.broker.levels)
            qos = str(d.random.randint(0, d.broker.top_qos))
            line = {"t": time.time_ns(), "c": "tool-pub", "e": "publish", "n": self.count, "topic": topic,
                    "p": "" if message == ["-n"] else message[1], "qos": int(qos), "retain": 1}
            with open(d.folder / "tool-pub.log", "a", encoding="ascii") as log:
                log.write(json.dumps(line) + "\n")
                done = subprocess.run(
                    ["timeout", "5", "mosquitto_pub", *self.login, "-i", "tool-pub", "-V", {4: "mqttv311", 5: "mqttv5"}[level], "-r",
                     "-t", topic, "-q", qos, *message], stderr=subprocess.DEVNULL, check=False)
                if done.returncode == 0:
                    log.write(json.dumps({"t": time.time_ns(), "c": "tool-pub", "e": "acked", "n": self.count}) + "\n")
            self.at = now + d.random.uniform(0.5, 2)

    def finish(self):
        """mosquitto_sub's own lines in the form of the other logs."""
        folder = self.director.folder
        with open(folder / "tool-sub.log", "w", encoding="ascii") as log, \
                open(folder / "tool-sub.out", encoding="utf-8") as out:
            for row in out:
                try:
                    said = json.loads(row)
                except ValueError:
                    continue
                line = {"t": 0, "c": "tool-sub", "e": "got", "topic": said["topic"], "p": str(said.get("payload", "")),
                        "qos": said["qos"], "retain": said["retain"], "dup": 0}
                log.write(json.dumps(line) + "\n")


class Restarts:
    """Stops the broker at half the time, kills it at three quarters, and starts it again each time."""

    def __init__(self, director, scratch, seconds):
        self.director, self.scratch = director, scratch
        now = time.time()
        self.times = [(now + seconds / 2, signal.SIGTERM), (now + seconds * 3 / 4, signal.SIGKILL)]

    def step(self):
        broker = self.director.broker
        if broker.again and self.times and time.time() > self.times[0][0]:
            _, how = self.times.pop(0)
            with open(self.director.folder / "director.log", "a", encoding="ascii") as log:
                log.write(json.dumps({"t": time.time_ns(), "c": "", "e": "broker " + how.name}) + "\n")
            broker.process.send_signal(how)
            broker.process.wait()
            time.sleep(1)
            broker.process = brokers.spawn(self.scratch, broker.again)


def sniff(out):
    """dumpcap, once it says that it captures."""
    command = ["dumpcap", "-q", "-i", "lo", "-B", "64", "-f", "tcp portrange %d-%d" % (PORT, PORT + 1), "-w", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for line in process.stderr:
        if b"File: " in line:
            break
    else:
        raise SystemExit("dumpcap does not capture")
    time.sleep(0.3)
    return process


def main():
    name, seconds, out = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]).resolve()
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    node_folder = pathlib.Path(os.environ.get("NODE_FOLDER", "/var/tmp/mqttscope-runs"))
    folder = out.with_suffix(".log")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "plans").mkdir(parents=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="mqttscope-run-"))
    scratch.chmod(0o755)
    broker = brokers.start(name, scratch, PORT, node_folder)
    # In a folder of its own: dumpcap gives up its rights, and the broker's folder may be another user's.
    capture = pathlib.Path(tempfile.mkdtemp(prefix="mqttscope-run-"))
    raw = capture / "raw.pcapng"
    sniffer = sniff(raw)
    director = Director(broker, seconds, folder, node_folder, seed)
    five = max(broker.levels)
    for kind, plan in [*subscribers(five, broker.shared), *publishers(five)]:
        director.start(kind, plan)
    tools, restarts = Tools(director), Restarts(director, scratch, seconds)
    while time.time() < director.end:
        for actor in director.actors:
            director.step(actor)
        tools.step()
        restarts.step()
        time.sleep(0.05)
    for actor in director.actors:
        if actor["process"] and actor["process"].poll() is None:
            actor["process"].kill()
    time.sleep(1)
    sniffer.send_signal(signal.SIGINT)
    said = sniffer.stderr.read().decode()
    sniffer.wait()
    tools.finish()
    print(said.strip().splitlines()[-1])
    if broker.stop:
        subprocess.run(broker.stop, timeout=30, check=False)
    broker.process.terminate()
    shutil.copy(scratch / "broker.out", folder / "broker.out")
    shutil.move(raw, out)
    for temporary in (scratch, capture):
        shutil.rmtree(temporary, ignore_errors=True)


main()
