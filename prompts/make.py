#!/usr/bin/env python3
"""Make every WAV of prompts/sv from the texts in prompts/sv/manifest.toml.

Needs espeak-ng (with its Swedish voice) and Python 3.11 or later; no other package.

    prompts/make.py             make what is missing or different
    prompts/make.py --check     make nothing; exit status 1 if a file is not what this script would make

Each file is 16 kHz, 16-bit, mono: all a telephone line can carry twice over, and small. Speech is at -26 dBov active level (ITU-T P.56,
measured as the caller hears it, at 8 kHz), no peak is over -3 dBFS, and 30 ms of silence are left in front and 50 ms behind.
The same espeak-ng gives the same files, bit for bit.
"""

import math
import operator
import pathlib
import struct
import subprocess
import sys
import tomllib
import wave
import io

FOLDER = pathlib.Path(__file__).resolve().parent / "sv"
RATE = 16_000
HEARD = 8_000
LEVEL_DBOV = -26.0
# A steady tone sounds louder than speech of the same level.
TONE_DBOV = -29.0
PEAK_DBFS = -3.0
# Slower than espeak-ng's 175 words a minute: hurried, old and hard-of-hearing people understand it the first time.
VOICE = ["espeak-ng", "-v", "sv", "-s", "150", "-p", "45", "-z"]
# Musical, and away from every DTMF frequency (nearest: 697 Hz), so that no detector takes them for a key.
LOW_HZ, HIGH_HZ = 523.25, 659.26
TONES = {"ton_in": (LOW_HZ, HIGH_HZ), "ton_ut": (HIGH_HZ, LOW_HZ)}


def main():
    check = sys.argv[1:] == ["--check"]
    with open(FOLDER / "manifest.toml", "rb") as manifest:
        prompts = tomllib.load(manifest)
    different = []
    for name, prompt in prompts.items():
        if name in TONES:
            samples, level = tones(*TONES[name]), TONE_DBOV
        else:
            samples, level = trim(speak(prompt.get("say", prompt["text"]))), LEVEL_DBOV
        made = wav(to_level(samples, level, name))
        path = FOLDER / prompt["file"]
        if not path.exists() or path.read_bytes() != made:
            different.append(path.name)
            if not check:
                path.write_bytes(made)
    print(f"{len(prompts)} prompts, {len(different)} {'differ' if check else 'made'}: {' '.join(different)}")
    return 1 if check and different else 0


def speak(text):
    """The synthesiser's voice, as floats at RATE."""
    out = subprocess.run([*VOICE, "--stdout", text], check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(out)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        # The length in a header written to a pipe is a guess: all that is there is read.
        octets = file.readframes(1 << 30)
        rate = file.getframerate()
    octets = octets[: len(octets) // 2 * 2]
    return resample([s / 32768 for (s,) in struct.iter_unpack("<h", octets)], rate, RATE)


def tones(first, second):
    """Two notes of 100 ms with soft edges."""
    out = []
    for hz in (first, second):
        n = RATE // 10
        edge = RATE // 100
        for i in range(n):
            soft = min(1.0, (i + 1) / edge, (n - i) / edge)
            out.append(math.sin(2 * math.pi * hz * i / RATE) * math.sin(soft * math.pi / 2) ** 2)
    silence = [0.0] * (RATE // 100)
    return silence + out + silence


def resample(samples, rate, to):
    """Windowed-sinc polyphase resampling, no delay, alias below -80 dB."""
    gcd = math.gcd(rate, to)
    up, down = to // gcd, rate // gcd
    cutoff = 0.94 * min(1.0, to / rate)
    half = int(32 / cutoff) + 1
    phases = []
    for phase in range(up):
        taps = []
        for k in range(-half + 1, half + 1):
            x = k - phase / up
            sinc = cutoff if x == 0 else math.sin(math.pi * cutoff * x) / (math.pi * x)
            u = 0.5 + 0.5 * x / half
            window = 0.42 - 0.5 * math.cos(2 * math.pi * u) + 0.08 * math.cos(4 * math.pi * u)
            taps.append(sinc * max(0.0, window))
        gain = sum(taps)
        phases.append([tap / gain for tap in taps])
    padded = [0.0] * (half - 1) + samples + [0.0] * (half + 1)
    out = []
    for n in range(len(samples) * up // down):
        at, phase = divmod(n * down, up)
        out.append(sum(map(operator.mul, phases[phase], padded[at : at + 2 * half])))
    return out


def trim(samples):
    """Silence down to 30 ms in front and 50 ms behind, both ends faded."""
    floor = max(map(abs, samples)) * 10 ** (-45 / 20)
    loud = [i for i, s in enumerate(samples) if abs(s) > floor]
    front, behind = RATE * 30 // 1000, RATE * 50 // 1000
    samples = [0.0] * front + samples + [0.0] * behind
    samples = samples[loud[0] : loud[-1] + 1 + front + behind]
    edge = RATE // 100
    for i in range(edge):
        samples[i] *= i / edge
        samples[-1 - i] *= i / edge
    return samples


def to_level(samples, level_dbov, name):
    gain = 10 ** ((level_dbov - active_level(resample(samples, RATE, HEARD))) / 20)
    peak = 20 * math.log10(max(map(abs, samples)) * gain)
    assert peak <= PEAK_DBFS, f"{name}: the peak would be {peak:.1f} dBFS"
    return [s * gain for s in samples]


def active_level(samples):
    """Active speech level in dBov of sound at HEARD Hz: ITU-T P.56 (2011), method B."""
    margin, hang, g = 15.9, HEARD // 5, math.exp(-1 / (HEARD * 0.03))
    thresholds = [2.0**-j for j in range(15, 0, -1)]
    active, last = [0] * len(thresholds), [-hang - 1] * len(thresholds)
    p = q = energy = 0.0
    for n, s in enumerate(samples):
        energy += s * s
        p = g * p + (1 - g) * abs(s)
        q = g * q + (1 - g) * p
        for j, threshold in enumerate(thresholds):
            if q >= threshold:
                last[j] = n
            elif n - last[j] > hang:
                break
            active[j] += 1
    below = None
    for a, c in zip(active, thresholds):
        if a == 0:
            break
        level, over = 10 * math.log10(energy / a), 10 * math.log10(energy / a) - 20 * math.log10(c)
        if over <= margin:
            if below is None:
                return level
            part = (below[1] - margin) / (below[1] - over)
            return below[0] + part * (level - below[0])
        below = (level, over)
    return below[0]


def wav(samples):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", round(s * 32767)) for s in samples))
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
