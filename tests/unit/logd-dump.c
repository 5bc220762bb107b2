/* For tests/ns/logd.t: prints a ring, one record a line; with --until TEXT waits for a record that has it. */
#include <stdio.h>

#include "logd/ringread.h"

int main(int argc, char **argv)
{
        _cleanup_ringread_ struct ringread *r = NULL;
        const char *until = NULL;
        bool fields = false, pids = false, seen = false;
        struct ring_entry e;

        for (int i = 2; i < argc; i++) {
                if (streq(argv[i], "--until") && i + 1 < argc)
                        until = argv[++i];
                fields |= streq(argv[i], "--fields");
                pids |= streq(argv[i], "--pids");
        }
        if (argc < 2 || ringread_open(argv[1], &r) < 0)
                return 1;
        for (;;) {
                while (ringread_next(r, &e, NULL) > 0) {
                        char line[65536];

                        snprintf(line, sizeof(line), "%s %s %s", *e.unit ? e.unit : "-", e.identifier,
                                e.message);
                        printf("%d %s", e.priority, line);
                        if (pids)
                                printf(" [%u]", e.pid);
                        if (fields)
                                printf(" %.*s", (int)e.fields_len,
                                        e.fields_len > 4 ? (const char *)e.fields + 4 : "");
                        putchar('\n');
                        seen |= until && strstr(line, until);
                }
                if (!until || seen || ringread_wait(r, 5 * USEC_PER_SEC) <= 0)
                        return 0;
        }
}
