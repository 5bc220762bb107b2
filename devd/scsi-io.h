/* Asking a disk who it is: SCSI commands through SG_IO, for ata_id and scsi_id. */
#pragma once

#include "lib/util.h"

/* Sends a command that reads into buf. Bytes read, or -errno (-EIO: the device said no). */
int scsi_read_command(int fd, const uint8_t *cdb, size_t cdb_len, void *buf, size_t size);
/* The standard INQUIRY data, or with page ≥ 0 that vital product data page. */
int scsi_inquiry(int fd, int page, void *buf, size_t size);
/* The peripheral device type as udev names it. */
const char *scsi_type_name(unsigned type);
/* A fixed-size field as text: copied with its blanks, ended. */
char *scsi_field(const void *field, size_t len, char *buf);
