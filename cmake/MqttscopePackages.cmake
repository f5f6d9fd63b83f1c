# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian packages, which `cpack` makes: mqttscope (the analyzer) and wireshark-mqttscope (the
# plugin). A component is a package; docs/packages.md says how to make and check them.
set(MQTTSCOPE_MAINTAINER "mqttscope maintainers <maintainers@mqttscope.invalid>" CACHE STRING
    "Who answers for the packages, as Debian writes it: Name <address>")

# One source makes another package for each Debian. 1~deb12 is older than 1~deb13, and that than 1,
# so that who upgrades Debian upgrades the package.
set(release 1)
if(EXISTS /etc/os-release)
    file(STRINGS /etc/os-release version REGEX "^VERSION_ID=")
    file(STRINGS /etc/os-release name REGEX "^ID=debian$")
    if(name AND version MATCHES "([0-9]+)")
        set(release 1~deb${CMAKE_MATCH_1})
    endif()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR mqttscope)
set(CPACK_COMPONENTS_ALL analyzer)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${MQTTSCOPE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_RELEASE ${release})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS OFF)

# The first line of a description is the summary, where there is no other.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_DEBIAN_ANALYZER_PACKAGE_NAME mqttscope)
set(CPACK_COMPONENT_ANALYZER_DESCRIPTION
"audit captures of MQTT traffic from the command line
mqttscope reads pcap and pcapng files, or a network interface, and says which
MQTT client or server broke which promise, when and in which frame: sessions,
QoS handshakes, keep alive, deliveries from publisher to subscriber, and what
is the likely cause of it.
.
It knows MQTT 3.1, 3.1.1 and 5.0, over TCP and WebSocket, and Sparkplug B, and
reports as text, JSON or a stream of events.")

if(MQTTSCOPE_BUILD_PLUGIN)
    list(APPEND CPACK_COMPONENTS_ALL plugin)
    set(CPACK_DEBIAN_PLUGIN_PACKAGE_NAME wireshark-mqttscope)
    set(CPACK_COMPONENT_PLUGIN_DESCRIPTION
"MQTT dissector for Wireshark ${MQTTSCOPE_WIRESHARK_API} that checks what it sees
A plugin for Wireshark and tshark. It decodes every field of MQTT 3.1, 3.1.1
and 5.0, links each request with its response and the time between, resolves
topic aliases, names the client on every packet, and marks what breaks the
specification, with its clause. Display filters for the built-in dissector go
on working.")
    # Wireshark refuses a plugin of another minor version, although its library may keep its name.
    math(EXPR next "${Wireshark_MINOR_VERSION} + 1")
    get_target_property(library epan LOCATION)
    execute_process(COMMAND dpkg-query --search ${library}
        OUTPUT_VARIABLE owner ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(owner MATCHES "^([a-z0-9.+-]+)(:[a-z0-9-]+)?: ")
        set(owner ${CMAKE_MATCH_1})
        set(CPACK_DEBIAN_PLUGIN_PACKAGE_DEPENDS
            "${owner} (>= ${MQTTSCOPE_WIRESHARK_API}), ${owner} (<< ${Wireshark_MAJOR_VERSION}.${next})")
    endif()
    set(CPACK_DEBIAN_PLUGIN_PACKAGE_RECOMMENDS "wireshark | tshark")
    set(CPACK_DEBIAN_PLUGIN_PACKAGE_ENHANCES "wireshark, tshark")
endif()

# What Debian asks of every package and no other installation wants.
configure_file(cmake/packages/finish.cmake.in ${PROJECT_BINARY_DIR}/finish-packages.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/finish-packages.cmake)
include(CPack)
