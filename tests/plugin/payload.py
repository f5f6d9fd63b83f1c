#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What payloads are dissected as: by their Content Type, by what users want for their topics, by what they look like.

    payload.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import faces  # noqa: E402
from mqtt_pcap import (  # noqa: E402
    CLIENT, DISCONNECT, SERVER, Capture, connack_5, connect_5, packet, string,
)  # fmt: skip

DECODED_AS = "mqttscope.payload.decoded_as"


def content_type(media_type):
    """A property block with a Content Type, or an empty one."""
    block = b"\x03" + string(media_type) if media_type is not None else b""
    return bytes([len(block)]) + block


def message(payload, media_type=None, topic="t"):
    """A PUBLISH of 5.0."""
    return packet(0x30, string(topic) + content_type(media_type) + payload)


def with_will(payload, media_type=None, topic="w"):
    """A CONNECT of 5.0 with a will."""
    will = content_type(media_type) + string(topic) + string(payload)
    return packet(0x10, string("MQTT") + bytes([5, 0x06]) + struct.pack(">H", 60) + b"\0" + string("c") + will)


def written(folder, packets, first=None):
    """The path of a capture of one connection whose client sends these, a frame each."""
    capture = Capture()
    exchange = [(CLIENT, first or connect_5("c", clean_start=True)), (SERVER, connack_5())]
    capture.talk([*exchange, *((CLIENT, data) for data in packets), (CLIENT, DISCONNECT)])
    path = pathlib.Path(folder) / "payload.pcap"
    path.write_bytes(capture.bytes())
    return str(path)


# Content Type, payload, its layer, a field of it with its values
MEDIA = [
    ("text/plain", b"hello", "data-text-lines", "mqtt.msg_text", ["hello"]),
    ("Text/Plain; charset=utf-8", b"hello", "data-text-lines", "mqtt.msg_text", ["hello"]),
    ("application/xml", b"<a><b>1</b></a>", "xml", "xml.cdata", ["1"]),
    ("application/json", b"21.5", "json", "mqtt.msg_text", ["21.5"]),
    ("application/json", b"true", "json", "mqtt.msg_text", ["true"]),
    ("application/senml+json", b'{"n": 4}', "json", "json.value.number", ["4"]),
    ("application/vnd.nobody.knows+json", b"[7]", "json", "json.value.number", ["7"]),
    ("application/cbor", b"\x18\x2a", "cbor", "cbor.type.uint", ["42"]),
    # Nobody takes these by their type: JSON by its looks, and the rest as bytes
    ("x/unknown", b'{"n": 4}', "json", "json.value.number", ["4"]),
    ("", b"hello", None, "mqtt.msg_text", ["hello"]),
    (None, b'{"n": 4}', "json", "json.value.number", ["4"]),
    (None, b"21.5", None, "mqtt.msg_text", ["21.5"]),
    ("x/unknown", b"\xff\x00", None, "mqtt.msg", ["ff00"]),
    # What its type does not fit ends nothing
    ("application/cbor", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "cbor", "mqtt.msgtype", ["3"]),
    ("application/xml", b"<" * 300, "xml", "mqtt.msgtype", ["3"]),
]  # fmt: skip

MQTT_LAYER = "mqtt"


def layers_behind_mqtt(row):
    """What frame.protocols has behind MQTT."""
    names = row["frame.protocols"][0].split(":")
    return names[names.index(MQTT_LAYER) + 1 :]


def check_media(face, folder):
    """What the Content Type names is dissected, whatever its case, parameters or suffix, in wills as well; what it
    does not name is dissected by its looks; a preference turns it off; and the packet behind a payload is there."""
    names = sorted({"frame.protocols", "mqtt.msgtype", "mqtt.willmsg", DECODED_AS, *(row[3] for row in MEDIA)})
    path = written(folder, [message(payload, media_type) for media_type, payload, *_ in MEDIA])
    rows = face.fields(path, names, "mqtt.msgtype == 3")
    if len(rows) != len(MEDIA):
        yield f"{len(rows)} packets, not {len(MEDIA)}"
    for (media_type, payload, layer, field, values), row in zip(MEDIA, rows, strict=True):
        if layer not in [*layers_behind_mqtt(row), None] or (layer is None and layers_behind_mqtt(row)):
            yield f"{media_type} {payload[:20]}: layers {row['frame.protocols']}"
        if row[field] != values:
            yield f"{media_type} {payload[:20]}: {field} is {row[field]}"
        by_type = layer is not None and media_type not in (None, "x/unknown")
        if bool(row[DECODED_AS]) != by_type:
            yield f"{media_type} {payload[:20]}: decoded as {row[DECODED_AS]}"
    shown = face.tshark(path, "-O", "json", "-Y", "json").count("JavaScript Object Notation: application/senml+json")
    if shown != 1:
        yield f"JSON of a media type stands {shown} times in the tree"
    off = face.fields(path, names, "mqtt.msgtype == 3", more=["-o", "mqttscope.payload_content_type:FALSE"])
    seen = [layers_behind_mqtt(row) for row in off]
    wanted = [["json"] if payload[:1] in (b"{", b"[") else [] for _, payload, *_ in MEDIA]
    if seen != wanted or any(row[DECODED_AS] for row in off):
        yield f"turned off: {seen}"
    path = written(folder, [], with_will(b"<a>9</a>", "text/xml"))
    row = face.fields(path, [*names, "xml.cdata"], "mqtt.msgtype == 1")[0]
    if row["xml.cdata"] != ["9"] or row[DECODED_AS] == []:
        yield f"a will: {row}"
    path = written(folder, [], with_will(b"<a>9</a>"))
    if layers_behind_mqtt(face.fields(path, names, "mqtt.msgtype == 1")[0]):
        yield "a will without Content Type has a layer"


if __name__ == "__main__":
    faces.run_check(globals())
