/* /init of an image that knows its machine by heart: loads the modules that /modules names, in that order,
 * waits for the device that /root-device names, checks it with the distribution's own fsck, mounts it, and
 * hands over to the program that init= names. ideal's and busybox's boots begin with it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/ideal.h"

#define DEVICE_WAIT_MS 20000

static void read_file(const char *path, char *buf, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

        if (fd >= 0)
                close(fd);
        buf[n > 0 ? n : 0] = 0;
}

static void load_modules(void)
{
        char names[4096], *rest = names, *name;

        read_file("/modules", names, sizeof(names));
        while ((name = strsep(&rest, "\n"))) {
                int fd = *name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

                if (fd >= 0) {
                        (void)!syscall(SYS_finit_module, fd, "", 0);
                        close(fd);
                }
        }
}

_Noreturn void initrd_main(void)
{
        char device[64], line[4096], *init, *argv[2] = { NULL };
        struct stat st;

        mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
        load_modules();
        read_file("/root-device", device, sizeof(device));
        for (int i = 0; i < DEVICE_WAIT_MS && stat(device, &st) < 0; i++)
                pause_ms(1);
        finish(start((char *const[]) { (char *)"/sbin/fsck.ext4", (char *)"-a", device, NULL }));
        mount(device, "/root", "ext4", 0, "");
        mount("proc", "/root/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
        mount("sysfs", "/root/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
        mount("/dev", "/root/dev", NULL, MS_MOVE, NULL);
        read_file("/root/proc/cmdline", line, sizeof(line));
        init = strstr(line, " init=");
        argv[0] = init ? strtok(init + 6, " \n") : NULL;
        if (argv[0] && chdir("/root") == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 && chroot(".") == 0)
                execv(argv[0], argv);
        perror("ideal: no root");
        reboot(RB_POWER_OFF);
        _exit(1);
}
