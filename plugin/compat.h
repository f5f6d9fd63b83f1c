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
#include <epan/exceptions.h>
#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/proto.h>
#include <epan/proto_data.h>
#include <epan/show_exception.h>
#include <epan/stat_tap_ui.h>
#include <epan/strutil.h>
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

#endif
