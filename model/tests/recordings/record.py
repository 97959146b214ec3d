"""Runs a command in a terminal of 120 columns and 40 rows, and writes its output to a file.

Usage: python3 record.py FILE COMMAND [ARGUMENT...]
"""

import fcntl
import os
import pty
import struct
import sys
import termios

path, command = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLUMNS="120", LINES="40")
    os.execvp(command[0], command)
with open(path, "wb") as file:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # The command has closed the terminal.
            break
        if not data:
            break
        file.write(data)
os.waitpid(child, 0)
