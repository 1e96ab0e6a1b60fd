#!/usr/bin/env python3
"""Real peers against a real bridge, on loopback: SIPp scenarios, and two baresip instances that must hear each other.

    tests/peers/run.py target/release/ljudbro

Needs sipp (Debian: sip-tester, run as root for its key tones), baresip (baresip-core), GStreamer (gstreamer1.0-tools, gstreamer1.0-plugins-good) and Python 3. Prints one line a check; exit status 1 if one
fails. Last, it searches everything the bridge logged for the samtals-ID, the numbers and the name: none may be there.
"""

import json
import math
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from caller import Caller

HERE = pathlib.Path(__file__).resolve().parent
NUMBER = "0480445511"
# Not a run of digits that could turn up by chance in a timestamp or a count.
ID = "904718263"
WRONG = "904718264"
CALLER = "0700000001"
MEETING = "provrummet"
TONES = {"a": 440, "b": 1000}


class Failed(Exception):
    pass


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, done, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.05)
    raise Failed(f"{what}: not within {seconds} s")


class Bridge:
    """`ljudbro serve` in a folder of its own, logging JSON."""

    def __init__(self, binary, folder):
        self.port = free_port()
        first = random.Random(5511).randrange(20000, 28000) & ~1
        config = folder / "ljudbro.toml"
        config.write_text(
            f'[sip]\nlisten = ["udp:127.0.0.1:{self.port}", "tcp:127.0.0.1:{self.port}"]\nnumbers = ["{NUMBER}"]\n'
            f'[http]\nlisten = ""\n[media]\nports = "{first}-{first + 999}"\n[log]\nlevel = "debug"\nformat = "json"\n'
            f'[[meeting]]\nname = "{MEETING}"\nid = "{ID}"\n'
        )
        self.out_path, self.err_path = folder / "bridge.out", folder / "bridge.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen([binary, "serve", "--config", config], cwd=folder, stdout=out, stderr=err)
        wait_for("the bridge listens", self.listens, 10)

    def listens(self):
        if self.process.poll() is not None:
            raise Failed(f"the bridge ended with status {self.process.returncode}: {self.err_path.read_text()}")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        text = self.out_path.read_text(errors="replace") + self.err_path.read_text(errors="replace")
        lines = []
        for line in text.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass
        return lines

    def said(self, message, since=0):
        return [line for line in self.log()[since:] if line.get("fields", line).get("message") == message]

    def stop(self):
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        return status, time.monotonic() - begun


def sipp(bridge, folder, scenario, user=NUMBER, *more, transport="u1", calls=1, rate=1):
    command = ["sipp", f"127.0.0.1:{bridge.port}", "-sf", HERE / "sipp" / f"{scenario}.xml", "-s", user, "-i", "127.0.0.1", "-mi", "127.0.0.1"]
    command += ["-m", str(calls), "-r", str(rate), "-t", transport, "-nostdin", "-timeout", "60", "-timeout_error", "-trace_err"]
    command += ["-error_file", folder / f"{scenario}.errors", *more]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90)
    if done.returncode != 0:
        errors = folder / f"{scenario}.errors"
        detail = errors.read_text(errors="replace")[:2000] if errors.exists() else done.stdout[-800:] + done.stderr[-800:]
        raise Failed(f"sipp ended with {done.returncode}: {detail}")
    return done.stdout


def keys(text):
    return [part for place, key in enumerate(text) for part in ("-key", f"k{place}", key)]


def joined(bridge, since):
    wait_for("the caller is in the meeting", lambda: bridge.said("in the meeting", since), 3)


def check_dial(bridge, folder):
    for transport in ("u1", "t1"):
        sipp(bridge, folder, "dial", NUMBER, transport=transport)
    sipp(bridge, folder, "dial", "+46480445511")
    sipp(bridge, folder, "offerless")


def check_room_system(bridge, folder):
    for user in (MEETING, MEETING.upper(), ID):
        since = len(bridge.log())
        sipp(bridge, folder, "dial", user)
        joined(bridge, since)


def check_keys_rfc4733(bridge, folder):
    since = len(bridge.log())
    digits = folder / "digits.csv"
    digits.write_text(f"SEQUENTIAL\n{ID}\n")
    sipp(bridge, folder, "keys_rfc4733", NUMBER, "-inf", digits)
    joined(bridge, since)


def check_keys_info(bridge, folder):
    since = len(bridge.log())
    sipp(bridge, folder, "keys_info", NUMBER, *keys(ID))
    joined(bridge, since)


def check_cancel(bridge, folder):
    sipp(bridge, folder, "cancel", calls=5, rate=5)


def check_hold(bridge, folder):
    sipp(bridge, folder, "hold", MEETING)


def check_wrong_id(bridge, folder):
    since = len(bridge.log())
    sipp(bridge, folder, "wrong_id", NUMBER, *keys(WRONG))
    if bridge.said("in the meeting", since):
        raise Failed("a wrong ID led into the meeting")


