/* docs/directives.md out of the table: `rouse --dump-directives`. */
#include <stdio.h>

#include "table.h"

static const struct {
        const char *section, *title;
} parts[] = {
        { "Unit", "[Unit]" },
        { "Install", "[Install]" },
        { "Service", "[Service]" },
        { "exec", "Execution: [Service], [Socket], [Mount], [Swap]" },
        { "kill", "Killing: [Service], [Socket], [Mount], [Swap], [Scope]" },
        { "cgroup", "Resources: [Service], [Socket], [Mount], [Swap], [Slice], [Scope]" },
        { "Socket", "[Socket]" },
        { "Mount", "[Mount]" },
        { "Swap", "[Swap]" },
        { "Automount", "[Automount]" },
        { "Timer", "[Timer]" },
        { "Path", "[Path]" },
        { "Scope", "[Scope]" },
};

static void dump_row(FILE *f, const struct directive *d)
{
        char buf[500];

        fprintf(f, "| `%s=` | %s%s | %s | %s | %s |\n", d->name, support_to_string(d->support),
                d->confines ? ", confines" : "", d->parse ? directive_form(d, buf, sizeof(buf)) : "",
                d->test ?: "", d->note ?: "");
}

int dump_directives(FILE *f)
{
        size_t counts[SUPPORT_OBSOLETE + 1] = {};

        for (size_t i = 0; i < n_directives; i++)
                counts[directives[i].support]++;
        fprintf(f,
                "# Directives\n\nMade by `rouse --dump-directives` from the table that PID 1 reads unit "
                "files with.\n\n"
                "- full (%zu): does what the manual page says\n"
                "- partial (%zu): works, with the gap that is named\n"
                "- parsed (%zu): read and kept, without effect yet; named in the log once a unit\n"
                "- none (%zu): known by name; named in the log once a unit\n"
                "- obsolete (%zu): ignored on purpose, as systemd does\n"
                "- confines: a confinement; without its effect the log says so with a warning\n"
                "- test: what shows its effect, and fails when the row has none (`tests/empty-directives` "
                "tries it): "
                "a program of `tests/unit`, a test of `tests/ns`, or a case of `tests/directives` by the "
                "row's name\n",
                counts[SUPPORT_FULL], counts[SUPPORT_PARTIAL], counts[SUPPORT_PARSED], counts[SUPPORT_NONE],
                counts[SUPPORT_OBSOLETE]);
        for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
                fprintf(f,
                        "\n## %s\n\n| directive | support | takes | test | note |\n|---|---|---|---|---|\n",
                        parts[p].title);
                for (size_t i = 0; i < n_directives; i++)
                        if (streq(directives[i].section, parts[p].section))
                                dump_row(f, &directives[i]);
        }
        return ferror(f) ? 1 : 0;
}
