"""Draws bench/out/boot.svg: for each clock and system one bar of the boot's
parts, kernel → /init → real init → ready → login, with figures."""
import html
import statistics

WIDTH, LEFT, RIGHT, BAR, GAP = 900, 120, 90, 26, 16
PARTS = (("kernel_to_initrd", "kernel → /init", "#9aa5b1"),
         ("initrd_to_init", "/init → real init", "#e0a33e"),
         ("init_to_ready", "init → ready", "#2f7ed8"))
CLOCKS = {"exact": "exact clock: counted instructions, repeats to the microsecond",
          "plain": "plain clock: wall time under emulation, medians"}


def draw(path, figures):
    body, y = [], 70
    body.append(text(20, 28, "Boot to services that answer: Debian 12, the same root", 17, "bold"))
    x = 20
    for _, label, colour in PARTS:
        body.append(f'<rect x="{x}" y="40" width="12" height="12" fill="{colour}"/>')
        body.append(text(x + 17, 51, label, 12))
        x += 40 + 7 * len(label)
    body.append(f'<line x1="{x + 5}" y1="40" x2="{x + 5}" y2="52" stroke="#444" stroke-width="2"/>')
    body.append(text(x + 12, 51, "login prompt", 12))
    for clock in sorted(figures):
        y = draw_clock(body, y + 10, clock, figures[clock])
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
                   'font-family="system-ui, sans-serif">\n'
                   f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n")


def draw_clock(body, y, clock, of):
    medians = {name: {metric: statistics.median(values) for metric, values in metrics.items()}
               for name, metrics in of.items()}
    ends = [max(total(m), before(m) + m.get("init_to_login", 0)) for m in medians.values()]
    span = max(ends + [0.1])
    scale = (WIDTH - LEFT - RIGHT) / span
    body.append(text(20, y + 14, CLOCKS[clock], 13, "bold"))
    y += 26
    bottom = y + len(medians) * (BAR + GAP)
    for tick in ticks(span):
        x = LEFT + tick * scale
        body.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{bottom}" stroke="#e3e6ea"/>')
        body.append(text(x, bottom + 14, f"{tick:g} s", 11, anchor="middle", colour="#667"))
    for name, m in medians.items():
        draw_bar(body, y + GAP / 2, name, m, scale)
        y += BAR + GAP
    return bottom + 26


def draw_bar(body, y, name, m, scale):
    body.append(text(LEFT - 8, y + BAR / 2 + 5, name, 14, anchor="end"))
    at = LEFT
    for metric, label, colour in PARTS:
        width = m.get(metric, 0) * scale
        body.append(f'<rect x="{at:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}">'
                    f'<title>{html.escape(label)}: {m.get(metric, 0):.3f} s</title></rect>')
        if width > 44:
            body.append(text(at + width / 2, y + BAR / 2 + 4, f"{m[metric]:.2f}", 11, anchor="middle", colour="#fff"))
        at += width
    edge = at
    if "init_to_login" in m:
        x = LEFT + (before(m) + m["init_to_login"]) * scale
        body.append(f'<line x1="{x:.1f}" y1="{y - 3}" x2="{x:.1f}" y2="{y + BAR + 3}" stroke="#444" stroke-width="2"/>')
        edge = max(edge, x)
    body.append(text(edge + 7, y + BAR / 2 + 5, f"{total(m):.2f} s", 13, "bold"))


def before(m):
    return m.get("kernel_to_initrd", 0) + m.get("initrd_to_init", 0)


def total(m):
    return before(m) + m.get("init_to_ready", 0)


def ticks(span):
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if span / s <= 10 or s == 100)
    return [number * step for number in range(int(span / step) + 1)]


def text(x, y, what, size, weight="normal", anchor="start", colour="#1d2733"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
            f'fill="{colour}">{html.escape(what)}</text>')
