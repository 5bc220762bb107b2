/* What stands for the programs of an image, and for the real init, in initrd.t: one static program that does by its
 * name what the test needs of it.
 *
 *     init           says which file systems it finds, and what was left in /run for it
 *     sh, sulogin    prompt, and say what they are told until "exit"
 *     keyscript      prints its argument
 *     all others     note their arguments and their input in /run/tools, and end with the next code of /codes/NAME */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int be_init(void)
{
        char line[4096], source[1024], where[1024], type[64], options[1024];
        FILE *f = fopen("/proc/self/mounts", "re");

        while (f && fgets(line, sizeof line, f))
                if (sscanf(line, "%1023s %1023s %63s %1023s", source, where, type, options) == 4 &&
                        (!strcmp(where, "/usr") || (!strcmp(where, "/") && strcmp(type, "rootfs"))))
                        printf("MARKER %s %s %s %.2s\n", where, source, type, options);
        printf("MARKER api%s%s%s%s\n", access("/proc/1", F_OK) ? "" : " proc",
                access("/sys/class", F_OK) ? "" : " sys", access("/dev/null", F_OK) ? "" : " dev",
                access("/run/rouse/initrd.times", F_OK) ? "" : " run");
        if (!access("/run/initramfs/fsck-root", F_OK))
                puts("MARKER checked");
        if (!access("/run/initramfs/shutdown", X_OK))
                puts("MARKER way back");
        puts("MARKER end");
        return 0;
}

static int be_shell(const char *name)
{
        char line[256];

        for (;;) {
                printf("%s prompts# ", name);
                fflush(stdout);
                if (!fgets(line, sizeof line, stdin) || !strncmp(line, "exit", 4))
                        return 0;
                printf("told %s", line);
        }
}

/* The next line of /codes/NAME; the last one counts for all after it. */
static int next_code(const char *name)
{
        char path[256], line[32];
        int n = 0, code = 0;

        snprintf(path, sizeof path, "/run/count.%s", name);
        FILE *count = fopen(path, "a+e");
        if (count) {
                while (fgetc(count) != EOF)
                        n++;
                fputc('x', count);
                fclose(count);
        }
        snprintf(path, sizeof path, "/codes/%s", name);
        FILE *codes = fopen(path, "re");
        for (int i = 0; codes && i <= n && fgets(line, sizeof line, codes); i++)
                code = atoi(line);
        return code;
}

static int be_tool(const char *name, int argc, char **argv)
{
        char input[4096];
        ssize_t n = read(STDIN_FILENO, input, sizeof input);
        FILE *f = fopen("/run/tools", "ae");

        fprintf(f, "%s", name);
        for (int i = 1; i < argc; i++)
                fprintf(f, " %s", argv[i]);
        fprintf(f, " <%.*s>\n", n > 0 ? (int)n : 0, input);
        fclose(f);
        return next_code(name);
}

static int be_keyscript(int argc, char **argv)
{
        static const char *const names[] = { "CRYPTTAB_NAME", "CRYPTTAB_KEY", "CRYPTTAB_OPTIONS",
                "CRYPTTAB_TRIED", "CRYPTTAB_OPTION_tries" };
        FILE *f = fopen("/run/tools", "ae");

        fprintf(f, "keyscript");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                fprintf(f, " %s=%s", names[i] + 9, getenv(names[i]) ?: "");
        fputc('\n', f);
        fclose(f);
        printf("%s", argc > 1 ? argv[1] : "");
        return next_code("keyscript");
}

int main(int argc, char **argv)
{
        const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

        if (!strcmp(name, "init"))
                return be_init();
        if (!strcmp(name, "sh") || !strcmp(name, "sulogin"))
                return be_shell(name);
        return !strcmp(name, "keyscript") ? be_keyscript(argc, argv) : be_tool(name, argc, argv);
}
