/* Out of the initramfs that PID 1 runs in, into the real root: what the next init gets of what was learnt here, and the
 * hand-over to rouse-shutdown, which ends what still runs, makes the mounted file system the root and executes its init.
 *
 * Left in /run/rouse and /run/initramfs are: the times of the steps (initrd.times), what has been logged and not been
 * taken by a log daemon (initrd.log), and that the root was checked (fsck-root). Any init may follow. */
#include <stdio.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "boot.h"
#include "control.h"
#include "manager.h"
#include "types.h"

#define IN_INITRD "/etc/initrd-release"

static char *new_root, *new_init;
static char **init_argv; /* the kernel's words for init; argv[0] first */

void switch_root_prepare(struct manager *m, char **argv)
{
        m->in_initrd = access(IN_INITRD, F_OK) == 0;
        init_argv = argv;
}

/* switch-root ROOT INIT: rousectl has looked whether there is such a program. */
int verb_switch_root(struct request *r)
{
        if (!r->m->in_initrd)
                return request_fail(r, -EOPNOTSUPP, "There is no " IN_INITRD ": this is no initramfs.");
        if (!r->args[1] || r->args[0][0] != '/' || r->args[1][0] != '/' || streq(r->args[0], "/"))
                return request_fail(r, -EINVAL, "The new root and its init must be absolute paths.");
        if (str_replace(&new_root, r->args[0]) < 0 || str_replace(&new_init, r->args[1]) < 0)
                return -ENOMEM;
        log_notice("Switching to the root in %s, executing its %s", new_root, new_init);
        control_end(r->client, r->id, 0, NULL); /* the loop ends with this turn */
        manager_set_objective(r->m, OBJ_SWITCH_ROOT);
        return CONTROL_LATER;
}

static usec_t active_since(struct manager *m, const char *name)
{
        struct unit *u = hash_get(&m->units, name);

        return u ? u->active_enter : 0;
}

/* When the root's device was there, and when it had been checked. */
static void times_of_root(const struct unit *root, usec_t *found, usec_t *checked)
{
        UNIT_FOREACH_DEP(root, DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO), u)
        {
                if (u->type == UNIT_DEVICE)
                        *found = u->active_enter;
                if (startswith(u->id, "systemd-fsck@") && u->active_enter)
                        *checked = u->active_enter;
        }
}

static void write_times(struct manager *m, const struct unit *root)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        usec_t found = 0, checked = 0;

        if (root)
                times_of_root(root, &found, &checked);
        const struct {
                const char *name;
                usec_t t;
        } times[] = { { "initrd_start", m->t_userspace },
                { "modules_done", active_since(m, "systemd-modules-load.service") }, { "root_found", found },
                { "fsck_done", checked ?: found }, { "root_mounted", root ? root->active_enter : 0 },
                { "switch_root", now_monotonic() } };
        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                if (times[i].t)
                        strbuf_printf(&b, "%s=%lld\n", times[i].name, (long long)times[i].t);
        if (b.failed || write_file_atomic(ROUSE_TIMES, b.s, b.len, 0644, false) < 0)
                log_warning("Cannot write " ROUSE_TIMES "; the boot's chart will begin at the real root");
        if (checked && (mkdir_parents(ROUSE_FSCK_ROOT_DONE, 0755) < 0 ||
                               write_file_atomic(ROUSE_FSCK_ROOT_DONE, "", 0, 0644, false) < 0))
                log_warning("Cannot write " ROUSE_FSCK_ROOT_DONE "; the root will be checked again");
}

void switch_root_now(struct manager *m)
{
        struct unit *root = hash_get(&m->units, "sysroot.mount");
        size_t n = strv_len(init_argv);
        char **argv = calloc(n + 4, sizeof(*argv));
        int r;

        if (!argv) {
                log_oom();
                return;
        }
        write_times(m, root);
        r = ring_save(ROUSE_INITRD_LOG);
        if (r < 0)
                log_warning_errno(r, "Cannot write " ROUSE_INITRD_LOG ": %m");
        argv[0] = (char *)ROUSE_SHUTDOWN;
        argv[1] = (char *)"switch-root";
        argv[2] = new_root;
        argv[3] = new_init;
        if (n > 1)
                memcpy(argv + 4, init_argv + 1, (n - 1) * sizeof(*argv));
        execv(ROUSE_SHUTDOWN, argv);
        log_error_errno(-errno, "Could not execute " ROUSE_SHUTDOWN ": %m; going on");
        free(argv);
}
