/* ata_id [--export] NODE: identity of an ATA disk, as rules ask for it where udev's own helper is not installed. Prints
 * what udev's prints: the serial number, with --export as properties. The words are those of ATA8-ACS, IDENTIFY. */
#include <fcntl.h>
#include <getopt.h>
#include <linux/hdreg.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "scsi-io.h"
#include "text.h"
#include "lib/str.h"

#define ATA_PASS_THROUGH_12 0xa1
#define ATA_PASS_THROUGH_16 0x85
#define IDENTIFY            0xec
#define IDENTIFY_PACKET     0xa1

struct identity {
        uint16_t word[256];
        unsigned type; /* SCSI peripheral device type */
};

static int pass_through(int fd, uint8_t command, uint16_t word[static 256])
{
        /* PIO in, one sector, its number in the count register */
        uint8_t cdb16[16] = { ATA_PASS_THROUGH_16, 4 << 1, 0x2e, [6] = 1, [14] = command };
        uint8_t cdb12[12] = { ATA_PASS_THROUGH_12, 4 << 1, 0x2e, [4] = 1, [9] = command };
        int r = scsi_read_command(fd, cdb16, sizeof(cdb16), word, 512);

        /* the 12 byte form is BLANK for an optical drive */
        return r < 0 && command == IDENTIFY ? scsi_read_command(fd, cdb12, sizeof(cdb12), word, 512) : r;
}

/* The kernel's own answer has serial number, revision and model in the order of reading already. */
static int from_kernel(int fd, uint16_t word[static 256])
{
        if (ioctl(fd, HDIO_GET_IDENTITY, word) < 0)
                return -errno;
        for (size_t i = 10; i < 47; i++)
                if (i < 20 || i >= 23)
                        word[i] = (uint16_t)(word[i] << 8 | word[i] >> 8);
        return 0;
}

static int identify(int fd, struct identity *id)
{
        uint8_t inquiry[36];
        bool any = false;
        int r = scsi_inquiry(fd, -1, inquiry, sizeof(inquiry));

        if (r >= 0) {
                id->type = inquiry[0] & 0x1f;
                r = pass_through(fd, id->type == 5 || id->type == 1 ? IDENTIFY_PACKET : IDENTIFY, id->word);
        }
        if (r < 0)
                r = from_kernel(fd, id->word);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(id->word); i++) {
                id->word[i] =
                        (uint16_t)(((uint8_t *)id->word)[2 * i] | ((uint8_t *)id->word)[2 * i + 1] << 8);
                any |= id->word[i] != 0;
        }
        return any ? 0 : -ENODATA;
}

/* Text stands in words with its bytes swapped. */
static char *text_of(const struct identity *id, size_t first, size_t words, char *buf)
{
        for (size_t i = 0; i < words; i++) {
                buf[2 * i] = (char)(id->word[first + i] >> 8);
                buf[2 * i + 1] = (char)id->word[first + i];
        }
        buf[2 * words] = 0;
        return buf;
}

static char *cleaned(char *s)
{
        text_replace_blanks(s);
        text_replace_chars(s, NULL);
        return s;
}

static bool bit(const struct identity *id, size_t word, unsigned n)
{
        return id->word[word] >> n & 1;
}

/* A feature set: there (82, 83), and enabled (85, 86). */
static bool feature(const struct identity *id, const char *name, size_t word, unsigned n)
{
        if (!bit(id, word, n))
                return false;
        printf("ID_ATA_%s=1\nID_ATA_%s_ENABLED=%d\n", name, name, bit(id, word + 3, n));
        return true;
}

static void print_security(const struct identity *id)
{
        if (!feature(id, "FEATURE_SET_SECURITY", 82, 1))
                return;
#define SECURITY "ID_ATA_FEATURE_SET_SECURITY_"
        printf(SECURITY "ERASE_UNIT_MIN=%d\n", id->word[89] * 2);
        if (bit(id, 85, 1))
                printf(SECURITY "LEVEL=%s\n", bit(id, 128, 8) ? "maximum" : "high");
        if (bit(id, 128, 5))
                printf(SECURITY "ENHANCED_ERASE_UNIT_MIN=%d\n", id->word[90] * 2);
        if (bit(id, 128, 4))
                puts(SECURITY "EXPIRE=1");
        if (bit(id, 128, 3))
                puts(SECURITY "FROZEN=1");
        if (bit(id, 128, 2))
                puts(SECURITY "LOCKED=1");
#undef SECURITY
}

