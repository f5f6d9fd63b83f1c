#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What payloads are dissected as: by their Content Type, by what users want for their topics, by what they look like.

    payload.py CHECK --tshark RUN-TSHARK

Each check below is a function named check_*; its text says what it holds.
"""

import gzip
import pathlib
import struct
import subprocess
import sys
import zlib

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
UNPACKED_MAX, UNPACKED_FRAME_MAX = 8 << 20, 32 << 20  # plugin/unpack.h


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


def table(*rows, of="mqttscope_payloads"):
    """Options that give a table of Wireshark's these rows."""
    options = []
    for row in rows:
        cells = ",".join(f'"{cell}"' for cell in row)
        options += ["-o", f"uat:{of}:{cells}"]
    return options


# Rows of the user's table
TABLE = [
    ("plant/+/raw", "None", "json"),
    ("plant/#", "Automatic", "xml"),
    ("$SYS/#", "None", "data"),
]  # fmt: skip

# topic, payload, the dissector that takes it
CHOSEN = [
    ("plant/1/raw", b"7", "json"),
    ("plant/1/raw/x", b"<a/>", "xml"),
    ("plant", b"<a/>", "xml"),
    ("plant/1/2/raw", b"<a/>", "xml"),
    ("plantation/1/raw", b"7", None),
    ("$SYS/broker", b"{}", "data"),
]  # fmt: skip


def dissected(face, path, more=()):
    """Of each PUBLISH, who took its payload."""
    names = ["mqtt.topic", "frame.protocols", "mqtt.msg_decoded_as", DECODED_AS]
    for row in face.fields(path, names, "mqtt.msgtype == 3", more=more):
        last = row["mqtt.msg_decoded_as"]
        if bool(last) != bool(row[DECODED_AS]) or (last and last[0] not in layers_behind_mqtt(row)):
            yield f"{row}"
        else:
            yield last[0] if last else None


def check_table(face, folder):
    """The first row of the user's table whose topic filter matches says who dissects a payload, before its Content
    Type does; an alias is its topic; a row that makes no sense is refused."""
    path = written(folder, [message(payload, "text/plain", topic) for topic, payload, _ in CHOSEN])
    more = [*table(*TABLE), "-o", "mqttscope.payload_content_type:FALSE"]
    found, wanted = list(dissected(face, path, more)), [dissector for *_, dissector in CHOSEN]
    if found != wanted:
        yield f"{found} instead of {wanted}"
    if any(dissected(face, path, more[-2:])):
        yield "no table, but decoded"
    row = face.fields(path, ["frame.protocols"], "mqtt.topic == plant", more=table(*TABLE))[0]
    if layers_behind_mqtt(row) != ["xml"]:
        yield f"the Content Type is heard, too: {row}"
    alias = b"\x03\x23\0\1"
    aliased = [packet(0x30, string(topic) + alias + b"7") for topic in ("plant/1/raw", "")]
    found = list(dissected(face, written(folder, aliased), table(*TABLE)))
    if found != ["json", "json"]:
        yield f"an alias: {found}"
    for row, said in (
        (("a#", "None", "json"), "topic filter"),
        (("", "None", "json"), "topic filter"),
        (("a", "None", "nobody"), "nobody"),
        (("a", "None", "mqttscope"), "mqttscope"),
        (("a", "Sometimes", "json"), "Sometimes"),
    ):
        command = [face.run_tshark, "-r", path, *table(row)]
        done = subprocess.run(command, cwd=faces.TREE, capture_output=True, text=True, check=False)
        if done.returncode == 0 or said not in done.stderr:
            yield f"{row} is accepted: {done.stderr}"


# Criterion and pattern of the built-in's table; a topic that it is for, and one that it is not for
CRITERIA = [
    ("Equal to", "a/b", "a/b", "a/b/c"),
    ("Contains", "/b/", "a/b/c", "a/b"),
    ("Starts with", "a/", "a/b", "b/a/"),
    ("Ends with", "/b", "a/b", "a/b/c"),
    ("Regular Expression", "^a.[0-9]$", "a/7", "a/77"),
]  # fmt: skip


def check_decoding(face, folder):
    """The table "Message Decoding" of Wireshark's own dissector works as it does without the plugin; where both
    tables have a row, ours counts."""
    for criterion, pattern, *topics in CRITERIA:
        path = written(folder, [message(b"<a/>", topic=topic) for topic in topics])
        more = table((criterion, pattern, "none", "xml"), of="mqtt_message_decoding")
        found = list(dissected(face, path, more))
        if found != ["xml", None]:
            yield f"{criterion} {pattern}: {found}"
        names = ["mqtt.msg_decoded_as"]
        if face.fields(path, names, "mqtt.msgtype == 3", more=more) != face.fields(
            path, names, "mqtt.msgtype == 3", more=more, builtin=True
        ):
            yield f"{criterion} {pattern}: the built-in has it otherwise"
        found = list(dissected(face, path, [*more, *table(("#", "None", "json"))]))
        if found != ["json", "json"]:
            yield f"both tables: {found}"
    path = written(folder, [message(zlib.compress(b"<a>5</a>"), topic="z")])
    more = table(("Equal to", "z", "compressed", "xml"), of="mqtt_message_decoding")
    for builtin in (False, True):
        rows = face.fields(path, ["xml.cdata"], "mqtt.msgtype == 3", more=more, builtin=builtin)
        if [row["xml.cdata"] for row in rows] != [["5"]]:
            yield f"compressed: {rows}"


