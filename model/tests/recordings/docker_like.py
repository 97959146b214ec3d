"""Redraws the progress of several layers in place, with the sequences of `docker pull`: each update moves up to the
layer's row, erases it, writes it, and moves down again."""

import sys

layers = ["a3ed95caeb02", "1c9ec05f37d7", "8d691f585fa8", "5f70bf18a086", "c0d4a1f7e2b9", "77c6a0e95d41"]
out = sys.stdout.write


def update(index, text):
    up = len(layers) - index
    out(f"\x1b[{up}A\x1b[2K\r{layers[index]}: {text}\x1b[{up}B\r")


out("latest: Pulling from library/demo\n")
for layer in layers:
    out(f"{layer}: Pulling fs layer\n")
for index in range(3, len(layers)):
    update(index, "Waiting")
for step in range(1, 11):
    for index in range(len(layers)):
        done = step * (index + 1)
        if done < 20:
            bar = "=" * done + ">" + " " * (20 - done)
            update(index, f"Downloading [{bar}] {done * 5}kB/100kB")
        elif done < 40:
            update(index, "Extracting [====================>]")
        else:
            update(index, "Pull complete")
for index in range(len(layers)):
    update(index, "Pull complete")
out("Digest: sha256:0c2b2d2a1d8e\nStatus: Downloaded newer image for demo:latest\n")
