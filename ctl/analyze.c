/* analyze: where the boot's time went, from the times that PID 1 keeps: time, blame, critical-chain, plot, json. */
#include "ctl.h"

#include "lib/fileio.h"
#include "lib/paths.h"

struct boot {
        struct ctl_list list; /* [0] the manager, then a record a unit */
        usec_t kernel_end, initrd_end, userspace, finish;
};

static usec_t usec_of(const struct ctl_record *r, const char *key)
{
        return (usec_t)record_u64(r, key);
}

static usec_t activating(const struct ctl_record *u)
{
        usec_t from = usec_of(u, "InactiveExitUSec"), to = usec_of(u, "ActiveEnterUSec"),
               end = usec_of(u, "InactiveEnterUSec");

        if (from == 0)
                return 0;
        if (to >= from)
                return to - from;
        return end > from ? end - from : 0; /* failed, or a oneshot that has ended */
}

static int boot_read(struct boot *b)
{
        const struct ctl_record *m;

        if (ctl_query("analyze-data", NULL, NULL, &b->list) < 0 || b->list.n == 0)
                return -EIO;
        m = &b->list.r[0];
        b->userspace = usec_of(m, "UserspaceUSec");
        b->kernel_end = usec_of(m, "InitRDUSec") ?: b->userspace;
        b->finish = usec_of(m, "FinishUSec");
        return 0;
}

static const char *span(char buf[64], usec_t t)
{
        return format_timespan(buf, 64, t, USEC_PER_MSEC);
}

static int analyze_time(const struct boot *b)
{
        char k[64], i[64], u[64], s[64];
        const struct ctl_record *m = &b->list.r[0];

        if (b->finish == 0) {
                puts("Bootup is not yet finished. Please try again later: 'systemctl list-jobs' says what "
                     "is waited for.");
                return 1;
        }
        printf("Startup finished in %s (kernel) ", span(k, b->kernel_end));
        if (b->userspace > b->kernel_end)
                printf("+ %s (initrd) ", span(i, b->userspace - b->kernel_end));
        printf("+ %s (userspace) = %s\n", span(u, b->finish - b->userspace), span(s, b->finish));
        for (size_t n = 1; n < b->list.n; n++)
                if (streq(record_str(&b->list.r[n], "Id"), record_str(m, "DefaultTarget")) &&
                        usec_of(&b->list.r[n], "ActiveEnterUSec"))
                        printf("%s reached after %s in userspace.\n", record_str(m, "DefaultTarget"),
                                span(u, usec_of(&b->list.r[n], "ActiveEnterUSec") - b->userspace));
        printf("%s processes started, %s jobs, %s units failed.\n", record_str(m, "Spawned"),
                record_str(m, "Jobs"), record_str(m, "NFailedUnits"));
        return 0;
}

static int by_cost(const void *a, const void *b)
{
        return CMP(activating(b), activating(a));
}

static int analyze_blame(struct boot *b)
{
        qsort(b->list.r + 1, b->list.n - 1, sizeof(*b->list.r), by_cost);
        for (size_t n = 1; n < b->list.n; n++) {
                char s[64];

                if (activating(&b->list.r[n]) > 0)
                        printf("%12s %s\n", span(s, activating(&b->list.r[n])),
                                record_str(&b->list.r[n], "Id"));
        }
        return 0;
}

/* ---- critical-chain ---- */

static const struct ctl_record *boot_unit(const struct boot *b, const char *id)
{
        for (size_t n = 1; n < b->list.n; n++)
                if (streq(record_str(&b->list.r[n], "Id"), id))
                        return &b->list.r[n];
        return NULL;
}

/* When its start was over. */
static usec_t ready_at(const struct ctl_record *u)
{
        return usec_of(u, "InactiveExitUSec") + activating(u);
}

/* The unit that u, by After=, waited for the longest: the last of them to be ready before u began. What PID 1 saw itself
 * (WaitReason) counts first. */
static const struct ctl_record *last_before(const struct boot *b, const struct ctl_record *u)
{
        _cleanup_strv_ char **after = strv_split(record_str(u, "After"), " ");
        usec_t begin = usec_of(u, "InactiveExitUSec") ?: usec_of(u, "ActiveEnterUSec");
        const struct ctl_record *best =
                record_get(u, "WaitReason") ? boot_unit(b, record_str(u, "WaitReason")) : NULL;

        if (best && ready_at(best) <= begin && ready_at(best) > 0)
                return best;
        best = NULL;
        FOREACH_STR (a, after) {
                const struct ctl_record *o = boot_unit(b, *a);

                if (o && ready_at(o) <= begin && (!best || ready_at(o) > ready_at(best)))
                        best = o;
        }
        return best;
}

