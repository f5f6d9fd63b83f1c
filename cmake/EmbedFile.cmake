# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DFILE=page.html -DNAME=report_page -DOUT=page.c -P EmbedFile.cmake: a file as an array of C.
file(READ ${FILE} bytes HEX)
string(LENGTH "${bytes}" length)
math(EXPR length "${length} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "/* Made from ${FILE}. */
#include <stddef.h>
extern const unsigned char ${NAME}[];
extern const size_t ${NAME}_size;
const size_t ${NAME}_size = ${length};
const unsigned char ${NAME}[] = {
${bytes}};
")
