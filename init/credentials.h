/* What is found of credentials in a firmware's tables and on the kernel command line. */
#pragma once

#include "lib/util.h"

struct credential_sink {
        void (*take)(void *data, const char *id, const void *value, size_t len);
        void *data;
};

/* A file name that no other setting can mistake. */
bool credential_id_valid(const char *s, size_t n);
/* "io.systemd.credential:ID=TEXT", "io.systemd.credential.binary:ID=BASE64". 1 taken, 0 none of ours, -EINVAL. */
int credential_of_oem_string(const char *s, const struct credential_sink *sink);
/* The OEM strings (type 11) of an SMBIOS structure table. A table that is cut short ends where it does. */
void credentials_of_smbios(const uint8_t *table, size_t len, const struct credential_sink *sink);
