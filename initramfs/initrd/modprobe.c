/* /sbin/modprobe of the image: see modprobe.h. */

#include <stdio.h>
#include <sys/utsname.h>
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/modprobe.h"
#include "lib/cmdline.h"
#include "lib/log.h"

static void on_progress(struct loader *l)
{
        if (loader_idle(l))
                loop_exit(l->loop, 0);
}

static int load(int argc, char **argv)
{
        struct loader l = { .on_progress = on_progress };
        _cleanup_strv_ char **words = NULL;
        struct utsname u;
        int found = 0, r = loop_new(&l.loop);

        uname(&u);
        if (r < 0 || (r = loader_open(&l, l.loop, u.release)) < 0)
                return r;
        if (cmdline_read(&words) >= 0)
                l.cmdline = words;
        for (int i = 1; i < argc; i++)
                if (argv[i][0] != '-')
                        found += loader_name(&l, argv[i]) > 0 || loader_modalias(&l, argv[i]) > 0;
        if (!loader_idle(&l))
                (void)loop_run(l.loop);
        return found && !l.n_failed && (l.n_loaded || !l.n_idle) ? 0 : -ENOENT;
}

int modprobe_main(int argc, char **argv)
{
        const char *slash = strrchr(argv[0], '/');

        if (!streq(slash ? slash + 1 : argv[0], "modprobe")) {
                bool version = argc == 2 && streq(argv[1], "--version"),
                     help = argc == 2 && streq(argv[1], "--help");

                if (version)
                        puts("rouse-initrd " ROUSE_VERSION);
                else
                        fprintf(help ? stdout : stderr,
                                "rouse-initrd is /init of an initramfs, made by rouse-initramfs; it runs as "
                                "process 1 "
                                "only,\nand as /sbin/modprobe of that image for the kernel\n");
                return version || help ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        report_open();
        return load(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