def check_refusals(bridge, folder):
    sipp(bridge, folder, "refused", "0480000000")
    sipp(bridge, folder, "refused", WRONG)
    sipp(bridge, folder, "options")


def check_load(bridge, folder):
    sipp(bridge, folder, "load", NUMBER, transport="u1", calls=100, rate=50)
    wait_for("all calls have ended", lambda: len(bridge.said("call comes")) == len(bridge.said("call ended")), 5)


class Baresip:
    """A softphone that plays a steady tone and records what it hears."""

    def __init__(self, folder, name, dial, codecs="pcma/8000/1,pcmu/8000/1"):
        self.folder = folder / name
        self.folder.mkdir()
        modules = next(path for path in pathlib.Path("/usr/lib").rglob("baresip/modules") if path.is_dir())
        (self.folder / "config").write_text(
            f"module_path {modules}\nsip_listen 127.0.0.1:0\ncall_max_calls 1\nrtp_ports 30000-31999\nausrc_srate 48000\nausrc_channels 2\n"
            f"audio_source ausine,{TONES[name]}\naudio_player aubridge,heard\naudio_alert aubridge,alert\nsnd_path {self.folder}\n"
            "module stdio.so\nmodule g711.so\nmodule g722.so\nmodule opus.so\nmodule ausine.so\nmodule aubridge.so\nmodule sndfile.so\nmodule account.so\nmodule menu.so\n"
        )
        (self.folder / "accounts").write_text(f"<sip:{CALLER}@127.0.0.1>;regint=0;audio_codecs={codecs}\n")
        (self.folder / "contacts").write_text("")
        self.out = open(self.folder / "out", "wb")
        self.process = subprocess.Popen(["baresip", "-4", "-f", self.folder, "-e", f"/dial {dial}"], stdin=subprocess.PIPE, stdout=self.out, stderr=self.out)

    def key(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.out.close()

    def heard(self):
        data = next(self.folder.glob("dump-*-dec.wav")).read_bytes()
        # A recording that was cut short may have no lengths in its header: take what follows it.
        samples = data[44:]
        samples = struct.unpack(f"<{len(samples) // 2}h", samples[: len(samples) // 2 * 2])
        channels, rate = struct.unpack("<HI", data[22:28])
        return rate, samples[::channels]


def level(rate, samples, hz):
    """Share of the sound's power that is this tone (Goertzel), by seconds, the median."""
    shares = []
    for start in range(0, len(samples) - rate // 2, rate // 2):
        part = samples[start : start + rate // 2]
        power = sum(s * s for s in part) / len(part)
        if power < 100:
            shares.append(0.0)
            continue
        w = 2 * math.pi * hz / rate
        real = sum(s * math.cos(w * n) for n, s in enumerate(part))
        imag = sum(s * math.sin(w * n) for n, s in enumerate(part))
        shares.append(2 * (real * real + imag * imag) / len(part) ** 2 / power)
    return sorted(shares)[len(shares) // 2] if shares else 0.0


def check_wideband(bridge, folder):
    """Opus at one end and G.722 at the other: each is answered with its own codec."""
    (folder / "wide").mkdir()
    since = len(bridge.log())
    check_baresip(bridge, folder / "wide", "opus/48000/2", "G722/16000/1")
    answered = "\n".join(map(str, bridge.said("answered", since)))
    for codec in ("opus", "G722"):
        if codec not in answered:
            raise Failed(f"nobody was answered with {codec}: {answered}")


def check_baresip(bridge, folder, *codecs):
    codecs = codecs or ("pcma/8000/1,pcmu/8000/1",) * 2
    since = len(bridge.log())
    a = b = None
    try:
        a = Baresip(folder, "a", f"sip:{NUMBER}@127.0.0.1:{bridge.port}", codecs[0])
        wait_for("baresip a is answered", lambda: bridge.said("answered", since), 8)
        time.sleep(1)
        for digit in ID:
            a.key(digit)
            time.sleep(0.3)
        joined(bridge, since)
        b = Baresip(folder, "b", f"sip:{MEETING}@127.0.0.1:{bridge.port}", codecs[1])
        wait_for("both are in the meeting", lambda: len(bridge.said("in the meeting", since)) == 2, 8)
        # The announcements take up to five seconds; what follows is the meeting alone.
        time.sleep(14)
    except Failed as failed:
        names = [name for name in ("a", "b") if (folder / name / "out").exists()]
        said = "\n".join((folder / name / "out").read_text(errors="replace")[-1500:] for name in names)
        raise Failed(f"{failed}\n{said}") from None
    finally:
        for phone in (a, b):
            if phone is not None:
                phone.stop()
    for phone, own, other in ((a, "a", "b"), (b, "b", "a")):
        rate, samples = phone.heard()
        samples = samples[-7 * rate : -rate]
        hears, itself = level(rate, samples, TONES[other]), level(rate, samples, TONES[own])
        print(f"    baresip {own}: share of {TONES[other]} Hz {hears:.3f}, of its own {TONES[own]} Hz {itself:.5f}")
        if hears < 0.9:
            raise Failed(f"{own} does not hear {other}")
        if itself > 0.001:
            raise Failed(f"{own} hears itself")


def check_redundancy(bridge, folder):
    """GStreamer sends ten seconds of A-law and loses a tenth of it; of what it sends twice (RFC 2198) most is heard all the same."""
    made_up = {}
    for name, media, red in (
        ("once", "8\r\na=rtpmap:8 PCMA/8000\r\n", ""),
        ("twice", "97 8\r\na=rtpmap:97 red/8000\r\na=fmtp:97 8/8\r\na=rtpmap:8 PCMA/8000\r\n", "! rtpredenc pt=97 distance=1"),
    ):
        since = len(bridge.log())
        caller = Caller(bridge.port, MEETING, media)
        if ("red/8000" in caller.answer) != (name == "twice"):
            raise Failed(f"answered with {caller.answer}")
        pipeline = (
            "audiotestsrc is-live=true samplesperbuffer=160 num-buffers=500 wave=sine freq=440 ! audio/x-raw,rate=8000,channels=1 ! alawenc "
            f"! rtppcmapay min-ptime=20000000 max-ptime=20000000 {red} ! identity drop-probability=0.1 ! udpsink host=127.0.0.1 port={caller.port}"
        )
        done = subprocess.run(["gst-launch-1.0", "-q", *pipeline.split()], capture_output=True, text=True, timeout=30)
        caller.hang_up()
        if done.returncode != 0:
            raise Failed(f"gst-launch-1.0: {done.stdout[-500:]}{done.stderr[-500:]}")
        wait_for("the call is over", lambda: bridge.said("sound closed", since), 5)
        report = bridge.said("sound closed", since)[0]["fields"]
        lost, made_up[name] = report["lost"], report["concealed_ms"]
        print(f"    sent {name}: {lost} of 500 packets lost, {made_up[name]} ms made up")
        if not 20 <= lost <= 100:
            raise Failed("that is no loss of a tenth")
        made_up[name] /= lost
    # Without, each packet is made up. With, those next to another lost one are, and some before the bridge has seen how it goes.
    if not (made_up["once"] > 15 and made_up["twice"] < 10):
        raise Failed(f"{made_up} ms made up for each lost packet")


def check_stop(bridge, folder):
    status, seconds = bridge.stop()
    if status != 0 or seconds > 3:
        raise Failed(f"SIGTERM: status {status} after {seconds:.1f} s")


def check_logs(bridge, folder):
    text = bridge.out_path.read_text(errors="replace") + "\n" + bridge.err_path.read_text(errors="replace")
    logged = "\n".join(line for line in text.splitlines() if line.startswith("{"))
    if len(logged.splitlines()) < 100:
        raise Failed("hardly anything was logged: the search would prove nothing")
    secrets = [ID, WRONG, NUMBER, NUMBER[1:], CALLER, CALLER[1:], MEETING, "telephone-event", "m=audio"]
    found = [secret for secret in secrets if re.search(re.escape(secret), logged, re.IGNORECASE)]
    if found:
        raise Failed(f"the log shows {len(found)} secrets, the first in: " + next(l for l in logged.splitlines() if found[0].lower() in l.lower())[:300])
    print(f"    {len(logged.splitlines())} log lines searched for {len(secrets)} secrets")


CHECKS = [
    ("a call is answered over UDP and TCP, with and without an offer", check_dial),
    ("a room system is in the meeting at once, by name and by ID", check_room_system),
    ("keys by RFC 4733 lead into the meeting", check_keys_rfc4733),
    ("keys by INFO lead into the meeting", check_keys_info),
    ("a cancelled call leaves nothing behind", check_cancel),
    ("hold and resume are answered in kind", check_hold),
    ("three wrong IDs end with goodbye and BYE", check_wrong_id),
    ("what is not ours is refused, OPTIONS is answered", check_refusals),
    ("two baresips hear each other and not themselves", check_baresip),
    ("an Opus baresip and a G.722 one hear each other", check_wideband),
    ("what a GStreamer sends twice survives the loss of a tenth", check_redundancy),
    ("a hundred calls at fifty a second", check_load),
    ("SIGTERM ends it with status 0 within 3 s", check_stop),
    ("no log line shows an ID, a number or a name", check_logs),
]


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    only = sys.argv[2:]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ljudbro-peers-") as name:
        folder = pathlib.Path(name)
        bridge = Bridge(binary, folder)
        try:
            for sentence, check in CHECKS:
                if only and check.__name__.removeprefix("check_") not in only:
                    continue
                try:
                    check(bridge, folder)
                    print(f"ok      {sentence}", flush=True)
                except (Failed, subprocess.TimeoutExpired) as reason:
                    failed += 1
                    print(f"FAILED  {sentence}: {reason}", flush=True)
            if failed:
                print("the bridge's last words:\n" + bridge.err_path.read_text(errors="replace")[-3000:] + bridge.out_path.read_text(errors="replace")[-3000:])
        finally:
            if bridge.process.poll() is None:
                bridge.process.kill()
                bridge.process.wait()
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(CHECKS) - failed} passed; {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
