# SPDX-License-Identifier: GPL-2.0-or-later
# Stands for Wireshark's module of that name: the three macros that a plugin is declared with.
macro(set_module_info name major minor micro extra)
    add_definitions(-DPLUGIN_VERSION="${major}.${minor}.${micro}")
endmacro()

# Takes what is in PLUGIN_FILES.
macro(add_wireshark_plugin_library name folder)
    add_library(${name} MODULE ${PLUGIN_FILES})
    set_target_properties(${name} PROPERTIES
        PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PLUGIN_DIR}/${folder})
    add_dependencies(plugins ${name})
endmacro()

macro(install_plugin name folder)
    install(TARGETS ${name} LIBRARY DESTINATION lib/wireshark/plugins/${folder})
endmacro()
