/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What C leaves to the compiler: whether a function is inlined. */
#ifndef MQTT_COMPILER_H
#define MQTT_COMPILER_H

/* Wireshark for Windows is built by Microsoft's compiler. */
#ifdef _MSC_VER
#define MQTT_INLINE static __forceinline
#define MQTT_NOINLINE static __declspec(noinline)
#else
#define MQTT_INLINE static inline __attribute__((always_inline))
#define MQTT_NOINLINE static __attribute__((noinline))
#endif

#endif
