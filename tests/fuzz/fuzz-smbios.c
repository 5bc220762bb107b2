/* SMBIOS structure tables, from the firmware: what is taken has a valid name, and lies inside. */
#include "init/credentials.h"
#include "tests/fuzz/fuzz.h"

static void take(void *data, const char *id, const void *value, size_t len)
{
        unsigned sum = 0;

        fuzz_check(credential_id_valid(id, strlen(id)));
        for (size_t i = 0; i < len; i++)
                sum |= ((const uint8_t *)value)[i];
        fuzz_check(sum < 256);
}

FUZZ_TARGET(smbios)
{
        const struct credential_sink sink = { take, NULL };

        credentials_of_smbios(data, size, &sink);
}
