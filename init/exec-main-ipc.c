/* rouse-exec --remove-ipc USER GROUP: System V and POSIX objects for communication between processes that a user, or a
 * group, has left behind. Never root's. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "exec-main.h"
#include "lib/fileio.h"

struct owner {
        uid_t uid; /* 0: none */
        gid_t gid;
};

static bool owns(const struct owner *o, uid_t uid, gid_t gid)
{
        return (o->uid != 0 && uid == o->uid) || (o->gid != 0 && gid == o->gid);
}

static void remove_shm(int id)
{
        (void)shmctl(id, IPC_RMID, NULL);
}

static void remove_sem(int id)
{
        (void)semctl(id, 0, IPC_RMID);
}

static void remove_msg(int id)
{
        (void)msgctl(id, IPC_RMID, NULL);
}

static void remove_sysv(const struct owner *o)
{
        /* the columns of owner and group differ */
        static const struct {
                const char *file, *format;
                void (*remove)(int id);
        } kinds[] = {
                { "/proc/sysvipc/shm", "%*d %d %*o %*u %*u %*u %*u %u %u", remove_shm },
                { "/proc/sysvipc/sem", "%*d %d %*o %*u %u %u", remove_sem },
                { "/proc/sysvipc/msg", "%*d %d %*o %*u %*u %*u %*u %u %u", remove_msg },
        };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_free_ char *text = NULL;
                unsigned uid, gid;
                int id;

                if (read_file(kinds[i].file, 8u << 20, &text, NULL) < 0)
                        continue;
                for (char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
                        if (sscanf(s, kinds[i].format, &id, &uid, &gid) == 3 && owns(o, uid, gid))
                                kinds[i].remove(id);
        }
}

/* Files of the owner below /dev/shm and /dev/mqueue; directories go when they are empty. */
static void remove_files(const struct owner *o, int parent, const char *name, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        d = fd >= 0 ? fdopendir(fd) : NULL;
        if (!d) {
                close_fd(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;

                if (streq(e->d_name, ".") || streq(e->d_name, "..") ||
                        fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && depth < 64)
                        remove_files(o, fd, e->d_name, depth + 1);
                if (owns(o, st.st_uid, st.st_gid))
                        (void)unlinkat(fd, e->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        }
}

int helper_remove_ipc(const char *user, const char *group)
{
        struct owner o = { 0 };
        char *end;

        if (*user) {
                unsigned long number = strtoul(user, &end, 10);
                struct passwd *pw = *end ? getpwnam(user) : NULL;

                if (*end && !pw)
                        return 1;
                o.uid = pw ? pw->pw_uid : (uid_t)number;
        }
        if (*group) {
                unsigned long number = strtoul(group, &end, 10);
                struct group *g = *end ? getgrnam(group) : NULL;

                if (*end && !g)
                        return 1;
                o.gid = g ? g->gr_gid : (gid_t)number;
        }
        remove_sysv(&o);
        remove_files(&o, AT_FDCWD, "/dev/shm", 0);
        remove_files(&o, AT_FDCWD, "/dev/mqueue", 0);
        return 0;
}
