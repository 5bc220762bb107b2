/* scsi_id [OPTIONS] NODE: a unique name of a SCSI logical unit, as rules ask for it where udev's own helper is not
 * installed. The best designator of vital product data page 0x83 is taken, else the serial number of page 0x80; its kind
 * is told by the first character. Formats: SPC-4, 7.8.5 and 7.8.15. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "scsi-io.h"
#include "text.h"
#include "lib/str.h"

enum { T_VENDOR, T_T10, T_EUI64, T_NAA, T_TARGET_PORT }; /* kinds of designators that name something */

struct unit {
        char vendor[9], model[17], revision[5];
        unsigned type;
        char serial[256], serial_short[256]; /* ID_SERIAL begins with the designator's kind */
        char unit_serial[256];
        char wwn[17], wwn_extension[17], target_port[256];
};

static struct {
        const char *device, *page;
        bool export, replace, whitelisted, verbose;
} opt;

/* Designators of the logical unit, best first: NAA 6 (with an extension), NAA 5, 2, 3, EUI-64, T10, vendor's own. */
static int rank(unsigned type, unsigned naa)
{
        switch (type) {
        case T_NAA: return naa == 6 ? 7 : naa == 5 ? 6 : naa == 2 ? 5 : naa == 3 ? 4 : 0;
        case T_EUI64: return 3;
        case T_T10: return 2;
        case T_VENDOR: return 1;
        default: return 0;
        }
}

static void put_hex(const uint8_t *p, size_t n, char *out, size_t size)
{
        for (size_t i = 0, at = 0; i < n && at + 3 <= size; i++)
                at += (size_t)snprintf(out + at, size - at, "%02x", p[i]);
}

static void put_text(const uint8_t *p, size_t n, char *out, size_t size)
{
        n = MIN(n, size - 1);
        memcpy(out, p, n);
        out[strnlen(out, n)] = 0;
        out[n] = 0;
}

static void take_designator(struct unit *u, const uint8_t *d, size_t n, bool binary, unsigned type)
{
        size_t at = 0;

        u->serial[0] = (char)('0' + type);
        u->serial[1] = 0;
        u->serial_short[0] = 0;
        if (binary)
                put_hex(d, n, u->serial_short, sizeof(u->serial_short));
        else
                put_text(d, n, u->serial_short, sizeof(u->serial_short));
        /* a vendor's own is unique only among the vendor's devices of that model */
        if (type == T_VENDOR)
                at = (size_t)snprintf(
                        u->serial + 1, sizeof(u->serial) - 1, "%-8.8s%-16.16s", u->vendor, u->model);
        snprintf(u->serial + 1 + at, sizeof(u->serial) - 1 - at, "%s", u->serial_short);
        if (type == T_NAA && binary) {
                snprintf(u->wwn, sizeof(u->wwn), "%.16s", u->serial_short);
                snprintf(u->wwn_extension, sizeof(u->wwn_extension), "%.16s",
                        strlen(u->serial_short) > 16 ? u->serial_short + 16 : "");
        }
}

static int page_83(int fd, struct unit *u)
{
        uint8_t p[4096];
        int n = scsi_inquiry(fd, 0x83, p, 254), best = 0;
        size_t end;

        if (n < 8 || p[1] != 0x83)
                return n < 0 ? n : -ENODATA;
        if (p[2] || p[3] > 250) { /* more than older devices can be asked for, whose length is one byte */
                n = scsi_inquiry(fd, 0x83, p, 1024);
                if (n < 8 || p[1] != 0x83)
                        return n < 0 ? n : -ENODATA;
        }
        end = MIN((size_t)n, 4 + ((size_t)p[2] << 8 | p[3]));
        for (size_t at = 4; at + 4 <= end; at += 4 + p[at + 3]) {
                unsigned association = p[at + 1] >> 4 & 3, type = p[at + 1] & 0x0f;
                bool binary = (p[at] & 0x0f) == 1;
                const uint8_t *d = p + at + 4;
                size_t len = MIN((size_t)p[at + 3], end - at - 4);
                int value;

                if (association == 1 && type == T_TARGET_PORT && len >= 4)
                        snprintf(u->target_port, sizeof(u->target_port), "%d", d[2] << 8 | d[3]);
                if (association != 0 || !len)
                        continue;
                value = rank(type, binary ? d[0] >> 4 : 0);
                if (value > best) {
                        best = value;
                        take_designator(u, d, len, binary, type);
                }
        }
        return best ? 0 : -ENODATA;
}

static int page_80(int fd, struct unit *u, bool as_serial)
{
        uint8_t p[256];
        int n = scsi_inquiry(fd, 0x80, p, 254);
        size_t len;

        if (n < 4 || p[1] != 0x80)
                return n < 0 ? n : -ENODATA;
        len = MIN((size_t)p[3], (size_t)n - 4);
        put_text(p + 4, len, u->unit_serial, sizeof(u->unit_serial));
        if (as_serial) {
                snprintf(u->serial, sizeof(u->serial), "S%-8.8s%-16.16s%.200s", u->vendor, u->model,
                        u->unit_serial);
                snprintf(u->serial_short, sizeof(u->serial_short), "%s", u->unit_serial);
        }
        return 0;
}

