/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between the Wireshark versions that the plugin is built for: 4.0 to 4.6. The rest of
 * the plugin includes Wireshark's headers through this one and is written against 4.0's names; of
 * TCP's dissector, which is no interface, tcp_view.c alone knows.
 */
#ifndef MQTTSCOPE_PLUGIN_COMPAT_H
#define MQTTSCOPE_PLUGIN_COMPAT_H

#include <wireshark.h>

#include <epan/charsets.h>
#include <epan/conversation.h>
#include <epan/conversation_filter.h>
#include <epan/exceptions.h>
#include <epan/expert.h>
#include <epan/export_object.h>
#include <epan/follow.h>
#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/proto.h>
#include <epan/proto_data.h>
#include <epan/show_exception.h>
#include <epan/srt_table.h>
#include <epan/stat_tap_ui.h>
#include <epan/stats_tree.h>
#include <epan/strutil.h>
#include <epan/tap.h>
#include <epan/to_str.h>
#include <epan/unit_strings.h>

#include <epan/dissectors/packet-tls.h>

#define WIRESHARK_AT_LEAST(major, minor)                                                           \
    (WIRESHARK_VERSION_MAJOR > (major) ||                                                          \
     (WIRESHARK_VERSION_MAJOR == (major) && WIRESHARK_VERSION_MINOR >= (minor)))

/* 4.4 went over to C99's bool in the signatures of callbacks, and its preferences are bools; what
 * tells plugins apart, and tfs_set_notset, have headers of their own. */
#if WIRESHARK_AT_LEAST(4, 4)
#include <epan/tfs.h>
#include <wsutil/plugins.h>
typedef bool ws_boolean;
#else
#define WS_PLUGIN_DESC_DISSECTOR 1u
typedef gboolean ws_boolean;
#endif

/* What an option of -z begins with returned nothing at first, and says later whether it could
 * begin. Which of two functions it takes. */
#define STAT_TAP_INIT(silent, telling)                                                             \
    _Generic((stat_tap_init_cb)NULL, void (*)(const char *, void *) : (silent), default : (telling))

/* 4.2 moved format_text() to wsutil and made its argument a char pointer. */
#if WIRESHARK_AT_LEAST(4, 2)
#include <wsutil/str_util.h>
#define FORMAT_TEXT(pool, bytes, length) format_text((pool), (const char *)(bytes), (length))
#else
#define FORMAT_TEXT(pool, bytes, length) format_text((pool), (const guchar *)(bytes), (length))
#endif

/* What parts the levels of a menu in the name of a statistics tree: until 4.0 a slash. */
#ifndef STATS_TREE_MENU_SEPARATOR
#define STATS_TREE_MENU_SEPARATOR "/"
#endif

/* 4.2 asks who follows streams how many there are, and tells filters of conversations what they
 * were registered with. */
#if WIRESHARK_AT_LEAST(4, 2)
#define REGISTER_FOLLOW(protocol, tap, conversation, index, ends, port, packet, count)             \
    register_follow_stream((protocol), (tap), (conversation), (index), (ends), (port), (packet),   \
                           (count), NULL)
#define REGISTER_CONVERSATION_FILTER(protocol, name, valid, build)                                 \
    register_conversation_filter((protocol), (name), (valid), (build), NULL)
#define FILTER_USER_DATA , void *user_data
#define FILTER_USER_DATA_UNUSED (void)user_data
#else
#define REGISTER_FOLLOW(protocol, tap, conversation, index, ends, port, packet, count)             \
    register_follow_stream((protocol), (tap), (conversation), (index), (ends), (port), (packet))
#define REGISTER_CONVERSATION_FILTER(protocol, name, valid, build)                                 \
    register_conversation_filter((protocol), (name), (valid), (build))
#define FILTER_USER_DATA
#define FILTER_USER_DATA_UNUSED (void)0
#endif

/* Flow graphs (epan/sequence_analysis.h is not installed). The members up to
 * `line_style` are the same from 4.0 to 4.6; further ones are zero. */
struct wireshark_flow_step {
    guint32 frame;
    address source;
    guint16 source_port;
    address destination;
    guint16 destination_port;
    char *label; /* on the arrow; this and the next two are freed with g_free() */
    char *time;
    char *comment; /* beside it */
    guint16 conversation;
    unsigned foreground;
    unsigned background;
    ws_boolean has_color_filter;
    ws_boolean display;
    guint source_node;
    guint destination_node;
    guint16 line_style;
    int info_type;
    void *info;
    void *reserved[4];
};

struct wireshark_flow {
    const char *name;
    ws_boolean any_address;
    int conversations;
    GQueue *steps; /* struct wireshark_flow_step */
};

WS_DLL_PUBLIC void register_seq_analysis(const char *name, const char *ui_name, const int proto_id,
                                         const char *tap_listener, guint tap_flags,
                                         tap_packet_cb tap_func);

/* What listeners of the tap "credentials" get; the header that has it is not installed. */
struct wireshark_credential {
    guint num;
    guint username_num;
    guint password_hf_id;
    const char *username;
    const char *proto;
    const char *info;
};

#endif
