# SPDX-License-Identifier: GPL-2.0-or-later
# The plugin as a part of Wireshark's own build (CUSTOM_PLUGIN_SRC_DIR; docs/building-in-wireshark.md):
# Wireshark's flags, headers and folders, and of ours what the plugin is made of. Stands for
# MqttscopeBuild and MqttscopePlugin.
include(WiresharkPlugin)
set_module_info(${PROJECT_NAME}
    ${PROJECT_VERSION_MAJOR} ${PROJECT_VERSION_MINOR} ${PROJECT_VERSION_PATCH} 0)

# Wireshark has warnings of its own.
add_library(mqttscope_warnings INTERFACE)
add_compile_definitions(MQTTSCOPE_VERSION="${PROJECT_VERSION}")
set(CMAKE_C_VISIBILITY_PRESET hidden)

# What audit/ asks of the system. Wireshark has found GLib, on Windows without pkg-config.
add_library(mqttscope_glib INTERFACE)
target_include_directories(mqttscope_glib SYSTEM INTERFACE ${GLIB2_INCLUDE_DIRS})
target_link_libraries(mqttscope_glib INTERFACE ${GLIB2_LIBRARIES})
if(NOT TARGET PkgConfig::GLIB)
    add_library(PkgConfig::GLIB ALIAS mqttscope_glib)
endif()

# What compressed payloads are unpacked with, as far as Wireshark is built with it.
add_library(mqttscope_unpacking INTERFACE)
if(ZLIB_FOUND)
    target_include_directories(mqttscope_unpacking SYSTEM INTERFACE ${ZLIB_INCLUDE_DIRS})
    target_link_libraries(mqttscope_unpacking INTERFACE ${ZLIB_LIBRARIES})
    target_compile_definitions(mqttscope_unpacking INTERFACE MQTTSCOPE_ZLIB)
endif()
if(ZSTD_FOUND)
    target_include_directories(mqttscope_unpacking SYSTEM INTERFACE ${ZSTD_INCLUDE_DIRS})
    target_link_libraries(mqttscope_unpacking INTERFACE ${ZSTD_LIBRARIES})
    target_compile_definitions(mqttscope_unpacking INTERFACE MQTTSCOPE_ZSTD)
endif()

# mqttscope_add_plugin(SOURCES <source>... LIBS <target>...): Wireshark's target `mqttscope`.
function(mqttscope_add_plugin)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "SOURCES;LIBS")
    set(PLUGIN_FILES ${arg_SOURCES})
    add_wireshark_plugin_library(${PROJECT_NAME} epan)
    # Wireshark's config.h, which our files do not include, says the same.
    target_compile_definitions(${PROJECT_NAME} PRIVATE
        $<$<BOOL:${HAVE_SSIZE_T}>:HAVE_SSIZE_T>
        $<$<BOOL:${UNIX}>:_GNU_SOURCE>)
    target_include_directories(${PROJECT_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${PROJECT_NAME} ${arg_LIBS} epan)
    install_plugin(${PROJECT_NAME} epan)
endfunction()

# The report needs more than Wireshark does, and POSIX: without that, the plugin goes without it.
find_package(PkgConfig QUIET)
find_program(PROTOC_C protoc-c)
if(PkgConfig_FOUND)
    pkg_check_modules(PROTOBUF_C IMPORTED_TARGET libprotobuf-c)
    pkg_check_modules(SQLITE IMPORTED_TARGET sqlite3)
endif()

add_subdirectory(mqtt)
if(UNIX AND PROTOC_C AND TARGET PkgConfig::PROTOBUF_C AND TARGET PkgConfig::SQLITE)
    add_subdirectory(tcp)
    add_subdirectory(audit)
    add_subdirectory(transport)
else()
    message(STATUS "mqttscope: without its report (that needs protobuf-c, SQLite and a Unix)")
endif()
# This much of audit/ the dissector itself needs.
if(NOT TARGET sparkplug_topic)
    add_library(sparkplug_topic STATIC audit/sparkplug/topic.c)
    set_target_properties(sparkplug_topic PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(sparkplug_topic PUBLIC mqtt PRIVATE mqttscope_warnings)
endif()
add_subdirectory(plugin)