static int identify(int fd, struct unit *u)
{
        uint8_t p[36], pages[256];
        bool has_80 = false, has_83 = false;
        int n = scsi_inquiry(fd, -1, p, sizeof(p)), r;

        if (n < 36)
                return n < 0 ? n : -ENODATA;
        u->type = p[0] & 0x1f;
        scsi_field(p + 8, 8, u->vendor);
        scsi_field(p + 16, 16, u->model);
        scsi_field(p + 32, 4, u->revision);
        n = scsi_inquiry(fd, 0, pages, 254);
        for (int i = 4; i < n && i < 4 + pages[3]; i++) {
                has_80 |= pages[i] == 0x80;
                has_83 |= pages[i] == 0x83;
        }
        r = has_83 && !streq_null(opt.page, "0x80") ? page_83(fd, u) : -ENODATA;
        if (has_80)
                (void)page_80(fd, u, r < 0 && !streq_null(opt.page, "0x83"));
        return 0;
}

static char *cleaned(const char *s, char *buf, size_t size)
{
        snprintf(buf, size, "%s", s);
        text_replace_blanks(buf);
        text_replace_chars(buf, NULL);
        return buf;
}

static void print_clean(const char *key, const char *value)
{
        char buf[300];

        if (*cleaned(value, buf, sizeof(buf)))
                printf("%s=%s\n", key, buf);
}

static void print_encoded(const char *key, const char *value)
{
        char buf[300];

        if (text_encode(value, buf, sizeof(buf)) >= 0)
                printf("%s=%s\n", key, buf);
}

static void print_all(const struct unit *u)
{
        puts("ID_SCSI=1");
        print_clean("ID_VENDOR", u->vendor);
        print_encoded("ID_VENDOR_ENC", u->vendor);
        print_clean("ID_MODEL", u->model);
        print_encoded("ID_MODEL_ENC", u->model);
        print_clean("ID_REVISION", u->revision);
        printf("ID_TYPE=%s\n", scsi_type_name(u->type));
        if (*u->serial) {
                print_clean("ID_SERIAL", u->serial);
                print_clean("ID_SERIAL_SHORT", u->serial_short);
        }
        if (*u->wwn) {
                printf("ID_WWN=0x%s\n", u->wwn);
                if (*u->wwn_extension)
                        printf("ID_WWN_VENDOR_EXTENSION=0x%s\n", u->wwn_extension);
                printf("ID_WWN_WITH_EXTENSION=0x%s%s\n", u->wwn, u->wwn_extension);
        }
        if (*u->target_port)
                printf("ID_TARGET_PORT=%s\n", u->target_port);
        if (*u->unit_serial) { /* with the blanks that fill it up */
                char buf[sizeof(u->unit_serial)];

                snprintf(buf, sizeof(buf), "%s", u->unit_serial);
                text_replace_chars(buf, " ");
                printf("ID_SCSI_SERIAL=%s\n", buf);
        }
}

static int parse(int argc, char **argv)
{
        static const struct option options[] = { { "device", required_argument, NULL, 'd' },
                { "config", required_argument, NULL, 'f' }, { "page", required_argument, NULL, 'p' },
                { "sg-version", required_argument, NULL, 's' }, { "blacklisted", no_argument, NULL, 'b' },
                { "whitelisted", no_argument, NULL, 'g' }, { "replace-whitespace", no_argument, NULL, 'u' },
                { "verbose", no_argument, NULL, 'v' }, { "export", no_argument, NULL, 'x' },
                { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 } };
        int c;

        while ((c = getopt_long(argc, argv, "d:f:p:s:bguvxh", options, NULL)) >= 0)
                switch (c) {
                case 'd': opt.device = optarg; break;
                case 'p':
                        if (!streq(optarg, "0x80") && !streq(optarg, "0x83")) {
                                fprintf(stderr, "scsi_id: page %s is not supported\n", optarg);
                                return -EINVAL;
                        }
                        opt.page = optarg;
                        break;
                case 'b': opt.whitelisted = false; break;
                case 'g': opt.whitelisted = true; break;
                case 'u': opt.replace = true; break;
                case 'x': opt.export = true; break;
                case 'f': /* a list of devices' own options: there is none any more */
                case 's':
                case 'v': break;
                case 'h':
                        puts("scsi_id [--export] [--whitelisted] [--page=0x80|0x83] [--replace-whitespace] "
                             "--device=NODE");
                        exit(0);
                case 'V': puts("scsi_id (rouse " ROUSE_VERSION ")"); exit(0);
                default: return -EINVAL;
                }
        if (optind < argc && !opt.device)
                opt.device = argv[optind];
        if (!opt.device)
                fprintf(stderr, "scsi_id: no device is given\n");
        return opt.device ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
        static struct unit u;
        char buf[300];
        int fd, r;

        if (parse(argc, argv) < 0)
                return 1;
        if (!opt.whitelisted) /* devices are asked only when a rule says that they may be */
                return 1;
        fd = open(opt.device, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        r = fd < 0 ? -errno : identify(fd, &u);
        close_fd(fd);
        if (r < 0) {
                fprintf(stderr, "scsi_id: %s: %s\n", opt.device, strerror(-r));
                return 1;
        }
        if (opt.export) {
                print_all(&u);
                return 0;
        }
        if (!*u.serial)
                return 1;
        puts(opt.replace ? cleaned(u.serial, buf, sizeof(buf)) : u.serial);
        return 0;
}
