# SPDX-License-Identifier: GPL-2.0-or-later
# The Wireshark plugin: whether it can be built, how it is built, and where it is staged for tests.
#
# Sets MQTTSCOPE_BUILD_PLUGIN and, where that is on, MQTTSCOPE_WIRESHARK_API (major.minor). The build
# tree holds the plugin as ${MQTTSCOPE_PLUGIN_STAGE}/${MQTTSCOPE_WIRESHARK_API}/epan/mqttscope.so, the
# layout that WIRESHARK_PLUGIN_DIR wants, so `<build>/run-tshark` loads it without an installation.

set(MQTTSCOPE_BUILD_PLUGIN OFF)
if(MQTTSCOPE_PLUGIN)
    find_package(Wireshark 4.0 CONFIG QUIET)
    if(Wireshark_FOUND)
        set(MQTTSCOPE_BUILD_PLUGIN ON)
        set(MQTTSCOPE_WIRESHARK_API ${Wireshark_MAJOR_VERSION}.${Wireshark_MINOR_VERSION})
        message(STATUS "Wireshark ${Wireshark_VERSION}: building the plugin for ${MQTTSCOPE_WIRESHARK_API}")
    else()
        message(STATUS "Wireshark SDK not found: the plugin and its tests are skipped "
            "(Debian: apt install wireshark-dev tshark)")
    endif()
endif()

# What compressed payloads are unpacked with.
add_library(mqttscope_unpacking INTERFACE)
target_link_libraries(mqttscope_unpacking INTERFACE PkgConfig::UNPACKING)
target_compile_definitions(mqttscope_unpacking INTERFACE MQTTSCOPE_ZLIB MQTTSCOPE_ZSTD)

set(MQTTSCOPE_PLUGIN_STAGE ${CMAKE_BINARY_DIR}/plugins)

# mqttscope_add_plugin(SOURCES <source>... LIBS <target>...)
# Adds the module target mqttscope_plugin: mqttscope.so, staged and installed.
function(mqttscope_add_plugin)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "SOURCES;LIBS")
    add_library(mqttscope_plugin MODULE ${arg_SOURCES})
    set_target_properties(mqttscope_plugin PROPERTIES
        OUTPUT_NAME mqttscope
        PREFIX ""
        SUFFIX .so
        DEFINE_SYMBOL ""
        LIBRARY_OUTPUT_DIRECTORY ${MQTTSCOPE_PLUGIN_STAGE}/${MQTTSCOPE_WIRESHARK_API}/epan)
    # The SDK installs no config.h; its headers ask for these.
    target_compile_definitions(mqttscope_plugin PRIVATE HAVE_SSIZE_T _GNU_SOURCE)
    # SYSTEM: the SDK's headers do not hold to our warnings.
    target_include_directories(mqttscope_plugin SYSTEM PRIVATE ${Wireshark_INCLUDE_DIR})
    target_include_directories(mqttscope_plugin PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(mqttscope_plugin PRIVATE ${arg_LIBS} mqttscope_warnings epan)
    install(TARGETS mqttscope_plugin LIBRARY DESTINATION ${Wireshark_PLUGIN_LIBDIR}/epan)
    # Columns, colours, filter buttons: Wireshark offers it among its own profiles.
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/plugin/profile/MQTT
        DESTINATION ${CMAKE_INSTALL_DATADIR}/wireshark/profiles)
endfunction()
