#!/usr/bin/env bash
# How many callers this machine carries, and how late the sound is: `ljudbro serve` under `ljudbro load`, one table.
#
#   benches/capacity.sh [--rows a,b,…] [--seconds N] [--server-cpus LIST] [--load-cpu N] [--binary FILE] [--keep FOLDER]
#
# Rows: 200 1000 2000 (meetings of ten, one talks), threes (999 calls in meetings of three), one (1,000 calls in one meeting, three talk),
# opus (200 of Opus in one meeting, one talks), idle (20 calls in meetings of two: the delay), churn (500 calls, 200 more come and go each second),
# rush (600 of Opus in 15 s: more than a core carries; most must be sent away, and those inside must not notice).
# Under the table is what the bridge counted itself: turns of legs that it missed (20 ms of sound each), from the first call to the last.
# With two cores: --server-cpus 0 --load-cpu 1 gives each its own; without, they share. Everything stays on loopback; only processes that
# this script started are ended.
set -euo pipefail
cd "$(dirname "$0")/.."

rows=200,1000,2000,threes,one,opus,idle,churn,rush seconds=30 server_cpus='' load_cpu='' binary='' keep=''
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; exit "${1:-0}"; }
while [ $# -gt 0 ]; do
    case $1 in
    --rows) rows=${2:?}; shift 2 ;;
    --seconds) seconds=${2:?}; shift 2 ;;
    --server-cpus) server_cpus=${2:?}; shift 2 ;;
    --load-cpu) load_cpu=${2:?}; shift 2 ;;
    --binary) binary=${2:?}; shift 2 ;;
    --keep) keep=${2:?}; shift 2 ;;
    -h | --help) usage ;;
    *) echo "unknown: $1" >&2; usage 2 >&2 ;;
    esac
done

# Two sockets a call on either side.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
if [ -z "$binary" ]; then
    cargo build --release --quiet --bin ljudbro
    binary=${CARGO_TARGET_DIR:-target}/release/ljudbro
fi
binary=$(realpath "$binary")

folder=$(mktemp -d)
server=''
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=''
    fi
}
finish() { stop; rm -rf "$folder"; }
trap finish EXIT
trap 'exit 130' INT TERM

{
    printf '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[media]\nports = "10000-32767"\n[call]\nmax_calls = 4000\n[http]\nlisten = "127.0.0.1:0"\n[log]\nlevel = "warn"\n'
    for n in $(seq 1 400); do
        printf '[[meeting]]\nname = "last%d"\nid = "%d"\n' "$n" $((100000000 + n))
    done
} >"$folder/bro.toml"

# A bridge of its own for each row, so that memory begins anew.
start() {
    local pin=()
    [ -z "$server_cpus" ] || pin=(taskset -c "$server_cpus")
    (cd "$folder" && exec "${pin[@]}" "$binary" serve --config bro.toml) >"$folder/said" 2>"$folder/log" &
    server=$!
    local address='' turn
    for turn in $(seq 1 100); do
        address=$(sed -n 's/.*UDP \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$folder/said" | head -1)
        [ -z "$address" ] || break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    if [ -z "$address" ]; then
        echo "the bridge did not start:" >&2
        cat "$folder/said" "$folder/log" >&2
        exit 1
    fi
    target=sip:0480445511@$address
}

# What the bridge has counted under this name, labels and all, of /metrics.
counted() {
    local port
    port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\)/.*|\1|p' "$folder/said" | head -1)
    # A bridge that has ended counts nothing any more; its row says so.
    [ -n "$port" ] && kill -0 "$server" 2>/dev/null || { echo '?'; return; }
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
    awk -v name="ljudbro_$1" 'index($1, name) == 1 && $1 !~ /^#/ { sum += $2 } END { print sum + 0 }' <&3
    exec 3<&-
}

counts=()
row() { # label, then arguments
    local label=$1 pin=() files=()
    shift
    [ -z "$load_cpu" ] || pin=(--cpu "$load_cpu")
    [ -z "$keep" ] || { mkdir -p "$keep"; files=(--json "$keep/${label// /-}.json" --report "$keep/${label// /-}.html"); }
    start
    # A status other than 0 is told in the row itself.
    "$binary" load "$target" --ids 100000001.. --pid "$server" --seconds "$seconds" --row "$label" "${pin[@]}" "${files[@]}" "$@" || true
    sleep 1.5 # it shows its figures once a second
    counts+=("$label: $(counted worker_turns_missed_total) turns missed; $(counted 'calls_begun_total{way="full"') told \`upptaget\`, $(counted 'calls_refused_total{status="503"') refused")
    stop
}

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r), $(date -I), ${seconds} s a row;" \
    "bridge on cores ${server_cpus:-any}, generator on core ${load_cpu:-any}"
echo
echo '| run | valid | CPU, ms a call and second | INVITE to 200 p50 / p99, ms | failed | got in | packets missing | gaps > 40 ms | jitter p99 / p99.9, ms | delay p50 / p95 / max, ms | kB a call | RSS start / peak / end, MB | generator late p99.9, ms |'
echo '|---|---|---|---|---|---|---|---|---|---|---|---|---|'
for name in ${rows//,/ }; do
    case $name in
    200 | 1000 | 2000) row "$name in tens" --calls "$name" --rate 100 ;;
    threes) row '999 in threes' --calls 999 --per-meeting 3 --rate 100 ;;
    one) row '1000 in one' --calls 1000 --per-meeting 1000 --talkers 3 --rate 100 ;;
    opus) row '200 of Opus in one' --calls 200 --per-meeting 200 --codec opus --rate 3 ;;
    idle) row '20 in twos' --calls 20 --per-meeting 2 ;;
    churn) row '500 and 200 a second' --calls 500 --rate 100 --churn 200 --churn-listen 1 --barge-in 100 ;;
    rush) row '600 of Opus in 15 s' --calls 600 --per-meeting 200 --codec opus --rate 40 ;;
    *) echo "no such row: $name" >&2; exit 2 ;;
    esac
done
echo
printf -- '- %s\n' "${counts[@]}"