ZSTD_HEAD = b"\x28\xb5\x2f\xfd\x00\x50"  # a window of 1 MiB; neither size nor checksum
ZSTD_BLOCK = 1 << 17


def zstd_block(kind, size, last):
    """The head of a block of a Zstandard frame."""
    return (size << 3 | kind << 1 | last).to_bytes(3, "little")


def in_zstd(data):
    """A Zstandard frame with the data as they are in it."""
    return ZSTD_HEAD + zstd_block(0, len(data), True) + data


def zstd_bomb(size):
    """A Zstandard frame of blocks that are one byte again and again."""
    full = zstd_block(1, ZSTD_BLOCK, False) + b"x"
    return ZSTD_HEAD + full * (size // ZSTD_BLOCK) + zstd_block(1, 1, True) + b"x"


def raw_deflate(data):
    """Without a header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


JSON = b'{"reading": 21}'

# Compression in the table (None: the payload has no row), payload, is it unpacked
PACKED = [
    (None, gzip.compress(JSON), True),
    (None, in_zstd(JSON), True),
    (None, zlib.compress(JSON), False),
    ("Automatic", gzip.compress(JSON), True),
    ("None", gzip.compress(JSON), False),
    ("gzip or zlib", gzip.compress(JSON), True),
    ("gzip or zlib", zlib.compress(JSON), True),
    ("gzip or zlib", raw_deflate(JSON), True),
    ("Zstandard", in_zstd(JSON), True),
]  # fmt: skip

# What can't be unpacked, and why
UNPACKABLE = [
    (None, gzip.compress(JSON)[:-9], "damaged"),
    (None, in_zstd(JSON)[:-5], "damaged"),
    (None, gzip.compress(b""), "nothing is in it"),
    ("gzip or zlib", b"\xff\xff\xff", "damaged"),
    ("Zstandard", JSON, "damaged"),
    (None, gzip.compress(b"\0" * (UNPACKED_MAX + 1)), "grows"),
    (None, zstd_bomb(UNPACKED_MAX), "grows"),
]  # fmt: skip


def check_packed(face, folder):
    """Compressed payloads are unpacked where they begin like gzip or Zstandard, or where the table says so, and what
    comes out is dissected; what can't be unpacked is said; a preference turns it off."""
    names = ["json.value.number", "mqttscope.payload.unpacked", "mqttscope.payload.text"]
    for compression, payload, is_unpacked in PACKED:
        path = written(folder, [message(payload)])
        more = table(("t", compression, "")) if compression else []
        row = face.fields(path, names, "mqtt.msgtype == 3", more=more)[0]
        wanted = [["21"], [JSON.hex()], [JSON.decode()]] if is_unpacked else [[], [], []]
        if [row[name] for name in names] != wanted:
            yield f"{compression} {payload.hex()}: {row}"
        row = face.fields(path, names, "mqtt.msgtype == 3", more=[*more, "-o", "mqttscope.payload_unpack:FALSE"])[0]
        if any(row.values()):
            yield f"turned off: {row}"
    for compression, payload, said in UNPACKABLE:
        path = written(folder, [message(payload), message(JSON)])
        more = table(("t", compression, "")) if compression else []
        text = face.tshark(path, "-V", "-Y", "mqttscope.payload.packed", *more)
        if said not in text:
            yield f"{compression} {payload[:20].hex()}: no word of {said}"
    payload = gzip.compress(b"x" * UNPACKED_MAX)
    fits = UNPACKED_FRAME_MAX // UNPACKED_MAX
    row = face.fields(written(folder, [message(payload) * (fits + 2)]), [
        "mqtt.msgtype", "mqttscope.payload.text", "mqttscope.payload.packed"
    ], "mqtt.msgtype == 3")[0]  # fmt: skip
    counts = [len(values) for values in row.values()]
    if counts != [fits + 2, fits, 2]:
        yield f"a frame of bombs: {counts}"


def check_empty(face, folder):
    """An empty payload is found as such, and no other is."""
    path = written(folder, [message(b"", topic="empty"), message(b"x", topic="other")])
    for found in ('mqtt.msg == ""', "mqtt.msg && !mqtt.msg_text"):
        rows = face.fields(path, ["mqtt.topic"], found)
        if [row["mqtt.topic"] for row in rows] != [["empty"]]:
            yield f"{found}: {rows}"


if __name__ == "__main__":
    faces.run_check(globals())
