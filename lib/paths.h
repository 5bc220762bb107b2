/* Where things are. One place, since two programs meet at each of them. */
#pragma once

#define ROUSE_LIBDIR         "/usr/lib/rouse"
#define ROUSE_UNITDIR        "/usr/lib/rouse/system"
#define ROUSE_RUNDIR         "/run/rouse"
#define ROUSE_GENERATION     "/run/rouse/generation"   /* changes with what PID 1 tells, init/generation.c */
#define ROUSE_CONTROL        "/run/rouse/control"      /* PID 1's control socket, lib/ctlproto.h */
#define ROUSE_TIMES          "/run/rouse/initrd.times" /* KEY=usec lines left by rouse-initrd */
#define ROUSE_INITRD_DEVS    "/run/rouse/initrd.devices" /* what rouse-initrd learnt by probing */
#define ROUSE_INITRD_LOG     "/run/rouse/initrd.log"     /* what PID 1 logged in the initramfs */
#define ROUSE_MODULE_DIGEST  "modules.rouse"             /* in /lib/modules/VERSION: decisions.md 8 */
#define ROUSE_EXEC           ROUSE_LIBDIR "/rouse-exec"
#define ROUSE_EARLY          ROUSE_LIBDIR "/rouse-early"
#define ROUSE_DEVD           ROUSE_LIBDIR "/rouse-devd"
#define ROUSE_DEVD_PROBE     ROUSE_LIBDIR "/rouse-devd-probe"
#define ROUSE_DEVD_WORKER    ROUSE_LIBDIR "/rouse-devd-worker"
#define ROUSE_LOGD           ROUSE_LIBDIR "/rouse-logd"
#define ROUSE_SHUTDOWN       ROUSE_LIBDIR "/rouse-shutdown"
#define ROUSE_CTL            "/usr/bin/rousectl"
#define RUN_LOG_SETTINGS     "/run/rouse/log" /* what units say of their logs: logd/settings.c */
#define ROUSE_FSCK_ROOT_DONE "/run/initramfs/fsck-root"
