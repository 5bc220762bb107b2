/* The table of the steps, and the state that they share. Adding a step is one row and one function. */
#include <fcntl.h>

#include "early/early.h"
#include "early/safepath.h"
#include "early/tmpfiles.h"

const struct early_step early_steps[] = {
        { "remount-fs", step_remount_fs, "options of /, /usr and API file systems as in fstab" },
        { "sysusers", step_sysusers, "system users and groups of sysusers.d" },
        { "tmpfiles-dev", step_tmpfiles_dev, "lines of tmpfiles.d below /dev" },
        { "tmpfiles", step_tmpfiles, "all other lines of tmpfiles.d: removals, then creations" },
        { "sysctl", step_sysctl, "kernel settings of sysctl.d; arguments: prefixes of keys" },
        { "modules-load", step_modules_load,
                "prints the modules of modules-load.d and the kernel command line" },
        { "binfmt", step_binfmt, "binary formats of binfmt.d" },
        { "random-seed", step_random_seed, "gives the saved seed to the kernel, saves a new one" },
        { "random-seed-save", step_random_seed_save, "saves a new seed" },
        { "machine-id-commit", step_machine_id_commit, "makes a temporary /etc/machine-id permanent" },
        { "update-utmp", step_update_utmp, "boot record in utmp and wtmp" },
        { "utmp-runlevel", step_utmp_runlevel, "runlevel record; argument: the runlevel" },
        { "utmp-shutdown", step_utmp_shutdown, "shutdown record" },
        { "user-sessions", step_user_sessions, "removes /run/nologin" },
        { "user-sessions-stop", step_user_sessions_stop, "makes /run/nologin" },
        { "journal-flush", step_journal_flush, "tells the log daemon that /var is there" },
        { "journal-relinquish", step_journal_relinquish, "tells the log daemon that /var goes" },
        { NULL, NULL, NULL },
};

const struct early_step *early_step_find(const char *name)
{
        for (const struct early_step *s = early_steps; s->name; s++)
                if (streq(s->name, name))
                        return s;
        return NULL;
}

int early_init(struct early *e, const char *root)
{
        *e = (struct early) { .root = root, .root_fd = -1, .parent_fd = -1, .wait_fd = -1 };
        e->root_fd = open(root ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return e->root_fd < 0 ? -errno : 0;
}

void early_done(struct early *e)
{
        safe_forget(e);
        tmpfiles_free(e->tmpfiles);
        userdb_done(&e->users);
        for (size_t i = 0; i < ARRAY_SIZE(e->spec); i++)
                free(e->spec[i]);
        strbuf_done(&e->message);
        close_fd(e->root_fd);
        close_fd(e->wait_fd);
}
