/* Reader of what rouse-initrd left for devd: see initrddevs.h. */

#include <stdio.h>

#include "fileio.h"
#include "initrddevs.h"
#include "paths.h"
#include "str.h"

/* "MAJ:MIN DISKSEQ SYSFSPATH KEY=VALUE …", cut into *d. False for a malformed line. */
static bool parse_line(char *line, struct initrd_device *d)
{
        char *number = strsep(&line, " "), *diskseq = strsep(&line, " ");
        int end = -1;

        d->devpath = strsep(&line, " ");
        if (!d->devpath || d->devpath[0] != '/' || parse_u64(diskseq, &d->diskseq) < 0)
                return false;
        if (sscanf(number, "%u:%u%n", &d->major, &d->minor, &end) != 2 || end < 0 || number[end])
                return false;

        size_t n = 0;
        for (const char *p = line; p && *p; p++)
                n += *p == ' ';
        d->properties = calloc(n + 2, sizeof(char *));
        if (!d->properties)
                return false;
        n = 0;
        for (char *word; (word = strsep(&line, " "));)
                if (strchr(word, '='))
                        d->properties[n++] = word;
        return true;
}

int initrd_devices_read(const char *path, struct initrd_devices *ret)
{
        struct initrd_devices d = { 0 };
        size_t lines = 0;
        int r = read_file(path ? path : ROUSE_INITRD_DEVS, 4u << 20, &d.text, NULL);

        if (r < 0)
                return r;
        for (const char *p = d.text; *p; p++)
                lines += *p == '\n';
        d.dev = calloc(lines + 1, sizeof(*d.dev));
        if (!d.dev) {
                initrd_devices_done(&d);
                return -ENOMEM;
        }
        for (char *p = d.text, *line; (line = strsep(&p, "\n"));) {
                struct initrd_device dev = { 0 };

                if (parse_line(line, &dev))
                        d.dev[d.n++] = dev;
        }
        *ret = d;
        return 0;
}

void initrd_devices_done(struct initrd_devices *d)
{
        for (size_t i = 0; i < d->n; i++)
                free(d->dev[i].properties);
        free(d->dev);
        free(d->text);
        *d = (struct initrd_devices) { 0 };
}

const struct initrd_device *initrd_devices_find(
        const struct initrd_devices *d, unsigned maj, unsigned min, const char *devpath, uint64_t diskseq)
{
        for (size_t i = 0; i < d->n; i++) {
                const struct initrd_device *e = d->dev + i;

                if (e->major == maj && e->minor == min && e->diskseq == diskseq &&
                        streq(e->devpath, devpath))
                        return e;
        }
        return NULL;
}
