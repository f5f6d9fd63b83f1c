/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over the files of a folder, for compilers without libFuzzer. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

static void replay(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    /* exactly as large as the input, so that AddressSanitizer sees reads past its end */
    uint8_t *copy = malloc(size + (size == 0));
    REQUIRE(copy != NULL);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    REQUIRE(argc == 2);
    DIR *folder = opendir(argv[1]);
    REQUIRE(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        replay(path);
        count++;
    }
    closedir(folder);
    printf("%zu inputs\n", count);
    return count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
