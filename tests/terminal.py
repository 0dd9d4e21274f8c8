"""Runs a program at a terminal: terminal.py ANSWERS PROGRAM ARGUMENT..., one answer a line, each given to the next question.

A question is what stands at the end of the screen with ":" or "]" and a space behind it. Those with ":" ask for a password:
they are answered once the terminal does not show what is typed.
"""

import os
import pty
import sys
import termios

answers = sys.argv[1].splitlines()
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[2], sys.argv[2:])
screen, asked = b"", 0
while True:
    try:
        shown = os.read(terminal, 1024)
    except OSError:  # the program has ended
        break
    if not shown:
        break
    screen += shown
    if answers and screen[asked:].endswith((b": ", b"] ")):
        asked = len(screen)
        while screen.endswith(b": ") and termios.tcgetattr(terminal)[3] & termios.ECHO:
            pass
        os.write(terminal, answers.pop(0).encode() + b"\n")
_, status = os.waitpid(process, 0)
sys.stdout.buffer.write(screen)
sys.exit(os.waitstatus_to_exitcode(status))
