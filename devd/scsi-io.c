/* SG_IO: see scsi-io.h. Formats: SPC-4. */
#include "scsi-io.h"

#include <scsi/scsi.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#define TIMEOUT_MS 60000

/* A pass-through may answer with its registers as sense data, "recovered", in either of its two forms. */
static bool is_no_error(const uint8_t *sense)
{
        uint8_t form = sense[0] & 0x7f;

        return form >= 0x70 && form <= 0x73 && (sense[form >= 0x72 ? 1 : 2] & 0x0f) <= 1;
}

int scsi_read_command(int fd, const uint8_t *cdb, size_t cdb_len, void *buf, size_t size)
{
        uint8_t sense[32] = { 0 };
        struct sg_io_hdr h = { .interface_id = 'S',
                .dxfer_direction = SG_DXFER_FROM_DEV,
                .cmd_len = (unsigned char)cdb_len,
                .mx_sb_len = sizeof(sense),
                .dxfer_len = (unsigned)size,
                .dxferp = buf,
                .cmdp = (uint8_t *)(uintptr_t)cdb,
                .sbp = sense,
                .timeout = TIMEOUT_MS };

        memset(buf, 0, size);
        if (ioctl(fd, SG_IO, &h) < 0)
                return -errno;
        if (h.host_status || (h.status && h.status != 2 /* CHECK CONDITION */))
                return -EIO;
        if (h.status && !is_no_error(sense))
                return -EIO;
        return (int)size - (h.resid > 0 ? h.resid : 0);
}

int scsi_inquiry(int fd, int page, void *buf, size_t size)
{
        uint8_t cdb[6] = { INQUIRY, page >= 0, (uint8_t)(page >= 0 ? page : 0), (uint8_t)(size >> 8),
                (uint8_t)size, 0 };

        return scsi_read_command(fd, cdb, sizeof(cdb), buf, size);
}

const char *scsi_type_name(unsigned type)
{
        switch (type) {
        case 0x00:
        case 0x0e: return "disk";
        case 0x01: return "tape";
        case 0x04:
        case 0x07:
        case 0x0f: return "optical";
        case 0x05: return "cd";
        default: return "generic";
        }
}

char *scsi_field(const void *field, size_t len, char *buf)
{
        memcpy(buf, field, len);
        buf[len] = 0;
        return buf;
}