static void print_link(const struct boot *b, const struct ctl_record *u, int depth)
{
        char at[64], took[64];
        usec_t when = usec_of(u, "InactiveExitUSec") ?: usec_of(u, "ActiveEnterUSec");

        if (depth > 0)
                printf("%*s└─", (depth - 1) * 2, "");
        printf("%s @%s", record_str(u, "Id"), span(at, MAX(when - b->userspace, 0)));
        if (activating(u) > 0)
                printf(" %s+%s%s", color("red"), span(took, activating(u)), color("off"));
        putchar('\n');
}

static int analyze_chain(const struct boot *b, const char *target)
{
        const struct ctl_record *u = boot_unit(b, target ?: record_str(&b->list.r[0], "DefaultTarget"));

        if (!u) {
                fprintf(stderr, "%s was not started in this boot.\n",
                        target ?: record_str(&b->list.r[0], "DefaultTarget"));
                return 1;
        }
        puts("The time when unit became active or started is printed after the \"@\" character.\n"
             "The time the unit took to start is printed after the \"+\" character.\n");
        for (int depth = 0; u && depth < 64; depth++) {
                print_link(b, u, depth);
                u = last_before(b, u);
        }
        return 0;
}

/* ---- plot ---- */

static int by_begin(const void *a, const void *b)
{
        return CMP(record_u64(a, "InactiveExitUSec") ?: record_u64(a, "ActiveEnterUSec"),
                record_u64(b, "InactiveExitUSec") ?: record_u64(b, "ActiveEnterUSec"));
}

#define PLOT_ROW  18
#define PLOT_LEFT 20

static void plot_text(const char *s)
{
        for (; *s; s++)
                if (*s == '<')
                        fputs("&lt;", stdout);
                else if (*s == '&')
                        fputs("&amp;", stdout);
                else
                        putchar(*s);
}

static void plot_bar(double x, double w, int row, const char *class, const char *text)
{
        printf("<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"14\"/><text x=\"%.2f\" "
               "y=\"%d\">",
                class, PLOT_LEFT + x, row * PLOT_ROW, MAX(w, 1.0), PLOT_LEFT + x + 4, row * PLOT_ROW + 11);
        plot_text(text);
        puts("</text>");
}

/* The steps of rouse-initrd, from the times that it left behind: what each row is called, and between which. */
static const struct {
        const char *label, *from, *to;
} initrd_steps[] = {
        { "initrd: modules", "initrd_start", "modules_done" },
        { "initrd: the root's device", "initrd_start", "root_found" },
        { "initrd: check of the root", "root_found", "fsck_done" },
        { "initrd: mount of the root", "fsck_done", "root_mounted" },
        { "initrd: hand-over", "root_mounted", "switch_root" },
};

static usec_t initrd_time(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
                if (strncmp(p, key, n) == 0 && p[n] == '=')
                        return strtoll(p + n + 1, NULL, 10);
        return 0;
}

static void plot_initrd(double scale, int *row)
{
        _cleanup_free_ char *times = NULL;

        if (read_file(ROUSE_TIMES, 65536, &times, NULL) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(initrd_steps); i++) {
                usec_t from = initrd_time(times, initrd_steps[i].from),
                       to = initrd_time(times, initrd_steps[i].to);
                char label[96], took[64];

                if (!from || to < from)
                        continue;
                snprintf(label, sizeof(label), "%s (%s)", initrd_steps[i].label, span(took, to - from));
                plot_bar((double)from * scale, (double)(to - from) * scale, (*row)++, "initrd", label);
        }
}

