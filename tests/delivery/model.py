# SPDX-License-Identifier: GPL-2.0-or-later
"""What a broker keeps: messages, copies of them on their way, subscriptions, sessions."""
from dataclasses import dataclass, field

from world import wire

FOREVER = 0xFFFFFFFF


def matches(topic_filter, topic, dollar=False):
    """Chapter 4.7; dollar: a leading wildcard takes $ topics too, which is wrong."""
    levels, names = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and levels[0] in ("#", "+") and not dollar:
        return False
    for i, level in enumerate(levels):
        if level == "#":
            return True
        if i >= len(names) or level not in ("+", names[i]):
            return False
    return len(levels) == len(names)


@dataclass
class Message:
    topic: str
    payload: bytes
    qos: int
    retain: int
    props: dict          # format, expiry, content, response, correlation, user
    owner: str           # client identifier of who published it, or whose will it is; None: from outside
    frame: int = 0       # of its PUBLISH, or of the CONNECT with the will
    time: int = 0        # when it was published
    will: bool = False
    version: int = 5
    truth: object = None  # of each copy: what is wrong with a will as such
    blame: str = None     # the rule that is broken when it is delivered as a retained message

    def left(self, now):
        """Seconds until it expires; None: never."""
        expiry = self.props.get("expiry")
        return None if expiry is None else expiry - (now - self.time) // 10**9

    def key(self):
        return (self.topic, self.payload)


@dataclass
class Copy:
    """A message on its way to one session."""
    message: Message
    qos: int
    retain: int = 0
    subids: tuple = ()
    shared: tuple = None                         # (name, filter)
    truths: list = field(default_factory=list)   # (rules, client id, alternatives), said when it is sent
    payload: bytes = None                        # in place of the message's
    props: dict = None                           # in place of the message's
    due: int = 0                 # QoS that it should have, where a fault lowered it
    expiry: str = ""             # "kept": not reduced; "late": delivered although expired

    def true(self, truth, now):
        """Whether that is wrong at this moment."""
        left = self.message.left(now)
        return (truth.rules[0] != "message-expiry-not-reduced" or left < self.message.props["expiry"] - 1) and \
            (truth.rules[0] != "delivered-after-expiry" or left <= 0)


@dataclass
class Subscription:
    filter: str
    qos: int
    nl: int = 0
    rap: int = 0
    rh: int = 0
    subid: int = None
    frame: int = 0               # of SUBSCRIBE
    answer: int = 0              # of SUBACK
    made: int = 0                # when
    gone: int = 0                # when UNSUBACK was sent
    missing: list = field(default_factory=list)   # truths about retained messages that did not come
    skipped: tuple = ()          # publications that it was not served with, by a fault

    def share(self):
        """(name, filter) of a shared subscription, or None."""
        parts = self.filter.split("/", 2)
        return (parts[1], parts[2]) if parts[0] == "$share" and len(parts) == 3 else None

    def options(self, version):
        return self.qos | (self.nl << 2 | self.rap << 3 | self.rh << 4 if version == 5 else 0)


class Session:
    def __init__(self, cid, version, expiry):
        self.cid, self.version, self.expiry = cid, version, expiry
        self.conn = None
        self.subs, self.queue, self.inflight, self.inbound = {}, [], {}, {}
        self.removed = {}        # filter -> subscription that was
        self.recent = {}         # identifier -> last message of QoS 1 with it
        self.held = None         # a copy that waits to be overtaken
        self.will, self.will_frame = None, 0
        self.pending = None      # a will that waits for its delay
        self.stream = 0          # of the last connection
        self.ends = 0            # counts, so that a timer knows its own
        self.next_id = 0
        self.pumping = False

    def recent_is(self, pid, m):
        return pid in self.recent and self.recent[pid].key() == m.key()

    def identifier(self):
        while True:
            self.next_id = self.next_id % 65535 + 1
            if self.next_id not in self.inflight:
                return self.next_id


def encoded(p, subids=(), alias=None, expiry=None):
    """Properties of a PUBLISH or a will, in the order of table 2.4."""
    out = b""
    if "format" in p:
        out += wire.payloadformat(p["format"])
    if expiry is not None:
        out += wire.messageexpiry(expiry)
    if "content" in p:
        out += wire.contenttype(p["content"])
    if "response" in p:
        out += wire.responsetopic(p["response"])
    if "correlation" in p:
        out += wire.correlation(p["correlation"])
    if alias:
        out += wire.alias(alias)
    for subid in subids:
        out += wire.subscriptionid(subid)
    for key, value in p.get("user", ()):
        out += wire.uprop(key, value)
    return out


__all__ = ["FOREVER", "Copy", "Message", "Session", "Subscription", "encoded", "matches"]
