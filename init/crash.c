/* When PID 1 itself fails: what it says, the way back to another init, a shell on the console. Only async-signal-safe
 * calls in what the crash handler uses. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "lib/cmdline.h"
#include "lib/paths.h"
#include "boot.h"
#include "manager.h"

void crash_say(const char *text)
{
        int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY),
            con = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd >= 0) {
                (void)!write(fd, text, strlen(text));
                close(fd);
        }
        if (con >= 0) {
                (void)!write(con, text, strlen(text));
                close(con);
        }
}

void crash_message(int sig)
{
        char text[] = "<0>rouse: PID 1 caught a fatal signal: 00. Services run on.\r\n";
        char *digits = strstr(text, "00");

        digits[0] = (char)('0' + sig / 10);
        digits[1] = (char)('0' + sig % 10);
        crash_say(text);
}

static pid_t shell_on_console(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                char *argv[] = { (char *)"/sbin/sulogin", (char *)"--force", NULL };
                char *sh[] = { (char *)"/bin/sh", NULL };
                int fd = open("/dev/console", O_RDWR);
                sigset_t none;

                (void)setsid();
                sigemptyset(&none);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                for (int i = 0; i < 3 && fd >= 0; i++)
                        (void)dup2(fd, i);
                execv(argv[0], argv);
                execv(sh[0], sh);
                _exit(127);
        }
        return pid;
}

void crash_end(bool shell, bool restart)
{
        pid_t pid = 0;

        if (shell) {
                crash_say("<0>rouse: a shell is on the console; `reboot -f` ends the machine.\r\n");
                pid = shell_on_console();
        }
        if (!restart || pid < 0)
                return;
        if (pid > 0)
                while (waitpid(-1, NULL, 0) != pid)
                        ;
        else
                (void)sleep(10); /* time to read what was said */
        sync();
        (void)reboot(RB_AUTOBOOT);
}

void boot_fallback(const char *why)
{
        _cleanup_strv_ char **words = NULL;
        const char *init = NULL;
        _cleanup_free_ char *text = NULL;
        sigset_t none;
        pid_t pid;

        if (cmdline_read(&words) >= 0)
                init = cmdline_get(words, "rouse.fallback");
        if (access("/etc/initrd-release", F_OK) == 0) /* what the command line names is in the root */
                init = ROUSE_LIBDIR "/rouse-initrd";
        else if (str_empty(init))
                init = access("/lib/systemd/systemd", X_OK) == 0 ? "/lib/systemd/systemd" : NULL;
        text = str_printf("<2>rouse: %s; %s%s\r\n", why,
                init ? "executing the other init, " : "and there is no other init", init ?: "");
        crash_say(text ?: "<2>rouse: boot failed\r\n");
        if (getpid() != 1)
                return;
        if (init && !streq(init, "none")) {
                char *argv[] = { (char *)init, NULL };

                (void)kill(-1, SIGKILL); /* what was begun: the other init begins anew */
                while (waitpid(-1, NULL, 0) > 0)
                        ;
                sigemptyset(&none);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                execv(init, argv);
                crash_say("<2>rouse: it could not be executed\r\n");
        }
        pid = shell_on_console();
        while (pid > 0 && waitpid(-1, NULL, 0) != pid)
                ;
        sync();
        (void)reboot(RB_AUTOBOOT);
}