static int analyze_plot(struct boot *b)
{
        usec_t end = b->finish ?: now_monotonic();
        double scale = 1200.0 / (double)MAX(end, 1); /* pixels a microsecond */
        size_t rows = b->list.n + 4 + ARRAY_SIZE(initrd_steps);
        int row = 2;

        qsort(b->list.r + 1, b->list.n - 1, sizeof(*b->list.r), by_begin);
        printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1600\" height=\"%zu\" "
               "font-family=\"sans-serif\" font-size=\"11\">\n"
               "<style>rect.kernel{fill:#b0b0b0}rect.initrd{fill:#90b0e0}rect.user{fill:#a0d0a0}rect.wait{"
               "fill:#e07070}"
               "rect.up{fill:#d0d0f0}line{stroke:#ddd}</style>\n",
                rows * PLOT_ROW + 20);
        for (usec_t t = 0; t <= end; t += (end > 3 * USEC_PER_SEC ? 1000 : 100) * USEC_PER_MSEC)
                printf("<line x1=\"%.1f\" y1=\"14\" x2=\"%.1f\" y2=\"%zu\"/><text x=\"%.1f\" "
                       "y=\"11\">%.1fs</text>\n",
                        PLOT_LEFT + (double)t * scale, PLOT_LEFT + (double)t * scale, rows * PLOT_ROW,
                        PLOT_LEFT + (double)t * scale, (double)t / 1e6);
        plot_bar(0, (double)b->kernel_end * scale, row++, "kernel", "kernel");
        if (b->userspace > b->kernel_end) {
                plot_bar((double)b->kernel_end * scale, (double)(b->userspace - b->kernel_end) * scale,
                        row++, "initrd", "initrd");
                plot_initrd(scale, &row);
        }
        plot_bar((double)b->userspace * scale, (double)(end - b->userspace) * scale, row++, "user", "rouse");
        for (size_t n = 1; n < b->list.n; n++) {
                const struct ctl_record *u = &b->list.r[n];
                usec_t from = usec_of(u, "InactiveExitUSec") ?: usec_of(u, "ActiveEnterUSec");
                _cleanup_free_ char *label = NULL;
                char took[64];

                if (from > end)
                        continue;
                label = activating(u) >= USEC_PER_MSEC
                                ? str_printf("%s (%s)", record_str(u, "Id"), span(took, activating(u)))
                                : strdup(record_str(u, "Id"));
                plot_bar((double)from * scale, (double)activating(u) * scale, row++,
                        activating(u) ? "wait" : "up", label ?: "");
        }
        puts("</svg>");
        return 0;
}

static int analyze_json(const struct boot *b)
{
        _cleanup_strbuf_ struct strbuf s = { 0 };

        strbuf_puts(&s, "{\"manager\":");
        json_record(&s, &b->list.r[0]);
        strbuf_puts(&s, ",\"units\":[");
        for (size_t n = 1; n < b->list.n; n++) {
                strbuf_puts(&s, n > 1 ? ",\n" : "\n");
                json_record(&s, &b->list.r[n]);
        }
        strbuf_puts(&s, "]}\n");
        fputs(s.s ?: "", stdout);
        return 0;
}

/* ---- verify, and the verbs ---- */

int verb_verify(const char *verb, char **args)
{
        _cleanup_strv_ char **argv = NULL;
        char path[PATH_MAX] = "", *slash;
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - strlen("rouse") - 1);

        /* The one beside this program, as in a build, or the installed one. */
        if (n > 0 && (slash = strrchr(path, '/')))
                strcpy(slash + 1, "rouse");
        (void)strv_add(&argv, "rouse");
        (void)strv_add(&argv, "--verify");
        if (opt.root) {
                (void)strv_add(&argv, "--root");
                (void)strv_add(&argv, opt.root);
        }
        if (opt.man)
                (void)strv_addf(&argv, "--man=%s", opt.man);
        if (opt.recursive_errors)
                (void)strv_addf(&argv, "--recursive-errors=%s", opt.recursive_errors);
        (void)strv_extend(&argv, args);
        execv(path, argv);
        execv("/usr/sbin/rouse", argv);
        fprintf(stderr, "Failed to execute /usr/sbin/rouse: %s\n", strerror(errno));
        return 1;
}

/* What is not of rouse's boot (calendar, timespan, security, …) is the diverted program's. */
int verb_analyze(const char *verb, char **args)
{
        static const char *const ours[] = { "time", "blame", "critical-chain", "plot", "json", NULL };
        const char *what = args && *args ? *args : opt.output != OUTPUT_TABLE ? "json" : "time";
        struct boot b = { 0 };
        int r;

        if (streq(what, "verify"))
                return verb_verify(what, args + 1);
        if (!strv_contains((char *const *)ours, what))
                return exec_elsewhere(
                        "Unknown command verb: one of time, blame, critical-chain, plot, json, verify.");
        if (boot_read(&b) < 0)
                return 1;
        if (streq(what, "time"))
                r = analyze_time(&b);
        else if (streq(what, "blame"))
                r = analyze_blame(&b);
        else if (streq(what, "critical-chain"))
                r = analyze_chain(&b, args[1]);
        else if (streq(what, "plot"))
                r = analyze_plot(&b);
        else
                r = analyze_json(&b);
        ctl_list_done(&b.list);
        return r;
}

int analyze_main(int argc, char **argv)
{
        char **args = argv + 1;

        while (*args && **args == '-') {
                const char *v;

                if (streq(*args, "--version"))
                        return verb_version("version", NULL);
                if ((v = startswith(*args, "--man=")))
                        opt.man = (char *)v;
                if ((v = startswith(*args, "--recursive-errors=")))
                        opt.recursive_errors = (char *)v;
                else if ((v = startswith(*args, "--root=")))
                        opt.root = (char *)v;
                args++; /* --no-pager, --system and other ways to print */
        }
        return verb_analyze("analyze", args);
}
