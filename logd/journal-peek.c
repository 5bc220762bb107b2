#include <fcntl.h>

#include "logd/journal-write.h"

int journal_peek(const char *path, struct journal_header *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct journal_header h = { 0 };

        if (fd < 0)
                return -errno;
        if (pread(fd, &h, sizeof(h), 0) < (ssize_t)JOURNAL_HEADER_MIN ||
                memcmp(h.signature, JOURNAL_SIGNATURE, 8) != 0)
                return -EBADMSG;
        *ret = h;
        return 0;
}
