/* The health of an ext file system by its superblock: see extstate.h. */

#include <endian.h>
#include <fcntl.h>
#include "initramfs/initrd/extstate.h"

/* Offsets in the superblock. */
enum {
        MOUNTS = 0x34,
        MAX_MOUNTS = 0x36,
        MAGIC = 0x38,
        STATE = 0x3a,
        LAST_CHECK = 0x40,
        INTERVAL = 0x44,
        INCOMPAT = 0x60,
        ERROR_COUNT = 0x194
};

#define EXT_MAGIC               0xef53
#define STATE_VALID             0x0001
#define STATE_ERRORS            0x0002
#define INCOMPAT_REPLAY         0x0004
#define INCOMPAT_JOURNAL_DEVICE 0x0008 /* it is a journal, and no file system */

static uint16_t get16(const uint8_t *p)
{
        uint16_t v;

        memcpy(&v, p, sizeof v);
        return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof v);
        return le32toh(v);
}

enum ext_state ext_state(const uint8_t *sb, int64_t now, const char **ret_why)
{
        uint16_t state = get16(sb + STATE);
        int16_t max_mounts = (int16_t)get16(sb + MAX_MOUNTS);
        uint32_t incompat = get32(sb + INCOMPAT), interval = get32(sb + INTERVAL),
                 last = get32(sb + LAST_CHECK);

        *ret_why = NULL;
        if (get16(sb + MAGIC) != EXT_MAGIC || incompat & INCOMPAT_JOURNAL_DEVICE)
                return EXT_UNKNOWN;
        if (state & STATE_ERRORS || get32(sb + ERROR_COUNT))
                *ret_why = "the kernel has found errors in it";
        else if (!(state & STATE_VALID))
                *ret_why = "it was not unmounted";
        else if (max_mounts > 0 && get16(sb + MOUNTS) >= max_mounts)
                *ret_why = "it was mounted as often as it may be without a check";
        /* A clock that is behind the last check says nothing. */
        else if (interval && now > last && now - last >= interval)
                *ret_why = "the time for its next check has come";
        if (*ret_why)
                return EXT_CHECK;
        return incompat & INCOMPAT_REPLAY ? EXT_JOURNAL : EXT_CLEAN;
}

enum ext_state ext_state_of(const char *node, const char **ret_why)
{
        _cleanup_close_ int fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t sb[EXT_SUPERBLOCK];

        *ret_why = NULL;
        if (fd < 0 || pread(fd, sb, sizeof sb, EXT_SUPERBLOCK) != sizeof sb)
                return EXT_UNKNOWN;
        return ext_state(sb, now_realtime() / USEC_PER_SEC, ret_why);
}