static void print_features(const struct identity *id)
{
        feature(id, "WRITE_CACHE", 82, 5);
        feature(id, "FEATURE_SET_HPA", 82, 10);
        feature(id, "FEATURE_SET_PM", 82, 3);
        print_security(id);
        feature(id, "FEATURE_SET_SMART", 82, 0);
        if (feature(id, "FEATURE_SET_AAM", 83, 9))
                printf("ID_ATA_FEATURE_SET_AAM_VENDOR_RECOMMENDED_VALUE=%d\n"
                       "ID_ATA_FEATURE_SET_AAM_CURRENT_VALUE=%d\n",
                        id->word[94] >> 8, id->word[94] & 0xff);
        feature(id, "FEATURE_SET_PUIS", 83, 5);
        if (feature(id, "FEATURE_SET_APM", 83, 3) && bit(id, 86, 3))
                printf("ID_ATA_FEATURE_SET_APM_CURRENT_VALUE=%d\n", id->word[91] & 0xff);
        if (bit(id, 83, 0))
                puts("ID_ATA_DOWNLOAD_MICROCODE=1");
}

static void print_all(const struct identity *id, const char *serial)
{
        char model[41], raw[41], revision[9], encoded[256];
        uint64_t wwn = (uint64_t)id->word[108] << 48 | (uint64_t)id->word[109] << 32 |
                       (uint64_t)id->word[110] << 16 | id->word[111];

        cleaned(text_of(id, 27, 20, model));
        cleaned(text_of(id, 23, 4, revision));
        printf("ID_ATA=1\nID_TYPE=%s\nID_BUS=ata\nID_MODEL=%s\n", scsi_type_name(id->type), model);
        if (text_encode(text_of(id, 27, 20, raw), encoded, sizeof(encoded)) >= 0)
                printf("ID_MODEL_ENC=%s\n", encoded);
        printf("ID_REVISION=%s\n", revision);
        if (*serial)
                printf("ID_SERIAL=%s_%s\nID_SERIAL_SHORT=%s\n", model, serial, serial);
        else
                printf("ID_SERIAL=%s\n", model);
        print_features(id);
        if (id->word[76] != 0 && id->word[76] != 0xffff) {
                puts("ID_ATA_SATA=1");
                if (bit(id, 76, 2))
                        puts("ID_ATA_SATA_SIGNAL_RATE_GEN2=1");
                if (bit(id, 76, 1))
                        puts("ID_ATA_SATA_SIGNAL_RATE_GEN1=1");
        }
        if (id->word[217] == 1)
                puts("ID_ATA_ROTATION_RATE_RPM=0");
        else if (id->word[217] >= 0x0401 && id->word[217] != 0xffff)
                printf("ID_ATA_ROTATION_RATE_RPM=%d\n", id->word[217]);
        if (id->word[108] >> 12 == 5)
                printf("ID_WWN=0x%1$llx\nID_WWN_WITH_EXTENSION=0x%1$llx\n", (unsigned long long)wwn);
        if (id->word[0] == 0x848a || id->word[0] == 0x844a || (id->word[83] & 0xc004) == 0x4004)
                puts("ID_ATA_CFA=1");
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "export", no_argument, NULL, 'x' },
                { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 } };
        static struct identity id;
        bool export = false;
        char serial[21];
        int c, fd;

        while ((c = getopt_long(argc, argv, "xh", options, NULL)) >= 0)
                switch (c) {
                case 'x': export = true; break;
                case 'h': puts("ata_id [--export] NODE: identity of an ATA disk"); return 0;
                case 'V': puts("ata_id (rouse " ROUSE_VERSION ")"); return 0;
                default: return 1;
                }
        if (optind + 1 != argc) {
                fprintf(stderr, "ata_id: one node, please\n");
                return 1;
        }
        fd = open(argv[optind], O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
                fprintf(stderr, "ata_id: %s: %s\n", argv[optind], strerror(errno));
                return 1;
        }
        c = identify(fd, &id);
        close(fd);
        if (c < 0) {
                fprintf(stderr, "ata_id: %s: cannot be identified: %s\n", argv[optind], strerror(-c));
                return 2;
        }
        cleaned(text_of(&id, 10, 10, serial));
        if (export)
                print_all(&id, serial);
        else if (*serial) {
                char model[41];

                printf("%s_%s\n", cleaned(text_of(&id, 27, 20, model)), serial);
        } else {
                char model[41];

                puts(cleaned(text_of(&id, 27, 20, model)));
        }
        return 0;
}
