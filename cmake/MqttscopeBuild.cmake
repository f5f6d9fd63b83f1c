# SPDX-License-Identifier: GPL-2.0-or-later
# How every target is compiled: warnings, hardening, sanitizers, coverage, fuzzing.

# Link this to each target of ours; it stays off third-party headers.
add_library(mqttscope_warnings INTERFACE)
target_compile_options(mqttscope_warnings INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla
    -Wformat=2 -Wimplicit-fallthrough
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches>
    $<$<BOOL:${MQTTSCOPE_WERROR}>:-Werror>)

# Standard C has neither strdup nor gmtime_r; a file that needs more than POSIX says so itself.
add_compile_definitions(_POSIX_C_SOURCE=200809L MQTTSCOPE_VERSION="${PROJECT_VERSION}")

# Captures come from strangers, so the cheap mitigations are on by default. _FORTIFY_SOURCE needs
# an optimiser, and it blinds AddressSanitizer.
add_compile_options(-fstack-protector-strong)
add_link_options(LINKER:-z,relro LINKER:-z,now)
if(NOT MQTTSCOPE_SANITIZE)
    add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()

if(MQTTSCOPE_SANITIZE)
    set(sanitize -fsanitize=${MQTTSCOPE_SANITIZE})
    add_compile_options(${sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(${sanitize})
endif()

if(MQTTSCOPE_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

if(MQTTSCOPE_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "MQTTSCOPE_FUZZ needs clang: libFuzzer is part of it (cmake --preset fuzz)")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
