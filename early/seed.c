/* random-seed: carries randomness over a reboot in /var/lib/systemd/random-seed.
 *
 * Loading writes the old seed to the pool without credit (as in Debian), then the file is replaced by a new
 * one and synced before anything depends on it: no two boots use the same seed. The new seed waits for the
 * pool to be initialised, by an event on /dev/random, not by blocking the helper. */
#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "early/early.h"

#define SEED_DIR  "/var/lib/systemd"
#define SEED_FILE SEED_DIR "/random-seed"
#define SEED_SIZE 512

static int save_seed(struct early *e)
{
        _cleanup_free_ char *dir = early_path(e, SEED_DIR), *file = early_path(e, SEED_FILE);
        char seed[SEED_SIZE];
        size_t have = 0;
        int r;

        if (!dir || !file)
                return log_oom();
        while (have < sizeof(seed)) {
                ssize_t n = getrandom(seed + have, sizeof(seed) - have, GRND_NONBLOCK);

                if (n < 0)
                        return -errno;
                have += n;
        }
        r = mkdir_p(dir, 0755);
        if (r >= 0)
                r = write_file_atomic(file, seed, sizeof(seed), 0600, true);
        explicit_bzero(seed, sizeof(seed));
        if (r == -EROFS) /* no harm in an old one that is given again: it is credited nothing */
                return log_full(LOG_NOTICE, r, NULL, SEED_FILE " stays as it is: %m"), 0;
        return r < 0 ? log_error_errno(r, SEED_FILE " not written: %m") : 0;
}

static int wait_for_pool(struct early *e)
{
        e->wait_fd = open("/dev/random", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (e->wait_fd < 0)
                return log_error_errno(-errno, "Cannot wait for the random pool: %m");
        return EARLY_AGAIN;
}

static int load_seed(struct early *e)
{
        _cleanup_free_ char *seed = NULL;
        _cleanup_close_ int fd = -1;
        size_t len;
        int r;

        r = early_read_file(e, SEED_FILE, 64 * 1024, &seed, &len);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_warning_errno(r, SEED_FILE " cannot be read: %m");
        if (len == 0)
                return 0;
        fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
        r = fd < 0 ? -errno : write_all(fd, seed, len);
        explicit_bzero(seed, len);
        return r < 0 ? log_warning_errno(r, "The random seed was not given to the kernel: %m") : 0;
}

int step_random_seed(struct early *e, char *const *args)
{
        int r;

        r = load_seed(e);
        if (r >= 0)
                r = save_seed(e);
        return r == -EAGAIN ? wait_for_pool(e) : r;
}

int step_random_seed_save(struct early *e, char *const *args)
{
        int r = save_seed(e);

        return r == -EAGAIN
                       ? log_warning_errno(r, "The random pool is not initialised; the old seed is kept: %m")
                       : r;
}
