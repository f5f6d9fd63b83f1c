/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite.h itself: a table's test is run once for each of its rows. */
#include "suite.h"

static const int squares[][2] = {{0, 0}, {2, 4}, {-3, 9}};

START_TEST(rows_are_visited)
{
    ck_assert_int_eq(squares[_i][0] * squares[_i][0], squares[_i][1]);
}
END_TEST

SUITE("suite", TABLE(rows_are_visited, squares))
