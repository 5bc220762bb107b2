/* System credentials: what the machine is given from outside, kept at /run/credentials/@system for LoadCredential= and
 * ConditionCredential=. They come from the kernel command line (systemd.set_credential=ID:TEXT,
 * systemd.set_credential_binary=ID:BASE64), from the OEM strings of SMBIOS, and from the directory that a container's
 * manager names by $CREDENTIALS_DIRECTORY. Of two with one name the first counts, in this order. Nothing is made where
 * there are none. systemd.import_credentials=no: the first two are not looked at. */
#include "credentials.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base64.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "manager.h"

#define SYSTEM_DIR    "/run/credentials/@system"
#define DMI_TABLE     "/sys/firmware/dmi/tables/DMI"
#define MAX_TOTAL     (1u << 20)
#define SMBIOS_OEM    11
#define SMBIOS_HEADER 4

struct system_store {
        int fd; /* of SYSTEM_DIR; -1: not made yet */
        size_t total;
};

bool credential_id_valid(const char *s, size_t n)
{
        if (n == 0 || n > 255 || (n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (s[i] <= ' ' || s[i] == '/' || s[i] == ':' || s[i] == 127)
                        return false;
        return true;
}

/* "ID" up to the mark, then the value. */
static int take_pair(const char *s, char mark, bool binary, const struct credential_sink *sink)
{
        const char *at = strchr(s, mark);
        _cleanup_free_ char *id = at ? strndup(s, (size_t)(at - s)) : NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t len;
        int r;

        if (!at)
                return -EINVAL;
        if (!id)
                return -ENOMEM;
        if (!credential_id_valid(id, strlen(id)))
                return -EINVAL;
        if (!binary) {
                sink->take(sink->data, id, at + 1, strlen(at + 1));
                return 1;
        }
        r = base64_decode(at + 1, &bytes, &len);
        if (r < 0)
                return r;
        sink->take(sink->data, id, bytes, len);
        return 1;
}

int credential_of_oem_string(const char *s, const struct credential_sink *sink)
{
        const char *v;

        if ((v = startswith(s, "io.systemd.credential:")))
                return take_pair(v, '=', false, sink);
        if ((v = startswith(s, "io.systemd.credential.binary:")))
                return take_pair(v, '=', true, sink);
        return 0;
}

/* A structure is its formatted part (whose second byte is its length), then strings, each with a NUL, then one more. */
void credentials_of_smbios(const uint8_t *table, size_t len, const struct credential_sink *sink)
{
        const uint8_t *p = table, *end = table + len;

        while ((size_t)(end - p) >= SMBIOS_HEADER && p[1] >= SMBIOS_HEADER && p[1] <= end - p) {
                uint8_t type = p[0];
                bool any = false;

                for (p += p[1]; p < end && *p; any = true) {
                        const uint8_t *nul = memchr(p, 0, (size_t)(end - p));

                        if (!nul)
                                return;
                        if (type == SMBIOS_OEM && credential_of_oem_string((const char *)p, sink) < 0)
                                log_warning("SMBIOS: the credential '%.60s' is malformed; it is left out",
                                        (const char *)p);
                        p = nul + 1;
                }
                p += MIN(any ? 1 : 2, end - p); /* no string at all: two */
        }
}

static int make_directory(void)
{
        int fd;

        if (mkdir_p(SYSTEM_DIR, 0755) < 0 || chmod(SYSTEM_DIR, 0700) < 0)
                return -errno;
        if (mount("ramfs", SYSTEM_DIR, "ramfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
                log_debug_errno(-errno, SYSTEM_DIR " is an ordinary directory: %m");
        fd = open(SYSTEM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static void store(void *data, const char *id, const void *value, size_t len)
{
        struct system_store *s = data;
        _cleanup_close_ int fd = -1;

        if (s->fd < 0)
                s->fd = make_directory();
        s->total += len;
        if (s->fd < 0 || s->total > MAX_TOTAL) {
                log_warning_errno(s->fd < 0 ? s->fd : -E2BIG, "The credential %s is left out: %m", id);
                return;
        }
        fd = openat(s->fd, id, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0400);
        if (fd < 0 && errno == EEXIST)
                return;
        if (fd < 0 || write_all(fd, value, len) < 0)
                log_warning_errno(-errno, "The credential %s cannot be kept: %m", id);
}

static void from_cmdline(struct manager *m, const struct credential_sink *sink)
{
        FOREACH_STR (w, m->cmdline) {
                const char *text = startswith(*w, "systemd.set_credential="),
                           *binary = startswith(*w, "systemd.set_credential_binary=");

                if ((text || binary) && take_pair(text ?: binary, ':', binary != NULL, sink) < 0)
                        log_warning("Kernel command line: '%.60s' is no ID:VALUE; it is left out", *w);
        }
}

static void from_smbios(const struct credential_sink *sink)
{
        _cleanup_free_ char *table = NULL;
        size_t len;

        if (read_file(DMI_TABLE, 0, &table, &len) >= 0)
                credentials_of_smbios((const uint8_t *)table, len, sink);
}

static void from_directory(const char *dir, const struct credential_sink *sink)
{
        _cleanup_closedir_ DIR *d = opendir(dir);

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *data = NULL;
                size_t len;

                if (*e->d_name != '.' && credential_id_valid(e->d_name, strlen(e->d_name)) &&
                        read_file_at(dirfd(d), e->d_name, MAX_TOTAL, &data, &len) >= 0)
                        sink->take(sink->data, e->d_name, data, len);
        }
}

int boot_credentials(struct manager *m)
{
        const char *own = getenv("CREDENTIALS_DIRECTORY");
        struct system_store s = { .fd = -1 };
        const struct credential_sink sink = { store, &s };

        if (!m->container && cmdline_bool(m->cmdline, "systemd.import_credentials", true)) {
                from_cmdline(m, &sink);
                from_smbios(&sink);
        }
        if (own && *own == '/')
                from_directory(own, &sink);
        if (s.fd < 0)
                return 0;
        close(s.fd);
        (void)mount(NULL, SYSTEM_DIR, NULL,
                MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        return 0;
}
