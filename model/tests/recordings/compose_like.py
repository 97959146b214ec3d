"""Redraws a display of changing height, with the sequences of `docker compose up`: each frame hides the cursor, moves
up to the display's first row, writes all rows again with colours, and shows the cursor."""

import sys

services = ["network", "database", "cache", "web", "worker"]
out = sys.stdout.write
shown = 0
for step in range(16):
    count = min(len(services), 1 + step // 2)
    done = sum(step >= 3 * (index + 1) for index in range(count))
    out("\x1b[?25l")
    if shown:
        out(f"\x1b[{shown}A")
    out(f"\x1b[1G\x1b[0;1m[+] Running {done}/{count}\x1b[0m\x1b[K\n")
    for index in range(count):
        name = services[index]
        if step >= 3 * (index + 1):
            out(f" \x1b[32m✔\x1b[0m Container \x1b[1m{name:<10}\x1b[0m \x1b[32mStarted\x1b[0m \x1b[34m{index + 1}.0s\x1b[0m\x1b[K\n")
        else:
            out(f" \x1b[33m{'⠋⠙⠹⠸'[step % 4]}\x1b[0m Container \x1b[1m{name:<10}\x1b[0m \x1b[33mStarting\x1b[0m {step / 10}s\x1b[K\n")
    shown = count + 1
    out("\x1b[?25h")
out("Attaching to database, web\n")
for request in range(3):
    out(f"\x1b[36mweb       |\x1b[0m GET /{request} 200\n")
