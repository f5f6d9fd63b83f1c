/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports that lead here; see ports.h.
 *
 * Wireshark tells nobody when the preferences of another dissector change, or when a protocol is
 * disabled, but it dissects everything anew then. So it is before each of those that the tables are
 * looked at. A port at which a user wants another dissector ("Decode As") stays as it is.
 */
#include "plugin/ports.h"

#include "plugin/register.h"

#define PORTS_MAX 65535
#define PORT_MQTT_TLS 8883

static const char tcp_table[] = "tcp.port";
static const char tls_table[] = "tls.port";

/* The preferences. */
static range_t *further_ports;
static range_t *tls_ports;

static struct {
    dissector_handle_t tcp, tls, builtin;
    bool active;       /* the ports are ours, not the built-in's */
    range_t *default_; /* ports of the built-in before anybody changed them */
    range_t *theirs;   /* as they were at the last look: the built-in's, */
    range_t *further;  /* and our preferences' */
    range_t *over_tls;
} ports;

void mqttscope_ports_register(module_t *module)
{
    further_ports = range_empty(wmem_epan_scope());
    prefs_register_range_preference(
        module, tcp_table, "Further TCP ports",
        "TCP ports that carry MQTT, besides the TCP ports of Wireshark's own dissector (the "
        "protocol MQTT), which this one takes over.",
        &further_ports, PORTS_MAX);
    range_convert_str(wmem_epan_scope(), &tls_ports, G_STRINGIFY(PORT_MQTT_TLS), PORTS_MAX);
    prefs_register_range_preference(
        module, tls_table, "TLS ports",
        "TCP ports that carry MQTT inside of TLS. On other ports it is found by the protocol that "
        "the TLS handshake names (ALPN).",
        &tls_ports, PORTS_MAX);
}

/* ---- Ranges ---- */

typedef void (*port_function)(uint32_t port);

/* Calls the function for the ports of `in` that `but` does not have. */
static void for_each(range_t *in, range_t *but, port_function function)
{
    for (unsigned i = 0; i < in->nranges; i++) {
        /* `high` may be the largest number that there is. */
        for (uint32_t port = in->ranges[i].low; port <= MIN(in->ranges[i].high, PORTS_MAX); port++)
            if (but == NULL || !value_is_in_range(but, port))
                function(port);
    }
}

static void remember(range_t **kept, range_t *range)
{
    wmem_free(wmem_epan_scope(), *kept);
    *kept = range_copy(wmem_epan_scope(), range);
}

/* The TCP ports of the built-in, as its preference has them now. */
static range_t *builtin_ports(void)
{
    module_t *module = prefs_find_module("mqtt");

    if (ports.builtin == NULL || module == NULL || prefs_find_preference(module, tcp_table) == NULL)
        return ports.default_;
    return prefs_get_range_value("mqtt", tcp_table);
}

/* ---- TCP ---- */

static dissector_handle_t handle_of(uint32_t port)
{
    return dissector_get_uint_handle(find_dissector_table(tcp_table), port);
}

static void take(uint32_t port)
{
    dissector_add_uint(tcp_table, port, ports.tcp);
}

static void take_from_builtin(uint32_t port)
{
    const dissector_handle_t handle = handle_of(port);

    if (handle == ports.builtin || handle == NULL)
        take(port);
}

static void give_to_builtin(uint32_t port)
{
    if (handle_of(port) == ports.tcp && ports.builtin != NULL)
        dissector_add_uint(tcp_table, port, ports.builtin);
}

static void drop(uint32_t port)
{
    if (handle_of(port) == ports.tcp)
        dissector_delete_uint(tcp_table, port, ports.tcp);
}

/* One preference no longer names the port; the other one may. */
static void leave(uint32_t port)
{
    if (!value_is_in_range(builtin_ports(), port) && !value_is_in_range(further_ports, port))
        drop(port);
}

static bool any_elsewhere;

static void look_elsewhere(uint32_t port)
{
    any_elsewhere = any_elsewhere || handle_of(port) != ports.builtin;
}

/* Whether the preference of the built-in put it at its ports. Where one of them is somebody else's
 * by then, or where the preference is as it always was, it was a user who asked for the built-in.
 */
static bool builtin_returned(range_t *theirs)
{
    if (!ranges_are_equal(theirs, ports.theirs))
        return true;
    if (ranges_are_equal(theirs, ports.default_))
        return false;
    any_elsewhere = false;
    for_each(theirs, NULL, look_elsewhere);
    return !any_elsewhere;
}

static void look_at_tcp(bool active)
{
    range_t *theirs = builtin_ports();

    if (!active) {
        if (ports.active) {
            for_each(theirs, NULL, give_to_builtin);
            for_each(ports.further, theirs, drop);
        }
    } else {
        /* With its preference the built-in may have taken a port of ours along. */
        if (!ports.active || builtin_returned(theirs)) {
            for_each(theirs, NULL, take_from_builtin);
            for_each(further_ports, theirs, take_from_builtin);
        }
        if (!ports.active || !ranges_are_equal(further_ports, ports.further))
            for_each(further_ports, theirs, take);
    }
    if (!ranges_are_equal(theirs, ports.theirs))
        for_each(ports.theirs, theirs, leave);
    if (!ranges_are_equal(further_ports, ports.further))
        for_each(ports.further, further_ports, leave);
    remember(&ports.theirs, theirs);
    remember(&ports.further, further_ports);
}

/* ---- TLS ---- */

static void take_tls(uint32_t port)
{
    ssl_dissector_add(port, ports.tls);
}

static void leave_tls(uint32_t port)
{
    if (port == PORT_MQTT_TLS && ports.builtin != NULL)
        ssl_dissector_add(port, ports.builtin);
    else
        ssl_dissector_delete(port, ports.tls);
}

static void look_at_tls(bool active)
{
    const bool changed = !ranges_are_equal(tls_ports, ports.over_tls);

    if (ports.active && (!active || changed))
        for_each(ports.over_tls, active ? tls_ports : NULL, leave_tls);
    if (active && (!ports.active || changed))
        for_each(tls_ports, ports.active ? ports.over_tls : NULL, take_tls);
    remember(&ports.over_tls, tls_ports);
}

/* ---- When ---- */

static void look(void)
{
    const bool active = proto_is_protocol_enabled(find_protocol_by_id(proto_mqttscope));

    look_at_tcp(active);
    look_at_tls(active);
    ports.active = active;
}

void mqttscope_ports_handoff(dissector_handle_t tcp, dissector_handle_t tls,
                             dissector_handle_t builtin)
{
    ports.tcp = tcp;
    ports.tls = tls;
    ports.builtin = builtin;
    range_convert_str(wmem_epan_scope(), &ports.default_, "1883", PORTS_MAX);
    remember(&ports.default_, builtin_ports());
    remember(&ports.theirs, ports.default_);
    remember(&ports.further, further_ports);
    remember(&ports.over_tls, tls_ports);
    ports.active = true;
    for_each(ports.theirs, NULL, take);
    for_each(ports.over_tls, NULL, take_tls);
    dissector_add_for_decode_as(tcp_table, tcp);
    register_init_routine(look);
}
