/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test shares: a main() that runs its tests under libcheck.
 *
 *     #include "suite.h"
 *
 *     START_TEST(empty_is_valid)
 *     {
 *         ck_assert(utf8_valid(NULL, 0));
 *     }
 *     END_TEST
 *
 *     START_TEST(vector)
 *     {
 *         const struct vector *v = &vectors[_i];
 *         ...
 *     }
 *     END_TEST
 *
 *     SUITE("utf8", TEST(empty_is_valid), TABLE(vector, vectors))
 */
#ifndef MQTTSCOPE_TESTS_UNIT_SUITE_H
#define MQTTSCOPE_TESTS_UNIT_SUITE_H

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

struct suite_entry {
    const TTest *test;
    size_t rows;
};

/* One test. */
#define TEST(function)                                                                             \
    {                                                                                              \
        (function), 1                                                                              \
    }

/* One test for each row of an array; `_i` is the row, and check prints it with a failure. */
#define TABLE(function, array)                                                                     \
    {                                                                                              \
        (function), sizeof(array) / sizeof((array)[0])                                             \
    }

/* Defines main(): runs the tests in order, prints the failures, and exits 1 if there were any. */
#define SUITE(name, ...)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct suite_entry entries[] = {__VA_ARGS__};                                        \
        return suite_run((name), entries, sizeof(entries) / sizeof(entries[0]));                   \
    }

static inline int suite_run(const char *name, const struct suite_entry *entries, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    /* A slow machine is no failure; ctest ends what hangs. */
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < count; i++)
        tcase_add_loop_test(tcase, entries[i].test, 0, (int)entries[i].rows);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
